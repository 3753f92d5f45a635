"""What was bought of a list, by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from ml.adapters.lake import Lake
from ml.pipeline.bought import bought
from ml.pipeline.context import Night
from ml.registry import capability
from ml.settings import Settings

START, END = datetime(2025, 3, 5, tzinfo=UTC), datetime(2025, 3, 12, tzinfo=UTC)


def write(lake: Lake, path: str, **columns: Any) -> None:
    """A Parquet file of a lake."""
    lake.write_batches(lake.join(path), pa.table(columns).to_batches())


@pytest.fixture
def night(tmp_path: Any) -> Night:
    """A week after the lists of c1 (p1, p2) and c2 (p1): c1 bought p2 twice and p3, c2 p3, c3 (without a list) p1."""
    settings = Settings(tmp_path, "", "", str(tmp_path / "lake"), "", "UTC", "", 1, 1)
    lake = Lake(settings.lake_uri)
    write(
        lake,
        "predictions/2025-03-05/001/recommender/recommendation/00000.parquet",
        customer_id=["c1", "c1", "c2"],
        product_id=["p1", "p2", "p1"],
    )
    clean = "snapshot/2025-03-12/001/clean"
    write(
        lake,
        f"{clean}/order/part.parquet",
        order_id=["o1", "o2", "o3", "o4", "o5"],
        customer_id=["c1", "c2", "c3", "c1", "c1"],
        ordered_at=pa.array([datetime(2025, 3, d, 12, tzinfo=UTC) for d in (6, 7, 8, 4, 9)], pa.timestamp("us", "UTC")),
        status=["paid", "paid", "paid", "paid", "cancelled"],
    )
    write(
        lake,
        f"{clean}/order_item/part.parquet",
        order_id=["o1", "o1", "o2", "o3", "o4", "o5"],
        product_id=["p2", "p3", "p3", "p1", "p1", "p1"],
        quantity=[2.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        unit_price=[5.0, 7.0, 7.0, 3.0, 3.0, 3.0],
    )
    return Night(settings, "2025-03-12/001", lake, {"tables": {"order": {}, "order_item": {}}})


def test_what_was_bought_of_a_list_by_hand(night: Night) -> None:
    """Of two buyers with a list one bought of it, for 10 of the 24 that they spent; no list, cancelled and earlier do not count."""
    batch = {"ref": "2025-03-05/001", "night": date(2025, 3, 5), "version": 3}
    found = {f.name: f for f in bought(night, capability("recommender"), batch, START, END, "7 days")}
    head = "ml.recommendation: "
    assert found[f"{head}buyers who bought of it"].value == 0.5
    assert found[f"{head}buyers who bought of it"].units == 2
    assert found[f"{head}money spent on it"].value == 10.0
    assert found[f"{head}money of the buyers"].value == 24.0
    assert {f.slice for f in found.values()} == {"7 days"}


def test_lists_that_are_gone_give_no_figure(night: Night) -> None:
    """Where the rows of a batch are older than the retention there is nothing, and of a damaged file neither."""
    batch = {"ref": "2025-03-01/001", "night": date(2025, 3, 1), "version": 3}
    assert bought(night, capability("recommender"), batch, START, END, "7 days") == []
