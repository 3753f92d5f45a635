"""The DAG ``night`` over the real pipeline, on a small demo shop in a real Postgres."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import psycopg2
import pytest

from ml.shop.load import load
from tests.dags.test_runs import run

CUSTOMERS = 300

pytestmark = pytest.mark.night


def test_a_night_through_airflow_publishes_what_the_shop_reads(settings, postgres, tmp_path):
    """The shop can SELECT as many rows as the assets tell of, all of one batch; the night again publishes the same."""
    report = load(settings, "demo", customers=CUSTOMERS)
    night = (report.last_order + timedelta(days=1)).isoformat()
    with closing(psycopg2.connect(postgres)) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE airflow_real")
    runs = [("night", {"night": night}), ("night", {"night": night})]
    airflow = postgres.replace("/postgres?", "/airflow_real?")
    first, second = run("real", runs, tmp_path, airflow, settings.database_url)
    assert (first["state"], second["state"]) == ("success", "success")
    assert first["assets"]["ml/recommendation"] == second["assets"]["ml/recommendation"]
    with closing(psycopg2.connect(settings.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT batch_id), count(DISTINCT customer_id) FROM ml.recommendation")
        rows, batches, customers = cursor.fetchone()
    assert rows == first["assets"]["ml/recommendation"]["rows"]
    assert batches == 1
    assert customers > CUSTOMERS / 2
