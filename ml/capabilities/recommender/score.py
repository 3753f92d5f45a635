"""The lists that are published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from ml.capabilities.recommender.model import Recommender
from ml.capabilities.recommender.spec import Params


def units(features: Mapping[str, pa.Table]) -> int:
    """How many customers get a list."""
    raise NotImplementedError


def expected(features: Mapping[str, pa.Table]) -> dict[str, int]:
    """How many different first key values each published table should have."""
    raise NotImplementedError


def score(
    model: Recommender, features: Mapping[str, pa.Table], shard: int, shards: int, params: Params
) -> dict[str, Iterator[pa.RecordBatch]]:
    raise NotImplementedError
