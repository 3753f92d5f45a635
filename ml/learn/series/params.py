"""What a forecaster of many series is asked to learn, and how."""

from __future__ import annotations

from dataclasses import dataclass

from ml.learn.regression import Forest

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


@dataclass(frozen=True)
class SeriesParams:
    """Parameters of :class:`Forecaster`."""

    levels: tuple[float, ...] = LEVELS
    grown: tuple[float, ...] = (0.1, 0.5, 0.9)
    """Levels that trees are grown for; the others follow from their distance to the middle, and are made conformal too."""
    trees: int = 80
    leaves: int = 16
    rate: float = 0.1
    min_leaf: int = 40
    column_share: float = 0.6
    rows: int = 40_000
    """Rows (a series, an origin, a span) that are learned from, at most; drawn by lot."""
    origins: int = 12
    step: int = 5
    """Periods between two origins; with 7 days a week every weekday is one."""
    methods: tuple[str, ...] = ("average", "smoothing", "Theta", "TSB")
    """Simple methods that are combined with the boosted trees."""
    network_seconds: float = 0.0
    """A network of TensorFlow is a further candidate: at most so long is it trained, each of two times; 0: none is."""
    network_series: int = 300
    """Fewer series are not enough for a network."""
    boosted: bool = True
    """False: the first of the methods alone, with intervals made of its errors; a gate's baseline."""

    @property
    def forest(self) -> Forest:
        return Forest(self.trees, self.leaves, self.rate, self.min_leaf, self.column_share)
