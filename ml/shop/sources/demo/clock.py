"""When people shop: more in the evening, on Sundays and Mondays, and before Christmas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.core.units import DAY_S
from ml.shop.sources.demo.columns import Floats, Ints
from ml.shop.sources.demo.options import Options

_HOURS = (
    0.4,
    0.2,
    0.1,
    0.1,
    0.1,
    0.2,
    0.4,
    0.7,
    0.9,
    1.1,
    1.2,
    1.2,
    1.3,
    1.2,
    1.1,
    1.1,
    1.2,
    1.3,
    1.5,
    1.8,
    2.0,
    1.8,
    1.3,
    0.8,
)
_WEEKDAYS = (1.15, 1.0, 0.95, 0.95, 0.9, 0.9, 1.15)


@dataclass(frozen=True)
class Clock:
    """Running intensity of shopping; one unit is an average year."""

    edges: Floats
    """Hour edges, in seconds."""
    running: Floats
    """Intensity before each edge, in years."""

    def between(self, low: Ints, high: Ints) -> Floats:
        """Intensity of ``[low, high)``, in years; 0 where empty."""
        spent = np.interp(high, self.edges, self.running) - np.interp(low, self.edges, self.running)
        return np.asarray(np.maximum(spent, 0.0))

    def draw(self, rng: np.random.Generator, low: Ints, high: Ints) -> Ints:
        """A time in each ``[low, high)``, distributed as the intensity."""
        first, last = (np.interp(at, self.edges, self.running) for at in (low, high))
        drawn = np.interp(first + rng.random(len(low)) * (last - first), self.running, self.edges)
        return np.clip(drawn.astype(np.int64), low, np.maximum(high - 1, low))


def clock(options: Options) -> Clock:
    """The clock of a shop's days."""
    edges = options.start + 3600 * np.arange(options.days * 24 + 1)
    day = edges[:-1] // DAY_S
    of_year = (day % 365.25).astype(np.int64)
    christmas = 1 + 0.7 * np.exp(-(((of_year - 345) / 14.0) ** 2))
    rate = np.array(_HOURS)[(edges[:-1] // 3600) % 24] * np.array(_WEEKDAYS)[(day + 3) % 7] * christmas
    running = np.r_[0.0, np.cumsum(rate)]
    return Clock(edges.astype(float), running / running[-1] * options.days / 365.25)
