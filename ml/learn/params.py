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


@dataclass(frozen=True)
class NetworkParams:
    """Parameters of :func:`ml.learn.network.train`."""

    epochs: int = 40
    """At most so many."""
    patience: int = 4
    """Epochs without a better loss on the latest rows after which the search for their number ends."""
    held_share: float = 0.2
    """Share of the rows, the latest, on which the number of epochs is chosen."""
    rate: float = 0.002
    batch: int = 256
    dropout: float = 0.1
    seconds: float = 60.0
    """No further epoch is begun after so long; half of it is for the search."""
