"""Spark as the engine of a whole night: its executors read, judge, score and load what DuckDB's one process does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ml.adapters import postgres, spark
from ml.adapters.lake import Lake
from ml.adapters.shop import ranges
from ml.core.errors import DataRefused, NightshiftError
from ml.core.spread import Place
from ml.pipeline import publishing, run_night, serving
from ml.settings import Settings
from tests.adapters.test_object_store import REVIEWS
from tests.adapters.test_spark_features import FAST
from tests.small_shop import execute, fill, shop

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
NIGHT = date(2025, 3, 1)
AT = datetime(2025, 3, 1, tzinfo=UTC)
PUBLISHED = "SELECT review_id, label, score, confidence, reason FROM ml.review_sentiment ORDER BY 1"
QUARANTINE = (
    "SELECT table_name, row_key, rule, severity, row::text FROM ml_ops.quarantine WHERE ref = %s ORDER BY 1, 2, 3"
)


@pytest.fixture
def on_spark(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Settings]:
    """Settings of the same home with Spark in this process, and ranges so small that a small shop has several."""
    pytest.importorskip("pyspark", reason="pip install -r requirements-spark.txt")
    if not shutil.which("java"):
        pytest.skip("Spark needs Java 17, and no java is on the PATH")
    monkeypatch.setattr(ranges, "ROWS_PER_RANGE", 40)
    monkeypatch.setattr(ranges, "_LOOKED_AT", 1)
    monkeypatch.setattr(serving, "UNITS_PER_RANGE", 30)
    monkeypatch.setattr(publishing, "SPREAD_ROWS", 1)
    (tmp_path / "spark.conf").write_text(FAST)
    made = replace(settings, engine="spark", threads=1, spark_properties=tmp_path / "spark.conf")
    with spark.kept(made):
        yield made


def test_a_night_on_spark_publishes_what_duckdb_publishes(settings: Settings, on_spark: Settings) -> None:
    """Rows, quarantine, verdicts and published rows are equal, though tables are read, judged, scored and loaded by ranges."""
    fill(settings.shop_url, shop() | {"review": REVIEWS})
    execute(
        settings.shop_url,
        "ALTER TABLE shop.review DROP CONSTRAINT IF EXISTS review_pkey",
        "INSERT INTO shop.review SELECT * FROM shop.review WHERE review_id IN ('v003', 'v060')",
        "UPDATE shop.review SET stars = 9 WHERE review_id IN ('v010', 'v070')",
    )
    told: list[dict[str, Any]] = []
    for one in (settings, on_spark):
        done = run_night(one, NIGHT, capabilities=["sentiment"], fresh=True)
        lake = Lake(one.lake_uri)
        ref = done["ref"]
        manifest = lake.read_json("snapshot", ref, "manifest.json")
        verdicts = lake.read_json("snapshot", ref, "validated.json")["verdicts"]
        told.append(
            {
                "raw": {name: (t["rows"], t["nulls"], t["erased"]) for name, t in manifest["tables"].items()},
                "verdicts": [{k: v for k, v in verdict.items() if k != "breaches"} for verdict in verdicts],
                "breaches": sorted(
                    json.dumps({k: v for k, v in b.items() if k != "examples"}) for v in verdicts for b in v["breaches"]
                ),
                "quarantine": postgres.query(one.database_url, QUARANTINE, [ref]),
                "published": postgres.query(one.database_url, PUBLISHED),
            }
        )
    duckdb, on_executors = told
    assert duckdb == on_executors
    assert len(duckdb["published"]) == 78
    assert len(duckdb["quarantine"]) == 4
    assert len(lake.ranges("snapshot", ref, "raw", "order_item")) == 3
    assert len([name for name in lake.names("predictions", ref, "sentiment") if name[0] == "0"]) == 3
    left = "SELECT relname FROM pg_class WHERE relname ~ '_loaded$'"
    assert not postgres.query(settings.database_url, left)


def test_every_range_sees_the_state_in_which_reading_began(settings: Settings, on_spark: Settings) -> None:
    """What the shop changes after the first transaction began is in no range."""
    fill(settings.shop_url, shop())
    with spark.spreading(on_spark) as spread:

        def late(function: Any, tasks: Any) -> Any:
            execute(settings.shop_url, "DELETE FROM shop.order_item WHERE line_no = 2")
            return spread(function, tasks)

        from ml.adapters.shop import extract

        lake = Lake(settings.lake_uri)
        as_of = settings.as_of(NIGHT)
        manifest = extract.extract(settings.shop_url, lake, "2025-03-01/001", as_of, "key", spread=late)
    assert manifest["tables"]["order_item"]["rows"] == 112  # 56 of the 60 orders were known by then
    assert lake.read_parquet("snapshot/2025-03-01/001/raw/order_item").num_rows == 112


def test_a_piece_that_is_loaded_twice_is_there_once(database: str, tmp_path: Path) -> None:
    """A task that Spark tries again after it had committed changes nothing; so does one that is tried at the same time."""
    from ml.adapters.batches import batch_table
    from ml.adapters.batches import ranges as loading
    from ml.core.batches import batches
    from ml.registry import CAPABILITIES

    (table,) = (t for t in CAPABILITIES["sentiment"].publishes if t.name == "review_sentiment")
    lake, here = Lake(str(tmp_path)), Place(tmp_path, 1, 1.0)
    values = {"text": "x", "integer": 1, "number": 0.5, "boolean": True, "timestamp": AT}
    rows = {c.name: [values.get(c.kind)] for c in table.columns}
    lake.write_batches("p/00000.parquet", batches(table, [_arrow(table, rows)]))
    postgres.migrate(database)

    def twice(function: Any, tasks: Any) -> Any:
        return [function(here, *task) for task in tasks for _ in range(2)]

    loading.load(database, lake, twice, table, lake.files("p"), 7)
    with postgres.transaction(database) as cursor:
        assert loading.rows(cursor, table.name, 7) == 1
        loading.drop(cursor, table.name, 7)
        cursor.execute("SELECT to_regclass(%s) AS there", (f"ml_batch.{batch_table.name_of(table.name, 7)}",))
        assert cursor.fetchone()["there"] is None


def _arrow(table: Any, rows: Any) -> Any:
    import pyarrow as pa

    from ml.core.batches import schema

    return {f.name: pa.array(rows[f.name], f.type) for f in schema(table)}


def test_a_reader_with_an_older_snapshot_is_waited_for(database: str) -> None:
    """The new batch is committed before it is shown: who would find it empty has to end first."""
    from ml.adapters.batches import ranges as loading

    with closing(postgres.connect(database)) as reader, reader.cursor() as cursor:
        reader.set_session(isolation_level="REPEATABLE READ")
        cursor.execute("SELECT 1")
        with pytest.raises(NightshiftError, match="older than the new batch"):
            loading.wait_for_older(database, 0)
        reader.commit()
        loading.wait_for_older(database, 0)


def refuse(_place: Place) -> None:
    """Refuse, as a step of a night may."""
    raise DataRefused("Too much is broken.", came="3 of 4", do="mend it")


def test_what_an_executor_refuses_is_told_as_here(on_spark: Settings) -> None:
    """An error in words comes back as it is, and ends the step without being tried again."""
    with (
        spark.spreading(on_spark) as spread,
        pytest.raises(DataRefused, match=r"Too much is broken.(.|\n)*3 of 4(.|\n)*mend it"),
    ):
        spread(refuse, [()])


def test_executors_with_other_packages_are_refused(on_spark: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each package that differs is named, with both versions; so is a Python without Nightshift."""
    from ml.adapters.spark import spread as module

    monkeypatch.setattr(module, "versions", lambda: {"python": "3.9", "pyarrow": "1.0"})
    monkeypatch.setattr(module.SparkSpread, "_run", lambda *_: [{"python": "3.11"}])
    with (
        pytest.raises(NightshiftError, match=r"pyarrow: missing there, 1.0 here\n *python: 3.11 there, 3.9 here"),
        spark.spreading(on_spark),
    ):
        pass

    def without(*_: object) -> None:
        raise RuntimeError("Traceback\nModuleNotFoundError: No module named 'ml'\n")

    monkeypatch.setattr(module.SparkSpread, "_run", without)
    with pytest.raises(NightshiftError, match="No module named 'ml'"), spark.spreading(on_spark):
        pass
