"""How good the lists would have been."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from ml.capabilities.recommender.model import Recommender
from ml.capabilities.recommender.spec import Params
from ml.core.evaluation import Evaluation


def evaluate(
    models: Mapping[str, Recommender], features: Mapping[str, pa.Table], truth: pa.Table, params: Params
) -> dict[str, Evaluation]:
    raise NotImplementedError
