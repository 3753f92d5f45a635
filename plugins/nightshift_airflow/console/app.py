"""The web application below ``/nightshift`` of Airflow's API server."""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI

from nightshift_airflow.console import data_docs

# Whoever may not see the DAG night may not see what it found: 401 without a login, 403 without the right.
app = FastAPI(
    title="Nightshift", docs_url=None, redoc_url=None, openapi_url=None,
    dependencies=[Depends(requires_access_dag("GET", param_dag_id="night"))],
)  # fmt: skip
app.include_router(data_docs.router)
