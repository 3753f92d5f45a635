"""The DAG of a lane over the real pipeline, in a real Postgres."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from ml.settings import PROJECT
from tests.dags.test_runs import run
from tests.live.conftest import Shop

pytestmark = pytest.mark.night


def test_the_lane_through_airflow_gives_a_new_order_its_row(watched: Shop, postgres: str, monkeypatch) -> None:
    """Triggered, the DAG publishes the new order and tells of it; triggered again, there is nothing to tell."""
    monkeypatch.setenv("NIGHTSHIFT_MLFLOW_URI", watched.settings.mlflow_uri)
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(PROJECT / "dags"))
    monkeypatch.setenv("AIRFLOW__CORE__PLUGINS_FOLDER", str(PROJECT / "plugins"))
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    with closing(psycopg2.connect(postgres)) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE airflow_live")
    watched.execute("INSERT INTO shop.\"order\" (order_id, customer_id, ordered_at) VALUES ('n1', 'c1', now())")
    airflow = postgres.replace("/postgres?", "/airflow_live?")
    first, second = run("real", [("live_watch", {})] * 2, watched.settings.home, airflow, watched.settings.database_url)
    assert (first["state"], second["state"]) == ("success", "success")
    assert first["assets"]["ml/order_watch"]["scored"] == 1
    assert second["assets"] == {}
    assert set(watched.new()) == {"n1"}
