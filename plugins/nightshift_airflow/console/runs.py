"""Runs of DAGs, asked of Airflow's own API in the name of the person: Airflow decides whether they may."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from fastapi import HTTPException, Request

from ml.core.errors import NightshiftError

TIMEOUT_S = 20


def call(request: Request, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """One request to Airflow's API with the person's own token.

    Raises
    ------
    fastapi.HTTPException
        Airflow refuses: with its status and words.
    NightshiftError
        Airflow does not answer.
    """
    base = os.environ.get("AIRFLOW__API__BASE_URL", "").rstrip("/") or str(request.base_url).rstrip("/")
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    token = bearer or request.cookies.get(COOKIE_NAME_JWT_TOKEN, "")
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Authorization": f"Bearer {token}"}
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(base + path, data, headers, method=method)  # noqa: S310 - Airflow's own address
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        raise HTTPException(error.code, error.read().decode(errors="replace")[:300]) from None
    except OSError as error:
        raise NightshiftError(
            "Airflow does not answer.", came=str(error), do="see ./nightshift status, then press the button again"
        ) from None


def start(request: Request, dag: str, conf: Mapping[str, Any]) -> str:
    """Start a run; gives its id."""
    run = call(request, "POST", f"/api/v2/dags/{quote(dag)}/dagRuns", {"logical_date": None, "conf": dict(conf)})
    return str(run["dag_run_id"])


def clear_failed(request: Request, dag: str) -> int:
    """Let the failed tasks of the latest run run again; gives how many they are."""
    runs = call(request, "GET", f"/api/v2/dags/{quote(dag)}/dagRuns?limit=1&order_by=-run_after")["dag_runs"]
    if not runs:
        raise HTTPException(404, f"The DAG {dag} has no run yet.")
    body = {
        "dry_run": False,
        "only_failed": True,
        "reset_dag_runs": True,
        "dag_run_id": runs[0]["dag_run_id"],
        "include_downstream": True,
    }
    done = call(request, "POST", f"/api/v2/dags/{quote(dag)}/clearTaskInstances", body)
    return int(done["total_entries"])
