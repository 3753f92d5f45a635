"""What sells lately: in the whole shop, and in each segment that has orders enough.

p_gi = (c_gi + κ p_0i) / (C_g + κ), c the purchases that fade, p_0 the whole shop's shares: a small segment is drawn to
the shop. The second, slower decay at a thousandth of the weight orders what sold last year, so that no list is short.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.spec import Params
from ml.core.units import DAY_S
from ml.kernels.compiled import Ids, Scores
from ml.learn.purchases import Log, before

MOST_SEGMENTS = 50
PRIOR_ORDERS = 100.0
SLOW_DAYS, SLOW_WEIGHT = 365.0, 1e-3
PRIOR_COUNT = 3.0
"""A product that was met much less often than that is taken to be met as always."""


@dataclass(frozen=True)
class Popular:
    """Popularity by group of customers, the whole shop first.

    Attributes
    ----------
    share : ndarray of shape (1 + n_groups, n_products), float32
        p, drawn to the shop.
    counts : ndarray of shape (1 + n_groups, n_products), float32
        c, purchases that fade.
    group : ndarray of shape (1 + n_segments,), int32
        The row of each of the log's segments, and of what is unknown last.
    """

    share: Scores
    counts: Scores
    group: Ids


def fit(log: Log, at: int, params: Params, seed: int) -> Popular:  # noqa: ARG001
    """Count with the half-life ``popularity_half_life_days``."""
    return count(before(log, at), params.popularity_half_life_days)


def fit_trend(log: Log, at: int, params: Params, seed: int) -> Popular:  # noqa: ARG001
    """Count with the half-life ``trend_half_life_days``."""
    return count(before(log, at), params.trend_half_life_days)


def count(log: Log, half_life_days: float) -> Popular:
    """Count the order lines of known customers, fading with ``half_life_days`` before ``log.until``."""
    m, n_segments = log.n_products, int(log.segment.max(initial=-1)) + 1
    age = (log.until - log.at) / DAY_S
    weight = 0.5 ** (age / half_life_days) + SLOW_WEIGHT * 0.5 ** (age / SLOW_DAYS)
    segment = np.repeat(log.segment, np.diff(log.indptr))
    every = np.bincount(log.product, weight, m)
    totals = np.bincount(segment, weight, n_segments)
    orders = np.bincount(segment, minlength=n_segments)
    large = [s for s in np.argsort(-totals, kind="stable") if orders[s] >= PRIOR_ORDERS][:MOST_SEGMENTS]
    if len(large) == 1 and n_segments == 1:
        large = []
    group = np.zeros(n_segments + 1, np.int32)
    counts = [every]
    for row, s in enumerate(large, start=1):
        group[s] = row
        counts.append(np.bincount(log.product[segment == s], weight[segment == s], m))
    c = np.array(counts)
    p0 = every / max(every.sum(), 1e-12)
    share = (c + PRIOR_ORDERS * p0) / (c.sum(1, keepdims=True) + PRIOR_ORDERS)
    return Popular(share.astype(np.float32), c.astype(np.float32), group)


def lately(log: Log, days: float) -> Scores:
    """How many times as often as usual each product was met in the last ``days``, shape (n_products,).

    λ_i = (c_i + κ) / (s C_i + κ), c the purchases and looks of those days, C all of them, s the share of all that fell
    into those days, κ = ``PRIOR_COUNT``.
    """
    since = log.until - int(days * DAY_S)
    every, now = np.zeros(log.n_products), np.zeros(log.n_products)
    for product, at in ((log.product, log.at), (log.look_product, log.look_at)):
        every += np.bincount(product, minlength=log.n_products)
        now += np.bincount(product[at >= since], minlength=log.n_products)
    share_of_all = now.sum() / max(1.0, every.sum())
    made: Scores = ((now + PRIOR_COUNT) / (every * share_of_all + PRIOR_COUNT)).astype(np.float32)
    return made


def groups(state: Popular, log: Log, users: Ids) -> Ids:
    """The row of ``share`` of each customer; -1 is unknown and belongs to the whole shop."""
    of = np.append(log.segment, -1)[users]
    return state.group[np.where(of < len(state.group) - 1, of, -1)]


def ranking(state: Popular, available: npt.NDArray[np.bool_]) -> Ids:
    """All available products of each group, best first, -1 at the end; shape (1 + n_groups, n_products)."""
    score = np.where(available, state.share, -1.0)
    best = np.argsort(-score, axis=1, kind="stable").astype(np.int32)
    best[:, int(available.sum()) :] = -1
    return best


def propose(state: Popular, log: Log, users: Ids, k: int) -> tuple[Ids, Scores]:
    """List the k best of each customer's group."""
    best = ranking(state, np.ones(log.n_products, bool))[:, :k]
    of = groups(state, log, users)
    ids = np.full((len(users), k), -1, np.int32)
    ids[:, : best.shape[1]] = best[of]
    scores = np.where(ids >= 0, state.share[of[:, None], ids] if log.n_products else 0, 0).astype(np.float32)
    return ids, scores
