"""The recommender's fitted state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from ml.capabilities.recommender.spec import Params


class Recommender:
    """Item-to-item similarities of the products."""

    def save(self, folder: Path) -> None:
        raise NotImplementedError


def fit(features: Mapping[str, pa.Table], params: Params, seed: int) -> Recommender:
    raise NotImplementedError


def fit_baseline(features: Mapping[str, pa.Table], params: Params, seed: int) -> Recommender:
    raise NotImplementedError


def load(folder: Path) -> Recommender:
    raise NotImplementedError
