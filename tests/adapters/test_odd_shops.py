"""Shops whose rows are right and whose dates or texts are not: after a move to another system, or with JSON in titles."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import ibis
import pytest

from ml.adapters import quality
from ml.adapters.lake import Lake
from ml.adapters.shop import extract as reader
from ml.capabilities.recommender import features
from ml.capabilities.recommender.spec import Params
from ml.settings import PROJECT
from tests.small_shop import fill, shop

MOVE, REF = datetime(2025, 2, 20, tzinfo=UTC), "night/001"
BEFORE, AFTER = datetime(2025, 2, 1, tzinfo=UTC), datetime(2025, 3, 8, tzinfo=UTC)


@pytest.mark.parametrize("night", [BEFORE, AFTER])
def test_what_was_sold_before_the_move_is_known_from_its_first_sale(
    database: str, tmp_path: Path, night: datetime
) -> None:
    """By a night after the move, and by one of before it; what was never sold is known from the move on; null: for ever."""
    tables = shop()
    for name, column in (("product", "listed_at"), ("customer", "registered_at")):
        tables[name] = [{**row, column: MOVE.isoformat()} for row in tables[name]]
    tables["product"][3]["listed_at"] = None
    tables["product"][4]["listed_at"] = "2024-06-01 00:00Z"
    tables["product"].append({"product_id": "never sold", "listed_at": MOVE.isoformat()})
    tables["order"][5] |= {"customer_id": "c5", "known_at": "2025-01-07 00:00Z"}  # a till's, imported the next morning
    fill(database, tables)
    lake = Lake(str(tmp_path / "lake"))
    reader.extract(database, lake, REF, night, "key", now=AFTER)
    verdicts = quality.validate_snapshot(lake, REF, PROJECT / "expectations" / "shop", threads=1, memory_gb=1)
    assert [(v.table, v.failed) for v in verdicts if v.failed] == []
    clean = {name: lake.read_parquet("snapshot", REF, "clean", name) for name in tables}
    listed = {row["product_id"]: row["listed_at"] for row in clean["product"].to_pylist()}
    assert ("never sold" in listed) == (night == AFTER)
    assert (listed["p1"], listed["p3"]) == (datetime(2025, 1, 1, 12, tzinfo=UTC), None)
    assert listed["p4"] == datetime(2024, 6, 1, tzinfo=UTC)
    joined = {row["customer_id"]: row["registered_at"] for row in clean["customer"].to_pylist()}
    assert (joined["c1"], joined["c5"]) == (datetime(2025, 1, 2, 12, tzinfo=UTC), datetime(2025, 1, 7, tzinfo=UTC))
    built = features.build(
        {name: ibis.memtable(rows) for name, rows in clean.items()}, datetime(2025, 1, 20, tzinfo=UTC), Params()
    )
    backend = ibis.duckdb.connect()
    assert len(backend.to_pyarrow(built["product"])) == 12
    assert len(backend.to_pyarrow(built["purchase"])) > 30


def test_a_structure_is_no_title(database: str, tmp_path: Path) -> None:
    """JSON in a title or a review is null in what is learnt from, and stays in the snapshot; a title in brackets stays."""
    tables = shop(5)
    titles = ['{"en": "Cup"}', '[{"l":"en"}]', ' a:1:{s:2:"en";}', "[Sale] Cup", "{blue} Cup", "Cup"]
    tables["product"] = [{**row, "title": titles[n % 6]} for n, row in enumerate(tables["product"])]
    tables["review"] = [{"review_id": "r", "stars": 5, "text": '{"body": "great"}', "written_at": "2025-01-02 00:00Z"}]
    fill(database, tables)
    lake = Lake(str(tmp_path / "lake"))
    reader.extract(database, lake, REF, AFTER, "key", now=AFTER)
    quality.validate_snapshot(lake, REF, PROJECT / "expectations" / "shop", threads=1, memory_gb=1)
    clean = lake.read_parquet("snapshot", REF, "clean", "product")["title"].to_pylist()
    assert clean[:6] == [None, None, None, "[Sale] Cup", "{blue} Cup", "Cup"]
    assert lake.read_parquet("snapshot", REF, "raw", "product")["title"].to_pylist()[:6] == titles
    assert lake.read_parquet("snapshot", REF, "clean", "review")["text"].to_pylist() == [None]
