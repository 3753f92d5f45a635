"""What Airflow's asynchronous driver, asyncpg, has to be told beside the URL on a server of the shop's own."""

from __future__ import annotations

import os
import ssl
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit


def arguments(url: str) -> dict[str, Any]:
    """Arguments that mean to asyncpg what the libpq ``url`` says.

    Prepared statements have names of their own and are not kept: behind PgBouncer others use the same connection. TLS
    is verified as libpq would: SQLAlchemy hands on no root certificate.
    """
    options: dict[str, Any] = {
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": lambda: f"__asyncpg_{uuid.uuid4()}__",
    }
    query = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
    if "sslrootcert" not in query and "sslcert" not in query:
        return options
    root = query.get("sslrootcert")
    context = ssl.create_default_context(cafile=None if root in {None, "system"} else root)
    context.check_hostname = query.get("sslmode") == "verify-full"
    if root is None:
        context.verify_mode = ssl.CERT_NONE
    if "sslcert" in query:
        context.load_cert_chain(query["sslcert"], query.get("sslkey"), query.get("sslpassword"))
    return options | {"ssl": context}


def __getattr__(name: str) -> dict[str, Any]:
    """``ARGUMENTS``, of the connection that Airflow is configured with."""
    if name != "ARGUMENTS":
        raise AttributeError(name)
    return arguments(os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
