"""Published vectors: halfvec in Postgres, the nearest by an index, and words where the server has no pgvector."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest

from ml.adapters import postgres
from ml.adapters.batches.publish import Publication, publish
from ml.adapters.lake import Lake
from ml.core.batches import batches
from ml.core.errors import ContractError
from ml.core.spec import Published, PublishedColumn

LOOK = Published(
    "look",
    "Vectors.",
    ("product_id",),
    (PublishedColumn("product_id", "text", "Which."), PublishedColumn("vector", "vector", "How.", nullable=True)),
    nearest="vector",
)


def shown(settings, vectors, table=LOOK) -> None:
    """Publish ``vectors`` as table ``look``."""
    lake = Lake(settings.lake_uri)
    block = {
        "product_id": pa.array([f"p{i:03d}" for i in range(len(vectors))]),
        "vector": pa.array([None if v is None else v.tolist() for v in vectors], pa.list_(pa.float32())),
    }
    folder = lake.join("predictions", "look")
    lake.write_batches(f"{folder}/00000.parquet", batches(table, [block]))
    job = Publication(date(2026, 1, 1), "2026-01-01/001", "look", 1, datetime(2026, 1, 1, tzinfo=UTC), "x")
    publish(settings.database_url, lake, {table: folder}, job)


def test_vectors_arrive_as_half_floats_and_the_nearest_is_found(settings):
    """What comes back differs by the rounding to 16 bits alone; the index is of the rows' own length; null stays null."""
    vectors = list(np.random.default_rng(1).normal(size=(50, 8)).astype(np.float32))
    vectors[7] = None
    shown(settings, vectors)
    rows = postgres.query(settings.database_url, "SELECT product_id, vector::text AS v FROM ml.look ORDER BY 1")
    for vector, row in zip(vectors, rows, strict=True):
        got = row["v"] and np.array([float(x) for x in row["v"][1:-1].split(",")])
        assert (got is None) is (vector is None)
        if vector is not None:
            np.testing.assert_allclose(got, vector.astype(np.float16), rtol=1e-3)
    nearest = "SELECT product_id FROM ml.look ORDER BY vector <=> (SELECT vector FROM ml.look WHERE product_id = 'p011') LIMIT 1"
    assert postgres.query(settings.database_url, nearest)[0]["product_id"] == "p011"
    (index,) = postgres.query(
        settings.database_url, "SELECT indexdef AS d FROM pg_indexes WHERE indexdef LIKE '%hnsw%'"
    )
    assert "halfvec(8)" in index["d"]


def test_the_nearest_of_many_alike_are_found(settings):
    """Of vectors that come in tight kinds, lists of near ones give at least 98 % of the nearest, where a graph may give none."""
    rng = np.random.default_rng(5)
    kinds = rng.normal(size=(40, 16))
    vectors = (np.repeat(kinds, 50, axis=0) + 0.02 * rng.normal(size=(2000, 16))).astype(np.float32)
    shown(settings, list(vectors), replace(LOOK, clustered=True))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = []
    with postgres.transaction(settings.database_url) as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL ivfflat.probes = 20")
        for wanted in vectors[::40] + vectors[1::40]:
            cursor.execute(
                "SELECT 1 - (vector::halfvec(16) <=> %(v)s::halfvec(16)) AS near FROM ml.look "
                "ORDER BY vector::halfvec(16) <=> %(v)s::halfvec(16) LIMIT 20",
                {"v": str(wanted.tolist())},
            )
            near = np.array([row["near"] for row in cursor.fetchall()])
            least = np.sort(unit @ wanted / np.linalg.norm(wanted))[-20]
            found.append((near >= least - 1e-3).sum() / 20)
        cursor.execute("SELECT indexdef AS d FROM pg_indexes WHERE indexdef LIKE '%ivfflat%'")
        assert "lists='44'" in cursor.fetchone()["d"]
    assert np.mean(found) >= 0.98


def test_a_server_without_pgvector_is_told_what_to_run(settings):
    """The message names the statement for an administrator."""
    with postgres.transaction(settings.database_url) as cursor:
        cursor.execute("DROP EXTENSION vector")
    with pytest.raises(ContractError, match="CREATE EXTENSION vector"):
        shown(settings, [np.ones(3, np.float32)])
