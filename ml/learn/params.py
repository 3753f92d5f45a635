"""Parameters of learners that several capabilities use. Imports nothing heavy: specs build on it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BoostingParams:
    """Parameters of :func:`ml.learn.boosters.boost`."""

    members: int = 1
    """Boosters whose log-odds are averaged."""
    trees: int = 100
    leaves: int = 8
    learning_rate: float = 0.08
    min_leaf: int = 20
    column_share: float = 0.4
    """Share of the columns that a tree may use."""
    ridge: float = 5.0
