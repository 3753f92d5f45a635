"""From a ranking to the list that is shown: rules, variety, price, and a few places drawn by lot.

The obvious way to the same lists is in :mod:`tests.capabilities.recommender.rerank_reference`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.recommender.shelf.rerank_kernels import (
    Customers,
    Ranked,
    Settings,
    Shelf,
    Shown,
    rerank_rows,
)
from ml.capabilities.recommender.shelf.rules import Mask, Rules, night, work_out
from ml.capabilities.recommender.spec import Params
from ml.kernels.compiled import Scores, share

_STEP = 4096


def price_level(purchase: pa.Table, n_customers: int) -> Scores:
    """Mean natural logarithm of the prices that each customer paid, shape (n_customers,); nan where there is none."""
    who, price = purchase["customer_no"].to_numpy(), purchase["price"].to_numpy()
    known = (who >= 0) & (price > 0)
    sums = np.bincount(who[known], np.log(price[known].astype(np.float64)), n_customers)
    counts = np.bincount(who[known], minlength=n_customers)
    with np.errstate(invalid="ignore"):
        return (sums / counts).astype(np.float32)


def rerank(ranked: Ranked, rules: Rules, customers: Customers, params: Params, night_seed: int) -> Shown:
    """Make the lists that are shown.

    1. What the rules exclude, what is not for sale and what its buyers do not see again goes.
    2. place' = place / weight · (1 + w |log price - log price level|): boosts, buries, and ``params.price_weight`` w.
    3. In that order, until ``top_k`` less pins and lots are there; a category that has its limit is passed over.
    4. ``params.explore_share`` of the places, the last ones, are drawn by lot from the rest: each product of the pool has
       the same chance at each of these places, and that chance is its propensity. With a pool no larger than the places
       nothing is drawn.
    5. Pinned products stand at their places, the others around them. A list with fewer others moves its pins up.

    Parameters
    ----------
    ranked : Ranked
        Arrays of shape (n, depth); no product twice in a row.
    customers : Customers
        Of the same n rows.
    params : Params
        ``top_k``, ``explore_share`` and ``price_weight``.
    night_seed : int
        Lots are decided by it and the customer's number.

    Returns
    -------
    Shown
        Arrays of shape (n, top_k). Scores are the ranking's; a pin that was not ranked has 0.
    """
    n, k = len(ranked.ids), params.top_k
    shown = Shown(
        np.full((n, k), -1, np.int32),
        np.zeros((n, k), np.float32),
        np.full((n, k), -1, np.int32),
        np.full((n, k), -1, np.int8),
        np.ones((n, k), np.float32),
    )
    shelf = Shelf(rules.weight, rules.pins, rules.pin_ranks, rules.category, rules.limit, rules.again, rules.log_price)
    settings = Settings(params.price_weight, explore_slots(params), np.uint64(night_seed % 2**64))

    def work(start: int, end: int) -> None:
        parts = (type(whole)._make(a[start:end] for a in whole) for whole in (ranked, customers, shown))
        rerank_rows(*parts, shelf, settings)

    share(work, n, _STEP)
    return shown


class Reranker:
    """:func:`rerank` on the features of a night, block by block.

    Parameters
    ----------
    features : mapping of str to pyarrow.Table
        ``customer``, ``product``, ``purchase``, and what the shop's staff wrote.
    again : ndarray of shape (m,), bool, optional
        As in :func:`rules.work_out`.
    pins : bool
        False: nothing stands where it is pinned.
    """

    def __init__(
        self, features: Mapping[str, pa.Table], params: Params, again: Mask | None = None, *, pins: bool = True
    ) -> None:
        rules = work_out(features, params.top_k, again, params.max_per_category)
        self.rules = rules if pins else replace(rules, pins=rules.pins[:, :0], pin_ranks=rules.pin_ranks[:, :0])
        self._params, self._seed = params, night(features).toordinal()
        customers = features["customer"].sort_by("customer_no")
        # The last entry is for -1, somebody of whom nothing is known.
        self._group = np.append(self.rules.group(customers["segment"]), 0)
        level = price_level(features["purchase"], len(customers)) if params.price_weight else np.zeros(len(customers))
        self._level = np.append(level, np.nan).astype(np.float32)

    def lists(self, ranked: Ranked, numbers: npt.NDArray[np.integer], bought: Mask | None = None) -> Shown:
        """Make the lists of customers ``numbers`` (``customer_no``; -1: unknown), whose ranking is ``ranked``."""
        hidden = np.zeros((0, 0), bool) if bought is None else bought
        who = Customers(numbers.astype(np.int64), self._group[numbers], self._level[numbers], hidden)
        return rerank(ranked, self.rules, who, self._params, self._seed)


def explore_slots(params: Params) -> int:
    """How many places of a list are drawn by lot."""
    return round(params.explore_share * params.top_k)
