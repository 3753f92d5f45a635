"""How often a model is right is told beforehand: the gate is not what is tested here."""

from __future__ import annotations

import numpy as np

from ml.core.evaluation import Evaluation

WORTH = {24: 1.0, 48: 0.5}
"""Hits of a learnt model by its ``hours``; the baseline has none."""


def evaluate(models, features, truth, params):
    """Hits by model."""
    hits = {who: np.full(len(truth), 0.0 if who == "nothing" else WORTH[m.hours]) for who, m in models.items()}
    return {who: Evaluation({"hit": float(hit.mean())}, hit) for who, hit in hits.items()}
