"""Which customers' rows a fit gets where not all have room."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ml.adapters.lake import Lake, pieces
from ml.core.errors import WrongUse
from ml.pipeline.context import LazyTables, Night
from ml.pipeline.learning_sample import TIMES, Draw, chosen, draw, sampled
from ml.registry import capability
from ml.settings import Settings

CUSTOMERS = 2_000


def rows(columns: dict[str, list[str | None]]) -> pa.RecordBatch:
    """Columns of text as a batch."""
    return pa.record_batch({name: pa.array(values, pa.string()) for name, values in columns.items()})


def test_a_customer_is_drawn_with_all_rows_and_in_every_larger_share() -> None:
    """The same id is in or out wherever it stands; who is among 10 % is among 30 %; the shares are about those asked for."""
    ids: list[str | None] = [f"c{n % CUSTOMERS}" for n in range(3 * CUSTOMERS)]
    batch = rows({"customer_id": ids})
    small, large = (chosen(batch, ("customer_id",), share) for share in (0.1, 0.3))
    assert (small.reshape(3, -1) == small[:CUSTOMERS]).all()
    assert not (small & ~large).any()
    assert small.mean() == pytest.approx(0.1, abs=0.03)
    assert large.mean() == pytest.approx(0.3, abs=0.05)
    assert (chosen(batch.slice(7), ("customer_id",), 0.3) == large[7:]).all()


def test_a_guest_is_drawn_by_what_else_the_row_has() -> None:
    """Guests are neither all in nor all out; a row with no id at all is left out."""
    batch = rows({"customer_id": [None] * 1_000, "order_id": [f"o{n}" for n in range(999)] + [None]})
    found = chosen(batch, ("customer_id", "order_id"), 0.5)
    assert found[:-1].mean() == pytest.approx(0.5, abs=0.06)
    assert not found[-1]
    assert (found == chosen(rows({"customer_id": batch["order_id"].to_pylist()}), ("customer_id",), 0.5)).all()


def test_a_number_stands_for_its_customer() -> None:
    """Tables that know a customer by ``customer_no`` are drawn by the customer's id; who is unknown is left out."""
    batch = pa.record_batch({"customer_no": pa.array([0, 1, 1, -1, 2], pa.int32())})
    found = chosen(batch, ("customer_no",), 0.5, np.array([0.2, 0.9]))
    assert found.tolist() == [True, False, False, False, False]


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """A night of a shop with 2,000 customers."""
    settings = Settings(tmp_path, "", "", str(tmp_path / "lake"), "", "UTC", "k", 1, 4.0)
    return Night(settings, "2026-01-01/001", Lake(settings.lake_uri), {"tables": {"customer": {"rows": CUSTOMERS}}})


@pytest.fixture
def tables(night: Night) -> LazyTables:
    """Two orders of each customer."""
    order = pa.table(
        {"customer_id": [f"c{n % CUSTOMERS}" for n in range(2 * CUSTOMERS)], "total": [1.0] * 2 * CUSTOMERS}
    )
    order = order.append_column("order_id", pa.array([f"o{n}" for n in range(len(order))]))
    for name, rows in {"order": order, "cost": pa.table({"one": [True]})}.items():
        night.lake.write_batches(f"features/{name}.parquet", rows.to_batches())
    return LazyTables.of(night.lake, night.lake.join("features"))


def test_the_setting_says_how_many(night: Night, tables: LazyTables) -> None:
    """Only rows of about so many customers are read, what is not drawn whole; it is said, with weight and share."""
    few = replace(night, settings=replace(night.settings, learn_customers=500))
    found, sample = sampled(few, capability("risk"), tables)
    assert (sample.share, sample.weight, sample.customers) == (0.25, 4.0, CUSTOMERS)
    assert "25.0% of 2,000 customers" in sample.words
    assert "each standing for 4.0" in sample.words
    assert sample.facts == {"learning_share": 0.25, "customer_weight": 4.0}
    assert len(found["order"]) == pytest.approx(1_000, abs=120)
    assert set(np.unique(found["order"]["customer_id"].value_counts().field("counts").to_numpy())) == {2}
    assert len(found["cost"]) == 1


def test_memory_decides_on_spark_where_nothing_is_set(night: Night, tables: LazyTables) -> None:
    """All of a shop that fits; of one that does not as large a share as memory holds, for the same tables half of it in half."""
    settings = replace(night.settings, engine="spark")
    held = draw(replace(night, settings=settings), capability("risk"), tables)
    assert held == Draw(1.0, CUSTOMERS, held.why)
    assert sampled(replace(night, settings=settings), capability("risk"), tables)[0] is tables
    shares = []
    for part in (0.5, 0.25):
        memory = part * TIMES * pieces.in_memory(night.lake, "features/order.parquet") / 2**30
        little = replace(night, settings=replace(settings, memory_gb=memory))
        shares.append(draw(little, capability("risk"), tables).share)
    assert shares == pytest.approx([0.5, 0.25], rel=0.01)


def test_one_machine_learns_from_all_where_nothing_is_set(night: Night, tables: LazyTables) -> None:
    """However little memory the queries may take: nobody asked for fewer customers."""
    little = replace(night, settings=replace(night.settings, memory_gb=1e-9))
    assert sampled(little, capability("risk"), tables) == (tables, Draw())


def test_who_learns_of_products_draws_nothing(night: Night, tables: LazyTables) -> None:
    """The sales of a product are those of all customers."""
    few = replace(night, settings=replace(night.settings, learn_customers=1))
    assert sampled(few, capability("demand"), tables)[0] is tables


@pytest.mark.parametrize("text", ["many", "-3", "0.5"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    """In words, with what came."""
    given = {"NIGHTSHIFT_HOME": "/n", "NIGHTSHIFT_DATABASE_URL": "postgresql://", "NIGHTSHIFT_HASH_KEY": "k"}
    with pytest.raises(WrongUse, match=text):
        Settings.from_env(given | {"NIGHTSHIFT_LEARN_CUSTOMERS": text})
