"""Published vectors: halfvec in Postgres, the nearest by an index, and words where the server has no pgvector."""

from __future__ import annotations

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


def shown(settings, vectors) -> None:
    """Publish ``vectors`` as table ``look``."""
    lake = Lake(settings.lake_uri)
    block = {
        "product_id": pa.array([f"p{i:03d}" for i in range(len(vectors))]),
        "vector": pa.array([None if v is None else v.tolist() for v in vectors], pa.list_(pa.float32())),
    }
    folder = lake.join("predictions", "look")
    lake.write_batches(f"{folder}/00000.parquet", batches(LOOK, [block]))
    job = Publication(date(2026, 1, 1), "2026-01-01/001", "look", 1, datetime(2026, 1, 1, tzinfo=UTC), "x")
    publish(settings.database_url, lake, {LOOK: folder}, job)


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


def test_a_server_without_pgvector_is_told_what_to_run(settings):
    """The message names the statement for an administrator."""
    with postgres.transaction(settings.database_url) as cursor:
        cursor.execute("DROP EXTENSION vector")
    with pytest.raises(ContractError, match="CREATE EXTENSION vector"):
        shown(settings, [np.ones(3, np.float32)])
