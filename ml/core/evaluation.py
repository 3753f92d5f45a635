"""What an evaluation says: a metric per unit, so that models can be compared in pairs, and the figures a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Evaluation:
    """How one model did on what happened after its training.

    Parameters
    ----------
    metrics : mapping of str to float
        Figures over all units by name (``ndcg@10``, ``recall@20``, …), the gate's metric among them.
    per_unit : ndarray of shape (n_units,), float64
        The gate's metric for each unit (a customer, an order). Unit i is the same unit for every model of one
        evaluation; ``metrics[gate.metric]`` is its mean.
    reliability : ndarray of shape (n_bins, 4), optional
        For probabilities: mean forecast, share that came true, and its lower and upper bound, for a plot.
    stops : tuple of str
        Why this model must not be promoted, however good it is on average.
    """

    metrics: Mapping[str, float]
    per_unit: npt.NDArray[np.float64]
    reliability: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 4)))
    stops: tuple[str, ...] = ()
