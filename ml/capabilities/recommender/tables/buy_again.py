"""``buy_again``: what each customer is likely to need again, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import gammainc

from ml.capabilities.recommender.reasons import Words, numbers
from ml.capabilities.recommender.spec import Params
from ml.capabilities.recommender.tables.tonight import Bools, Floats, Ints, Tonight, summed
from ml.capabilities.recommender.templates import Reason
from ml.core.units import DAY_S

HORIZON_DAYS = 28
"""The score is the chance of a purchase within so many days."""
LEAST_CHANCE = 0.01
"""What is less likely is not listed. (A bound on the expected day would be worse: intervals vary too much.)"""
PRIOR_INTERVALS = 10.0
"""A category's interval counts as so many intervals of each of its products, the shop's as so many of the category."""
PRIOR_PURCHASES = 10.0
OWN_PRIOR = 3.0
"""A product's interval and chance count as so many of the customer's own."""
LEAST_REPEATERS = 3
LEAST_OWN = 3
"""A product is repeatable if so many customers bought it again; for one customer, if they bought it so often."""
REGULAR = 3
"""Who bought a product on so many days has an interval of their own."""
OVERDUE = 2.0
"""An interval that is over so many times is none any more."""
LEAST_DAYS = 2
"""Fewer days are said in other words: ``bought again about every day``, ``you bought it before``."""
BLOCK = 50_000


@dataclass(frozen=True)
class Repeats:
    """Each pair of a customer and a product they bought, sorted by customer and product; n pairs.

    ``customer``, ``product``; ``days``: different days on which it was bought; ``first`` and ``last``: ages of these in
    days; ``interval``: expected days between two purchases; ``chance``: that there is a further one, whenever;
    ``repeatable``: whether the data shows that such a pair repeats. ``shape`` is that of the intervals' distribution.
    ``shown_again``, of shape (m,): products that their buyers may be shown again, as learned from all customers;
    ``usual``, of shape (m,): mean interval of those who bought a product again, nan where fewer than three did.
    """

    customer: Ints
    product: Ints
    days: Ints
    first: Ints
    last: Ints
    interval: Floats
    chance: Floats
    shape: float
    repeatable: Bools
    shown_again: Bools
    usual: Floats

    def find(self, customer: Ints, product: Ints, m: int) -> Ints:
        """The place of each (customer, product) among the pairs; -1 for what the customer never bought."""
        key, wanted = self.customer * m + self.product, customer * m + product
        at = np.minimum(np.searchsorted(key, wanted), max(0, len(key) - 1))
        return np.where(key[at] == wanted, at, -1) if len(key) else np.full(len(wanted), -1, np.int64)

    def said(self, at: Ints) -> tuple[Ints, Ints]:
        """What is true of the pairs ``at``: which :class:`Reason` of :attr:`Reason.AGAIN`'s kind, and its days.

        The own interval is said of who bought it on ``REGULAR`` days or more, the one of its buyers of others, each only
        until twice of it is over; else when it was bought.
        """
        own = (self.first[at] - self.last[at]) / np.maximum(1, self.days[at] - 1)
        with np.errstate(invalid="ignore"):
            others = np.where(self.repeatable[at], self.usual[self.product[at]], np.nan)
            interval = np.where(self.days[at] >= REGULAR, own, others)
            days = np.maximum(1, np.rint(np.nan_to_num(interval)))
            holds = self.last[at] <= OVERDUE * interval
        regular = np.where(days > 1, Reason.AGAIN, Reason.DAILY)
        kind = np.where(self.days[at] >= REGULAR, regular, Reason.BUYERS)
        kind = np.where((kind == Reason.BUYERS) & (days < LEAST_DAYS), Reason.LAST, kind)
        kind = np.where(holds, kind, Reason.LAST)
        days = np.where(kind == Reason.LAST, self.last[at] + 1, days).astype(np.int64)
        return np.where((kind == Reason.LAST) & (days < LEAST_DAYS), Reason.BOUGHT, kind), days


def repeats(tonight: Tonight, span: tuple[int, int], params: Params) -> Repeats:
    """Learn from all customers how products are bought again, and look at the pairs of customers ``[start, end)``.

    Notes
    -----
    The interval of a pair is the mean of its n - 1 own intervals drawn to the product's: with purchases as a Poisson
    process whose rate has a gamma prior, 1 / rate has the posterior mean

        d_ui = (κ D_i + last - first) / (κ + n_ui - 1),

    κ = ``OWN_PRIOR``. D_i, the product's interval, is drawn to its category's in the same way, and that to the shop's.
    The chance of a further purchase is r_ui = (κ r_i + n_ui - 1) / (κ + n_ui - 1); r_i = again_i / (again_i + Σ F(t)),
    drawn to the category's too, where the sum is over the last purchase of each buyer: one of yesterday, F(t) ≈ 0, says
    nothing yet. F is a gamma distribution of mean d whose shape is the shop's: intervals are more regular than Poisson.

    References
    ----------
    Bhagat et al., "Buy It Again: Modeling Repeat Purchase Recommendations", KDD 2018 (chance to repeat times a
    gamma-Poisson rate); Fader, Hardie & Lee, Marketing Science 2005 (a customer may be gone).
    """
    customer, product, age = _days(tonight)
    start = np.flatnonzero(np.concatenate([[True], np.diff(customer * tonight.m + product) != 0])[: len(customer)])
    n = np.diff(np.concatenate([start, [len(customer)]]))
    customer, product, first, last = customer[start], product[start], age[start], age[start + n - 1]
    gaps, again = (summed(product, values, tonight.m) for values in (first - last, n - 1))
    typical = _pooled(gaps, again, tonight, PRIOR_INTERVALS)
    shape = _shape(age, start, product, typical)
    over = gammainc(shape, shape * (last + 0.5) / typical[product]) if len(product) else np.empty(0)
    ended = summed(product, over, tonight.m)
    chance = _pooled(again, again + ended, tonight, PRIOR_PURCHASES)
    repeaters = np.bincount(product[n > 1], minlength=tonight.m)
    repeatable = (repeaters >= LEAST_REPEATERS) & (chance >= params.repeat_from)
    mine = slice(*np.searchsorted(customer, span))
    customer, product, n, first, last = (values[mine] for values in (customer, product, n, first, last))
    with np.errstate(invalid="ignore"):
        interval = (OWN_PRIOR * typical[product] + first - last) / (OWN_PRIOR + n - 1)
    return Repeats(
        customer=customer,
        product=product,
        days=n,
        first=first,
        last=last,
        interval=interval,
        chance=(OWN_PRIOR * chance[product] + n - 1) / (OWN_PRIOR + n - 1),
        shape=shape,
        repeatable=repeatable[product] | (n >= LEAST_OWN),
        shown_again=chance >= params.repeat_from,
        usual=np.where(repeaters >= LEAST_REPEATERS, gaps / np.maximum(1, again), np.nan),
    )


def rows(
    tonight: Tonight, found: Repeats, customer_ids: pa.Array, words: Words, params: Params
) -> Iterator[dict[str, pa.Array]]:
    """Make the rows of the customers of ``found``, in blocks of pairs; ``customer_ids`` by ``customer_no``."""
    due, wait = _due(found), _wait(found)
    listed = tonight.available[found.product] & found.repeatable & (due >= LEAST_CHANCE)
    at = np.flatnonzero(listed)
    at = at[np.lexsort((found.product[at], -due[at], found.customer[at]))]
    customer = found.customer[at]
    rank = np.arange(len(at)) - np.searchsorted(customer, customer)
    at, rank = at[rank < params.top_k], rank[rank < params.top_k]
    for i in range(0, len(at), BLOCK):
        pairs = at[i : i + BLOCK]
        interval = found.interval[pairs]
        kind, days = found.said(pairs)
        expected = (tonight.as_of + wait[pairs] * DAY_S) * 1_000_000
        yield {
            "customer_id": customer_ids.take(pa.array(found.customer[pairs])),
            "rank": pa.array(rank[i : i + BLOCK] + 1),
            "product_id": tonight.ids.take(pa.array(found.product[pairs])),
            "score": pa.array(due[pairs]),
            "expected_day": pa.array(expected, pa.timestamp("us", "UTC")),
            "interval_days": pa.array(interval),
            "reason": words.of(kind, days=numbers(days)),
        }


def _due(found: Repeats) -> Floats:
    """Chance of a purchase in the next w days, given that there was none in the t days since the last one.

    P = r (F(t + w) - F(t)) / (1 - r F(t)): what is long overdue has probably ended, and falls.
    """
    t = found.last + 0.5
    with np.errstate(invalid="ignore"):
        now, then = (
            gammainc(found.shape, found.shape * days / found.interval) if len(t) else np.empty(0)
            for days in (t, t + HORIZON_DAYS)
        )
        chance: Floats = found.chance * (then - now) / np.maximum(1 - found.chance * now, 1e-9)
    return np.nan_to_num(chance)


def _wait(found: Repeats) -> Ints:
    """Days from the night to the day on which the next purchase is expected; 0 if that is over."""
    return np.maximum(0, np.rint(np.nan_to_num(found.interval, nan=1e6) - (found.last + 0.5))).astype(np.int64)


def _days(tonight: Tonight) -> tuple[Ints, Ints, Ints]:
    """Customer, product and age of each day on which a known customer bought a product; oldest first in each pair."""
    lines = np.diff(tonight.baskets.indptr)
    customer = np.repeat(tonight.customer, lines)
    known = customer >= 0
    span = int(tonight.age.max(initial=0)) + 1
    # One sort of one number: 1,000,000 customers, 100,000 products and 30 years of days need 50 of its 63 bits.
    key = (customer[known] * tonight.m + tonight.baskets.indices[known]) * span
    key += span - 1 - np.repeat(tonight.age, lines)[known]
    key.sort()
    key = key[np.concatenate([[True], key[1:] != key[:-1]])[: len(key)]]
    pair, day = np.divmod(key, span)
    customer, product = np.divmod(pair, max(1, tonight.m))
    return customer, product, span - 1 - day


def _pooled(total: Floats, count: Floats, tonight: Tonight, prior: float) -> Floats:
    """Mean of each product, total / count, drawn to its category's and that to the shop's; NaN if nothing is known."""
    n = len(tonight.categories)
    by = [summed(tonight.category, values, n) for values in (total, count)]
    shop = by[0].sum() / by[1].sum() if by[1].sum() > 0 else np.nan
    of_category = (by[0] + prior * shop) / (by[1] + prior)
    pooled: Floats = (total + prior * of_category[tonight.category]) / (count + prior)
    return pooled


def _shape(age: Ints, start: Ints, product: Ints, typical: Floats) -> float:
    """Shape of the gamma distribution of all intervals, each relative to its product's: 1 / (their variance)."""
    gap = -np.diff(age)
    inside = np.ones(len(gap), bool)
    inside[start[1:] - 1] = False
    of = np.repeat(product, np.diff(np.concatenate([start, [len(age)]])))[1:]
    relative = gap[inside] / typical[of[inside]]
    if len(relative) < 2:
        return 1.0
    return float(np.clip(relative.mean() ** 2 / max(relative.var(), 1e-9), 0.5, 10))
