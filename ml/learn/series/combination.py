"""Several forecasts as one, each series' weights by its methods' past errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

_KEENNESS = (0.0, 3.0, 10.0)
"""How strongly smaller errors are preferred; 0: all count alike."""
_SHRUNK = 20.0
"""A series' errors are drawn to those of all as if by so many more."""


class Weights(NamedTuple):
    """``series`` (n_series, n_methods) by series, and ``usual`` (n_methods,) for a series that was not there."""

    series: Floats
    usual: Floats

    @classmethod
    def of_first(cls, n_series: int, n_methods: int) -> Weights:
        """The first method alone."""
        usual = np.zeros(n_methods)
        usual[0] = 1
        return cls(np.tile(usual, (n_series, 1)), usual)

    def rows(self, chosen: Longs) -> Floats:
        """Weights of series by their position, -1 for a new one."""
        if not len(self.series):
            return np.tile(self.usual, (len(chosen), 1))
        return np.where((chosen >= 0)[:, None], self.series[np.maximum(chosen, 0)], self.usual)


def weigh(tests: Sequence[tuple[Floats, Floats, Floats]], levels: tuple[float, ...] = ()) -> Weights:
    """Weigh methods by their errors at past origins: squared ones of means, pinball losses of quantiles.

    How keenly is chosen where each origin is forecast by the weights of the others; the first method alone is one of
    the choices, and all alike another (hard to beat, Claeskens et al. 2016).

    Parameters
    ----------
    tests : sequence of (truth, forecasts, level)
        Of shapes (n_series, n_spans), (n_methods, n_series, n_spans) and (n_series,), one for each origin; with ``levels``
        forecasts are of shape (n_methods, n_series, n_spans, n_levels).
    levels : tuple of float
        What quantiles the forecasts are; empty: means.

    Returns
    -------
    Weights
    """
    errors = [_errors(*test, levels) for test in tests]
    n_methods, n_series = errors[0][0].shape
    first = Weights.of_first(n_series, n_methods)
    choices = {keen: [_weights(_without(errors, i), keen) for i in range(len(tests))] for keen in _KEENNESS}
    losses = {keen: _loss(tests, [w.series for w in made], levels) for keen, made in choices.items()}
    losses[-1.0] = _loss(tests, [first.series] * len(tests), levels)
    best = min(losses, key=lambda keen: losses[keen])
    return first if best < 0 else _weights(errors, best)


def mixed(weights: Floats, forecasts: Floats) -> Floats:
    """The weighed mean of (n_methods, n_series, ...) by weights (n_series, n_methods): the same for a series alone."""
    out = np.zeros(forecasts.shape[1:])
    for mine, each in zip(weights.T, forecasts, strict=True):
        out += mine.reshape(-1, *[1] * (each.ndim - 1)) * each
    return out


def _errors(truth: Floats, forecasts: Floats, level: Floats, levels: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Sum of scaled errors by method and series, (n_methods, n_series), and their number (n_series,)."""
    known, came = np.isfinite(truth), np.nan_to_num(truth)
    if levels:
        off, at = (came[:, :, None] - forecasts) / level[:, None, None], np.asarray(levels)
        lost = np.maximum(at * off, (at - 1) * off).mean(axis=3)
    else:
        lost = np.square((forecasts - came) / np.sqrt(level)[:, None])
    return np.where(known, lost, 0.0).sum(axis=2), known.sum(axis=1).astype(np.float64)


def _without(errors: list[tuple[Floats, Floats]], i: int) -> list[tuple[Floats, Floats]]:
    return [each for j, each in enumerate(errors) if j != i] or errors


def _weights(errors: list[tuple[Floats, Floats]], keen: float) -> Weights:
    total, n = sum(e for e, _ in errors), sum(c for _, c in errors)
    everyone = np.asarray(total).sum(axis=1) / max(float(np.asarray(n).sum()), 1.0)
    mean = (np.asarray(total) + _SHRUNK * everyone[:, None]) / (np.asarray(n) + _SHRUNK)
    relative = mean / np.maximum(mean.min(axis=0), 1e-12) - 1
    series = np.exp(-keen * relative)
    usual = np.exp(-keen * (everyone / max(float(everyone.min()), 1e-12) - 1))
    return Weights(np.ascontiguousarray((series / series.sum(axis=0)).T), usual / usual.sum())


def _loss(
    tests: Sequence[tuple[Floats, Floats, Floats]], weights: Sequence[Floats], levels: tuple[float, ...]
) -> float:
    total = 0.0
    for (truth, forecasts, level), mine in zip(tests, weights, strict=True):
        total += float(_errors(truth, mixed(mine, forecasts)[None], level, levels)[0].sum())
    return total
