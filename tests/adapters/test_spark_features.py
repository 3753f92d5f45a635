"""Spark as the engine: every capability's features are those of DuckDB."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest

from ml.adapters.lake import Lake
from ml.core.connected import connected
from ml.registry import CAPABILITIES
from ml.settings import Settings
from tests.contract.cases import Case
from tests.core.test_connected import by_scipy

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
# The engine's hash: it says which are equal, and nothing by its value.
HASHES = {"risk": {"product", "second", "basket", "goods_set", "kinds_set"}}
TRUTH_IS_BUILT = {"risk", "cart", "marketing"}
"""Their truth is made by the expressions of their features: it would only take as long again."""
LONG = {"cart", "risk"}
"""Their plans take Spark half of the time of all: NIGHTSHIFT_SPARK_ALL=1 ./nightshift test tests/adapters/test_spark_features.py."""
FAST = """\
spark.sql.shuffle.partitions 1
spark.sql.adaptive.enabled false
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto
"""


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The adapter's backend, in this process."""
    pytest.importorskip("pyspark", reason="pip install -r requirements-spark.txt")
    if not shutil.which("java"):
        pytest.skip("Spark needs Java 17, and no java is on the PATH")
    from ml.adapters import spark as adapter

    home = tmp_path_factory.mktemp("spark")
    (home / "spark.conf").write_text(FAST)
    with adapter.opened(settings(home, spark_properties=home / "spark.conf")) as backend:
        yield backend


def settings(home: Path, **more: Any) -> Settings:
    """What the adapter asks of settings."""
    given = {
        "home": home,
        "database_url": "",
        "shop_url": "",
        "lake_uri": str(home / "lake"),
        "mlflow_uri": "",
        "timezone": "UTC",
        "hash_key": "k",
        "threads": 1,
        "memory_gb": 1.0,
        "engine": "spark",
    }
    return Settings(**(given | more))


@pytest.mark.parametrize("name", CAPABILITIES)
def test_features_of_the_sample_shop_are_those_of_duckdb(name: str, spark: Any, tmp_path: Path) -> None:
    """The features as the lake has them, and what came afterwards: the same rows, floats to 1e-9."""
    if name in LONG and not os.environ.get("NIGHTSHIFT_SPARK_ALL"):
        pytest.skip("takes Spark a minute: NIGHTSHIFT_SPARK_ALL=1 runs it")
    case, lake = Case(CAPABILITIES[name]), Lake(str(tmp_path))
    for table, rows in case.tables.items():
        lake.write_stream(f"in/{table}", rows.schema, rows.to_batches())
    made = {engine: _written(case, lake, engine, backend) for engine, backend in _engines(lake, spark)}
    assert made["spark"].keys() == made["duckdb"].keys()
    for table, expected in made["duckdb"].items():
        _same(made["spark"][table], expected, HASHES.get(name, set()), f"{name} {table}")


def _engines(lake: Lake, spark: Any) -> Iterator[tuple[str, Any]]:
    yield "duckdb", lake.ibis(1, 1)
    yield "spark", spark


def _written(case: Case, lake: Lake, engine: str, backend: Any) -> dict[str, pa.Table]:
    tables = {name: lake.table(backend, "in", name) for name in case.tables}
    part, params = case.part("features"), case.capability.params
    made = dict(part.build(tables, case.as_of, params))
    if case.capability.name not in TRUTH_IS_BUILT:
        made["truth"] = part.truth(tables, case.cutoff, case.as_of, params)
    for name, rows in made.items():
        lake.write_ibis(backend, rows, lake.join(engine, f"{name}.parquet"))
    return {
        name: lake.read_parquet(engine, f"{name}.parquet").cast(rows.schema().to_pyarrow())
        for name, rows in made.items()
    }


def _same(ours: pa.Table, theirs: pa.Table, hashes: set[str], where: str) -> None:
    assert ours.schema.names == theirs.schema.names, where
    assert len(ours) == len(theirs), where
    ours, theirs = _ordered(ours, hashes), _ordered(theirs, hashes)
    for name in ours.schema.names:
        one, other = ours[name], theirs[name]
        if name in hashes:
            one, other = _classes(one), _classes(other)
        if pa.types.is_floating(one.type):
            np.testing.assert_allclose(
                one.to_numpy().astype(float),
                other.to_numpy().astype(float),
                rtol=1e-9,
                atol=1e-9,
                err_msg=f"{where} {name}",
            )
            assert one.null_count == other.null_count, f"{where} {name}"
        else:
            assert one.to_pylist() == other.to_pylist(), f"{where} {name}"


def _ordered(table: pa.Table, hashes: set[str]) -> pa.Table:
    """In one order: by what is exact first, then by rounded floats; lists do not sort."""
    keys: Mapping[str, pa.Array] = {}
    exact = [f for f in table.schema if f.name not in hashes and not pa.types.is_nested(f.type)]
    keys = {f.name: table[f.name] for f in exact if not pa.types.is_floating(f.type)}
    keys |= {
        f.name: pa.array(np.round(table[f.name].to_numpy().astype(float), 5))
        for f in exact
        if pa.types.is_floating(f.type)
    }
    if not keys:
        return table
    by = pa.table(keys).append_column("_row", pa.array(range(len(table)), pa.int64()))
    return table.take(by.sort_by([(name, "ascending") for name in keys])["_row"])


def _classes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A number for each value, in the order in which they come: equal where the values are."""
    seen: dict[Any, int | None] = {None: None}
    return pa.chunked_array([pa.array([seen.setdefault(v, len(seen)) for v in column.to_pylist()], pa.int64())])


def test_components_by_joins_are_those_of_scipy(spark: Any, tmp_path: Path) -> None:
    """A chain of 40 rows and a random graph beside it; the labels' plan is a file's, whatever number of rounds there were."""
    rng = np.random.default_rng(5)
    chain = [(i, i + d) for i in rng.permutation(40).tolist() for d in (0, 1)]
    random = [(int(r), int(n)) for r, n in zip(rng.integers(40, 120, 80), rng.integers(60, 140, 80), strict=True)]
    row, node = np.array(chain + random).T
    lake, links = Lake(str(tmp_path)), pa.table({"row": pa.array(row), "node": pa.array(node)})
    lake.write_stream("links", links.schema, links.to_batches())
    labels = connected(lake.table(spark, "links"))
    found = spark.to_pyarrow(labels).to_pydict()
    assert len(set(found["row"])) == len(found["row"])
    assert dict(zip(found["row"], found["label"], strict=True)) == by_scipy(chain + random)
    plan = spark._frame(labels)._jdf.queryExecution().optimizedPlan().toString()  # Spark's own view of it
    assert "Join" not in plan


def test_arithmetic_is_duckdbs(spark: Any) -> None:
    """Seconds keep their fraction, casts go to the nearest (of two the even), nothing ends at a division by nought."""
    rows = ibis.memtable(
        pa.table(
            {
                "at": pa.array([500_000, 1_500_000, -1_500_001, None], pa.timestamp("us", "UTC")),
                "x": [0.5, -1.5, 2.4999, None],
                "n": pa.array([1, 0, -3, None], pa.int64()),
                "text": ["vf\v\f", " \tB ", "", None],
            }
        )
    )
    made = rows.select(
        second=rows["at"].epoch_seconds().cast("int64"),
        day=rows["at"].epoch_seconds() / 86_400,
        x=rows["x"].cast("int64"),
        over=rows["x"] / rows["n"],
        ratio=rows["n"] / rows["n"],
        n="n",
        text=rows["text"].strip(),
    )
    expected = ibis.duckdb.connect().to_pyarrow(made).to_pydict()
    assert repr(spark.to_pyarrow(made).to_pydict()) == repr(expected)
