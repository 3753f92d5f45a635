"""Health of a service, for a container's health check: exit code 0 or 1, one line that says why.

``health.py http URL``: URL answers. ``health.py airflow URL [COMPONENT]``: the API server at URL answers and says that
its database and COMPONENT (scheduler, dag_processor) are healthy; a second's work, where Airflow's own
``airflow jobs check`` imports for five.
"""

from __future__ import annotations

import json
import sys
import urllib.request

TIMEOUT_S = 8


def check(kind: str, url: str, component: str = "") -> str:
    """Why the service is not healthy; empty if it is."""
    if not url.startswith(("http://", "https://")):
        return f"no http(s) address: {url}"
    address = f"{url}/api/v2/monitor/health" if kind == "airflow" else url
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:  # noqa: S310 - http(s) only, see above
            body = answer.read()
    except OSError as error:
        return f"{address}: {error}"
    if kind != "airflow":
        return ""
    health = json.loads(body)
    names = ["metadatabase", *([component] if component else [])]
    sick = [name for name in names if (health.get(name) or {}).get("status") != "healthy"]
    return f"not healthy: {', '.join(sick)}" if sick else ""


if __name__ == "__main__":
    fault = check(*sys.argv[1:])
    sys.stdout.write((fault or "healthy") + "\n")
    sys.exit(1 if fault else 0)
