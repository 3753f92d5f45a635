"""Large tables by ranges of their key, here one after the other: what is read and judged is what one pass reads and judges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ml.adapters import quality
from ml.adapters.erasure.ownership import Ownership
from ml.adapters.lake import Lake
from ml.adapters.shop import extract, ranges
from ml.adapters.shop.pseudonym import Pseudonym
from ml.adapters.shop.reader import reading
from ml.adapters.shop.select import Shop
from ml.contract.tables import PRODUCT
from ml.core.spread import Place
from ml.settings import PROJECT
from tests.small_shop import execute, fill, shop

AS_OF = datetime(2025, 3, 1, tzinfo=UTC)
Spread = Callable[[Callable[..., Any], Any], list[Any]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spread:
    """Runs pieces in this process, the last first, with ranges of 50 rows."""
    monkeypatch.setattr(ranges, "ROWS_PER_RANGE", 50)
    monkeypatch.setattr(ranges, "_LOOKED_AT", 1)
    place = Place(tmp_path, 1, 1.0)
    return lambda function, tasks: [function(place, *task) for task in reversed(tasks)][::-1]


def read(url: str, lake: Lake, ref: str, spread: Spread | None, **options: Any) -> dict[str, Any]:
    """Extract and validate; the manifest and the verdicts without what may differ: digests, seconds, examples."""
    manifest = extract.extract(url, lake, ref, AS_OF, "key", spread=spread, **options)
    verdicts = quality.validate_snapshot(
        lake, ref, PROJECT / "expectations" / "shop", threads=1, memory_gb=1, spread=spread
    )
    clean = {name: rows(lake, ref, "clean", name) for name in manifest["tables"]}
    return {
        "counts": {n: (t["rows"], t["nulls"], t["erased"], t["absent"]) for n, t in manifest["tables"].items()},
        "raw": {name: rows(lake, ref, "raw", name) for name in manifest["tables"]},
        "clean": clean,
        "quarantine": {name: rows(lake, ref, "quarantine", f"{name}.parquet") for name in manifest["tables"]},
        "verdicts": [without_examples(asdict(verdict)) for verdict in verdicts],
    }


def rows(lake: Lake, ref: str, *parts: str) -> list[str]:
    """Rows in one order."""
    return sorted(map(repr, lake.read_parquet("snapshot", ref, *parts).to_pylist()))


def without_examples(verdict: dict[str, Any]) -> dict[str, Any]:
    """A verdict, its breaches in one order."""
    breaches = [
        {k: v for k, v in breach.items() if k != "examples" or not breach["rows"]} for breach in verdict["breaches"]
    ]
    return verdict | {"breaches": sorted(breaches, key=repr)}


def test_ranges_read_and_judge_what_one_pass_does(database: str, tmp_path: Path, here: Spread) -> None:
    """Repeated keys, orphans, impossible values, a row without a key, customers who asked to be forgotten, and a sample."""
    fill(database, shop())
    execute(
        database,
        'ALTER TABLE shop."order" DROP CONSTRAINT IF EXISTS order_pkey CASCADE',
        'ALTER TABLE shop."order" ALTER order_id DROP NOT NULL',
        """INSERT INTO shop."order" SELECT * FROM shop."order" WHERE order_id IN ('o3', 'o59')""",
        """INSERT INTO shop."order" (order_id, customer_id, ordered_at) VALUES (NULL, 'c1', '2025-02-01')""",
        """INSERT INTO shop.order_item (order_id, line_no, product_id, quantity, unit_price)
           VALUES ('nowhere', 1, 'p1', 1, 2), ('o7', 9, 'p1', -4, 2)""",
    )
    lake = Lake(str(tmp_path))
    forgotten = frozenset(Pseudonym("key").hashed(pa.array(["c4"])).to_pylist())
    for number, options in enumerate(({"forgotten": forgotten}, {"sample": 4})):
        one = read(database, lake, f"2025-03-01/{number}01", None, **options)
        spread = read(database, lake, f"2025-03-01/{number}02", here, **options)
        assert len(lake.ranges("snapshot", f"2025-03-01/{number}02", "raw", "order_item")) > 1
        assert spread == one
    assert one["quarantine"]["order_item"]
    assert len(lake.ranges("snapshot", "2025-03-01/002", "clean", "order_item")) > 1


def test_a_key_of_another_type_is_cut_as_text(database: str, tmp_path: Path, here: Spread) -> None:
    """A view with whole numbers as keys: each row is in one range."""
    fill(database, {"product": shop()["product"]})
    execute(
        database,
        "DROP TABLE shop.product CASCADE",
        "CREATE VIEW shop.product AS SELECT n AS product_id, 'Thing ' || n AS title, 1.5 AS price FROM generate_series(1, 200) n",
    )
    lake = Lake(str(tmp_path))
    with reading(database, "UTC", AS_OF) as connection:
        found = extract.catalog(database)
        cuts = ranges.bounds(connection, Shop.of(found), PRODUCT)
        request = ranges.Request(database, lake.uri, "key", "UTC", AS_OF, None, found, *ranges.exported(connection))
        entry = ranges.read(here, request, PRODUCT, "raw", cuts, Ownership(frozenset(), lambda x: x))
    assert (len(cuts), entry["rows"]) == (4, 200)
    assert sorted(map(int, lake.read_parquet("raw")["product_id"].to_pylist())) == list(range(1, 201))
