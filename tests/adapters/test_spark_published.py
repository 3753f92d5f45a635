"""Whatever a capability publishes on Spark is what it publishes on DuckDB: the demo, one model, both engines."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ml.adapters import postgres, spark
from ml.pipeline import run_night
from ml.registry import CAPABILITIES
from ml.settings import Settings
from ml.shop.load import load
from tests.adapters.test_spark_features import FAST

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(
        not os.environ.get("NIGHTSHIFT_SPARK_ALL"),
        reason="takes Spark minutes: NIGHTSHIFT_SPARK_ALL=1 runs it; of one capability tests/adapters/test_spark_night.py holds it",
    ),
    pytest.mark.timeout(3000),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
CUSTOMERS = 300
HASHED = {"risk"}
"""It knows a basket by the engine's own hash, so that a model of one engine does not serve the other: docs/scale.md."""
NAMES = [n for n in os.environ.get("NIGHTSHIFT_SPARK_NAMES", "").split(",") if n] or [
    n for n in CAPABILITIES if n not in HASHED
]


def test_every_published_table_is_that_of_duckdb(settings: Settings, tmp_path: Any) -> None:
    """Rows by their key; numbers to 1e-9, everything else exactly; the model of the first night serves both."""
    pytest.importorskip("pyspark", reason="pip install -r requirements-spark.txt")
    report = load(settings, "demo", customers=CUSTOMERS, replace=True)
    assert report.last_order is not None
    night = report.last_order + timedelta(days=1)
    run_night(settings, night, capabilities=NAMES)
    theirs = {name: _published(settings, name) for name in NAMES}
    (tmp_path / "spark.conf").write_text(FAST)
    on_spark = replace(settings, engine="spark", threads=1, spark_properties=tmp_path / "spark.conf")
    with spark.kept(on_spark):
        run_night(on_spark, night, capabilities=NAMES, fresh=True)
    differences = [found for name in NAMES for found in _different(name, _published(settings, name), theirs[name])]
    assert differences == []
    assert any(rows for tables in theirs.values() for rows in tables.values())


def _published(settings: Settings, name: str) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for table in CAPABILITIES[name].publishes:
        if postgres.query(settings.database_url, "SELECT to_regclass(%s) IS NOT NULL AS here", [f"ml.{table.name}"])[0][
            "here"
        ]:
            names = ", ".join(f'"{c.name}"' + ("::text" if c.kind == "vector" else "") for c in table.columns)
            key = ", ".join(f'"{column}"' for column in table.key)
            query = f"SELECT {names}, model_version FROM ml.{table.name} ORDER BY {key}"  # names of ours
            found[table.name] = postgres.query(settings.database_url, query)
    return found


def _different(name: str, ours: Any, theirs: Any) -> list[str]:
    found = [] if ours.keys() == theirs.keys() else [f"{name}: tables {sorted(ours)}, {sorted(theirs)}"]
    for table in ours.keys() & theirs.keys():
        if len(ours[table]) != len(theirs[table]):
            found.append(f"{table}: {len(ours[table])} rows, {len(theirs[table])}")
            continue
        wrong: dict[str, list[tuple[Any, Any]]] = {}
        for one, other in zip(ours[table], theirs[table], strict=True):
            for column in one:
                if one[column] != _near(other[column]):
                    wrong.setdefault(column, []).append((one[column], other[column]))
        found += [
            f"{table}.{column}: {len(pairs)} of {len(ours[table])}, as {pairs[0]}" for column, pairs in wrong.items()
        ]
    return found


def _near(value: Any) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True) if isinstance(value, float) else value
