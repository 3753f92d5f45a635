"""Mean and quantiles of a forecast as one distribution."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from ml.learn.series.columns import Past, Seen

Floats = npt.NDArray[np.float64]

_RARE = 0.25
"""Demand is rare where its median is below such a share of its mean."""


def spread(quantiles: Floats, levels: tuple[float, ...], wanted: tuple[float, ...]) -> Floats:
    """Quantiles at the levels ``wanted`` from those at ``levels``, (n, n_levels) each.

    Between two levels, and beyond the outermost, the distance grows as that of the normal distribution does.

    Examples
    --------
    >>> spread(np.array([[1.0, 2.0, 4.0]]), (0.1, 0.5, 0.9), (0.1, 0.25, 0.5, 0.95)).round(2).tolist()
    [[1.0, 1.47, 2.0, 4.57]]
    """
    at, to = (special.ndtri(np.asarray(each)) for each in (levels, wanted))
    low = np.clip(np.searchsorted(at, to, "right") - 1, 0, len(at) - 2)
    part = (to - at[low]) / (at[low + 1] - at[low])
    ordered = np.sort(quantiles, axis=1)
    return np.asarray(ordered[:, low] + (ordered[:, low + 1] - ordered[:, low]) * part)


def agreed(mean: Floats, boosted: Floats, grown: Floats) -> Floats:
    """What the trees' quantiles are multiplied by to belong to the combined mean, flat; all as multiples of the level.

    Trees of a quantile stay behind those of the mean where much more than usual is sold: the mean that .1, .5 and .9 stand
    for (Keefer & Bodily 1983) is held against it. Where most periods have no sale, quantiles say nothing of a mean: they
    are moved as the combination moves the trees' own mean.
    """
    ordered = np.sort(np.maximum(grown, 0), axis=1)
    middle = ordered[:, ordered.shape[1] // 2]
    stand_for = 0.4 * middle + 0.3 * (ordered[:, 0] + ordered[:, -1])
    flat, rare = mean.ravel(), middle < _RARE * mean.ravel()
    return np.asarray(np.clip(flat / np.maximum(np.where(rare, boosted.ravel(), stand_for), 1e-12), 0.5, 2.0))


def around(mean: Floats, quantiles: Floats, levels: tuple[float, ...], season: npt.NDArray[np.bool_]) -> Floats:
    """Quantiles that hold their mean between them, as conformal shifts alone do not promise.

    Those of .9 and more are at least the mean, those of .1 and less at most, but for demand so rare that its median is below
    a quarter of its mean: there the outermost alone are, of a whole season or longer. In a single period of rare demand
    the mean may truly lie above all of them: nothing is sold in more than 95 of 100.

    Parameters
    ----------
    mean : ndarray of shape (n_series, n_spans)
    quantiles : ndarray of shape (n_series, n_spans, n_levels)
        In order.
    season : ndarray of shape (n_spans,), bool
        The spans that are a whole season or longer.

    Examples
    --------
    >>> around(np.array([[3.0]]), np.array([[[0.0, 1.0, 2.0]]]), (0.1, 0.5, 0.9), np.array([False])).tolist()
    [[[0.0, 1.0, 3.0]]]
    """
    at = np.asarray(levels)
    middle = quantiles[:, :, int(np.argmin(np.abs(at - 0.5)))]
    rare = (middle < _RARE * mean)[:, :, None]
    outer = (at == at.min()) | (at == at.max())
    holds = np.where(rare, season[:, None] & outer, True)
    low, high = holds & (at <= 0.1), holds & (at >= 0.9)
    raised = np.where(high, np.maximum(quantiles, mean[:, :, None]), quantiles)
    return np.where(low, np.minimum(raised, mean[:, :, None]), raised)


def for_new(
    past: Past, origin: int, seen: Seen, mean: Floats, quantiles: Floats, levels: tuple[float, ...]
) -> tuple[Floats, Floats]:
    """The same, but for a series without a past: as its likes, and anything may come (an exponential distribution).

    What the trees know of series without sales is of old ones. They count in full once four weeks are known.
    """
    own = np.minimum(past.sold.count(0, origin) / past.panel.rhythm.windows[2], 1.0)[:, None]
    like = seen.level[:, None] * seen.profile
    wide = seen.profile.reshape(-1, 1) * -np.log1p(-np.asarray(levels))
    flat = np.repeat(own, mean.shape[1], axis=0)
    return own * mean + (1 - own) * like, flat * quantiles + (1 - flat) * wide
