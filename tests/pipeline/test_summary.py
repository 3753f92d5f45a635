"""The report of a night."""

from __future__ import annotations

from datetime import date

import pytest

from ml import pipeline
from ml.core.errors import DataRefused
from ml.settings import Settings
from tests.small_shop import fill, shop


def test_a_refused_night_has_a_report(settings: Settings) -> None:
    """Without it Airflow's task would fail by itself and be tried again and again, and the night would not end."""
    tables = shop()
    for row in tables["order_item"]:
        row["order_id"] = f"x{row['order_id']}"
    fill(settings.shop_url, tables)
    ref = pipeline.extract(settings, date(2025, 4, 1))
    with pytest.raises(DataRefused):
        pipeline.validate(settings, ref)
    summary = pipeline.report(settings, ref)
    assert (summary["notes"], summary["headlines"], summary["status"]) == ([], {}, "failed")
