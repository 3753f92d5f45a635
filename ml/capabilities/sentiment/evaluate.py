"""How well each model tells, from a review's words alone, what its writer's stars say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.sentiment import behaviour
from ml.capabilities.sentiment.model import CLASSES, Sentiment, classes
from ml.capabilities.sentiment.spec import LABELS, Params
from ml.core.evaluation import Evaluation
from ml.learn.class_calibration import macro_f1
from ml.text.clean import clean


def evaluate(
    models: Mapping[str, Sentiment],
    features: Mapping[str, pa.Table],  # noqa: ARG001
    truth: pa.Table,
    params: Params,  # noqa: ARG001
) -> dict[str, Evaluation]:
    """Judge the labels of all reviews of the window that have stars and words.

    Parameters
    ----------
    models : mapping of str to Sentiment
        Fitted on what was known before the window.
    features : mapping of str to pyarrow.Table
        As known at the start of the window; not looked at, a review is judged by its words.
    truth : pyarrow.Table
        ``(review_id, stars, title, text)`` of the window.

    Returns
    -------
    dict of str to Evaluation
        ``balanced accuracy`` (mean recall of the classes that occur; per unit too), ``macro-F1``, ``accuracy``,
        ``calibration error`` (ECE of the label's chance in ten bins), recall per class, ``units``, as the ceiling of
        any model of the words the ``accuracy`` of the commonest class of each text (``ceiling``), and the share of the
        cases of :mod:`behaviour` that are passed. Units are the reviews in the order of their ids.
    """
    rows = truth.sort_by("review_id")
    texts = clean(rows["title"], rows["text"])
    worded = pc.not_equal(texts, "")
    texts, stars = texts.filter(worded), rows["stars"].filter(worded).to_numpy().astype(np.int64)
    return {name: _judge(model, texts, classes(stars)) for name, model in models.items()}


def _judge(model: Sentiment, texts: pa.Array, truth: npt.NDArray[np.int64]) -> Evaluation:
    chance = model.chances(texts)
    guess = model.classifier_.label(chance)
    hit = guess == truth
    counts = np.bincount(truth, minlength=CLASSES)
    # n / (classes x n of the class): the mean over reviews is then the mean over classes of their recall.
    weight = len(truth) / np.maximum(1, counts * max(1, (counts > 0).sum()))
    per_unit = hit * weight[truth]
    figures = {
        "balanced accuracy": float(per_unit.mean()) if len(truth) else 0.0,
        "macro-F1": macro_f1(truth, guess, CLASSES),
        "accuracy": float(hit.mean()) if len(truth) else 0.0,
        "calibration error": calibration_error(chance[np.arange(len(guess)), guess], hit),
        "ceiling": ceiling(texts, truth),
        "units": float(len(truth)),
    }
    recall = {f"recall {name}": float(hit[truth == k].mean()) if counts[k] else 0.0 for k, name in enumerate(LABELS)}
    return Evaluation(figures | recall | behaviour.shares(model), np.asarray(per_unit, np.float64))


def calibration_error(chance: npt.NDArray[np.float64], hit: npt.NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error: mean over reviews of |share of hits - mean chance told| in ten bins of that chance."""
    if not len(chance):
        return 0.0
    place = np.minimum((chance * bins).astype(int), bins - 1)
    gaps = np.bincount(place, hit - chance, minlength=bins)
    return float(np.abs(gaps).sum() / len(chance))


def ceiling(texts: pa.Array, truth: npt.NDArray[np.int64]) -> float:
    """Accuracy of who knows the commonest class of each text: the stars of equal texts differ, no reader knows why."""
    if not len(truth):
        return 1.0
    key = pc.dictionary_encode(pc.utf8_lower(texts)).indices.to_numpy()
    table = np.zeros((int(key.max()) + 1, CLASSES), np.int64)
    np.add.at(table, (key, truth), 1)
    return float(table.max(axis=1).sum() / len(truth))
