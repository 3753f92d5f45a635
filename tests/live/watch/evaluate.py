"""The learnt one is right about every order, the other about none: the gate is not what is tested here."""

from __future__ import annotations

import numpy as np

from ml.core.evaluation import Evaluation


def evaluate(models, known, truth, params):
    """Hits by model."""
    hits = {who: np.full(len(truth), 0.0 if who == "nothing" else 1.0) for who in models}
    return {who: Evaluation({"hit": float(hit.mean())}, hit) for who, hit in hits.items()}
