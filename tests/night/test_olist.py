"""A whole night in real Airflow on Olist's export."""

from __future__ import annotations

import pytest

from tests.night.conftest import SHARED, Stack, need

pytestmark = [pytest.mark.night, pytest.mark.real]

OLIST = SHARED / "olist" / "subset_8135_orders"


def test_olist_goes_through(stack: Stack) -> None:
    """Olist's export, where hardly anyone buys twice, ends in whole lists too."""
    need(OLIST)
    shown = stack.run("demo", "--shop", "olist", "--data", str(OLIST), "--replace").stdout
    assert "ml.recommendation" in shown or "because" in shown or "popular" in shown
    assert stack.value("SELECT count(DISTINCT customer_id) AS n FROM ml.recommendation") > 7000
