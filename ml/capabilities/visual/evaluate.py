"""How well pictures that no model learned from find their like."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.visual.attributes import colours_of
from ml.capabilities.visual.model import Looks
from ml.capabilities.visual.pictures import different, main_pictures
from ml.capabilities.visual.spec import Params
from ml.core.capability import Rows
from ml.core.evaluation import Evaluation
from ml.kernels.topk.dense import top_k_dense
from ml.learn.looks import pixels_of

GALLERY = 20_000
"""Pictures among which the nearest are looked for, at most."""


def evaluate(models: Mapping[str, Looks], features: Rows, truth: pa.Table, params: Params) -> dict[str, Evaluation]:
    """Judge each model by held-out picture.

    ``alike`` of a picture is the share of its ten nearest among all other pictures that are of its category and, where
    its title names a colour, whose title names the same; ``category`` is the share of its category alone.
    """
    shown = different(main_pictures(features))
    shown = shown.filter(pc.is_valid(shown["category"]))
    queried = pc.is_in(shown["content_hash"], truth["content_hash"].combine_chunks())
    rest = shown.filter(pc.invert(queried)).slice(0, GALLERY)
    shown = pa.concat_tables([shown.filter(queried), rest]).combine_chunks()
    n = pc.sum(queried).as_py() or 0
    category = np.array(shown["category"].to_pylist(), dtype=str)
    colour = np.array(colours_of(shown["title"]), dtype=str)
    pixels = pixels_of(shown["content"].to_pylist())
    found = {}
    for name, model in models.items():
        kind, alike = judged(model.images(pixels), n, category, colour, params.judged)
        found[name] = Evaluation({"alike": _mean(alike), "category": _mean(kind), "pictures": float(n)}, alike)
    return found


def judged(
    vectors: np.ndarray, n: int, category: np.ndarray, colour: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Share of the ``k`` nearest of each of the first ``n`` that are of its category; and of its colour too, if it has one."""
    k = min(k, len(vectors) - 1)
    if n == 0 or k < 1:
        return np.zeros(n), np.zeros(n)
    nearest = without_itself(top_k_dense(vectors[:n], vectors, k + 1)[0], k)
    kind = category[nearest] == category[:n, None]
    same = (colour[nearest] == colour[:n, None]) | (colour[:n, None] == "")
    return kind.mean(axis=1), (kind & same).mean(axis=1)


def without_itself(nearest: np.ndarray, k: int) -> np.ndarray:
    """Lists of k + 1 rows, of which row i asked: without i, or without the last where i is not among them."""
    itself = nearest == np.arange(len(nearest))[:, None]
    itself[~itself.any(axis=1), -1] = True
    return np.asarray(nearest[~itself].reshape(len(nearest), k))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0
