"""``trending_product``: what is bought more than it was, by more than chance and more than the shop as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from scipy.special import betainc, betaincinv

from ml.capabilities.recommender.reasons import Words
from ml.capabilities.recommender.tables import groups
from ml.capabilities.recommender.tables.tonight import Bools, Floats, Tonight
from ml.capabilities.recommender.templates import Reason

K = 50
RECENT_DAYS, EARLIER_DAYS = 14, 56
KNOWN_DAYS = 14
"""A product must have been on sale for so many days before the recent ones: what is new has no rate to grow from."""
FALSE_SHARE = 0.05
"""Share of the listed products that may be there by chance."""
CONFIDENCE = 0.95


class Growth(NamedTuple):
    """By segment and product, each (n_segments, m): growth against the rest of the shop, its lower bound, is it real."""

    growth: Floats
    lower: Floats
    real: Bools


def rows(tonight: Tonight, words: Words) -> Iterator[dict[str, pa.Array]]:
    """Make the rows; the score is the growth that a product has at least, with a confidence of 95 %."""
    found = growth(tonight)
    orders = tonight.count(np.ones(len(tonight.age)))
    ranks = groups.best(found.lower, tonight.available & found.real, orders, tonight, K)
    at = ranks.segment, ranks.product
    yield groups.columns(ranks, tonight) | {
        "score": pa.array(found.lower[at]),
        "growth": pa.array(found.growth[at]),
        "reason": words.of(np.full(len(ranks.rank), Reason.TRENDING)),
    }


def growth(tonight: Tonight) -> Growth:
    """Compare the orders of each product in the last ``RECENT_DAYS`` with those in the ``EARLIER_DAYS`` before.

    Were a product's share of the shop's orders what it was, x of its x + y orders would be recent with
    x ~ Binomial(x + y, q), q = R / (R + E), R and E being the shop's orders in the two times (of E those since the
    product is on sale): two Poisson counts, given their sum. So a season that lifts the whole shop is no trend.

    Notes
    -----
    Przyborowski & Wilenski, Biometrika 1940 (the test); Clopper & Pearson, Biometrika 1934 (the bound); Benjamini &
    Hochberg, JRSS B 1995: among thousands of products the smallest p-values are small by chance, so the bound on them
    is one on the share of false ones among those listed, in each segment.
    """
    recent = tonight.age < RECENT_DAYS
    earlier = ~recent & (tonight.age < RECENT_DAYS + EARLIER_DAYS)
    x, y = tonight.count(recent.astype(float)), tonight.count(earlier.astype(float))
    since = np.maximum(0, tonight.on_sale_days)
    r = tonight.total(recent.astype(float))[:, None]
    before = _by_day(tonight, earlier)
    days = np.clip(since - RECENT_DAYS + 1, 0, EARLIER_DAYS)
    e = before[:, days]
    r = np.broadcast_to(r, e.shape)
    judged = (since >= RECENT_DAYS + KNOWN_DAYS) & (x > 0) & (e > 0)
    p, lower, ratio = np.ones(x.shape), np.zeros(x.shape), np.zeros(x.shape)
    a, b, odds = x[judged], y[judged], e[judged] / r[judged]
    p[judged] = betainc(a, b + 1, 1 / (1 + odds))
    bound = betaincinv(a, b + 1, 1 - CONFIDENCE)
    lower[judged] = bound / (1 - bound) * odds
    ratio[judged] = (a + 0.5) / (b + 0.5) * odds
    more = x * days > y * RECENT_DAYS  # in a month in which the shop sells less, a larger share may be fewer pieces
    return Growth(ratio, lower, more & np.stack([_few_false(*row) for row in zip(p, judged, strict=True)]))


def _by_day(tonight: Tonight, earlier: Bools) -> Floats:
    """Orders of each segment in the first d of the ``EARLIER_DAYS`` (counted back), (n_segments, EARLIER_DAYS + 1)."""
    key = tonight.segment[earlier] * EARLIER_DAYS + tonight.age[earlier] - RECENT_DAYS
    days = np.bincount(key, minlength=len(tonight.segments) * EARLIER_DAYS).reshape(-1, EARLIER_DAYS).astype(float)
    days[0] = days.sum(0)
    return np.concatenate([np.zeros((len(days), 1)), np.cumsum(days, 1)], 1)


def _few_false(p: Floats, judged: Bools) -> Bools:
    """Which to take so that of these no more than ``FALSE_SHARE`` are expected to be false: p_(i) ≤ i α / n."""
    n = int(judged.sum())
    order = np.sort(p[judged])
    passed = np.flatnonzero(order <= np.arange(1, n + 1) * FALSE_SHARE / max(1, n))
    return judged & (p <= order[passed[-1]]) if len(passed) else np.zeros(len(p), bool)
