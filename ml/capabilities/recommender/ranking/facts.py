"""What the ranker is told of customers, products and what was between them: counts and times, in one pass over the log.

Ages are in days before ``log.until``. Everything is nan where there is nothing to tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.candidates.popular import lately
from ml.capabilities.recommender.ranking import facts_kernels as kernels
from ml.capabilities.recommender.ranking.columns import Customer, Pair, Product
from ml.core.units import DAY_S
from ml.kernels.compiled import Ids, Scores, share
from ml.kernels.groups import ends_of
from ml.learn.purchases import NEVER, Log, category_codes

PRIOR_BUYERS = 20.0
PRIOR_GROWTH = 4.0
GROWTHS = (
    (Product.GROWTH_7_30, Product.BUYERS_7, Product.BUYERS_30, 30 / 7),
    (Product.GROWTH_14_60, Product.BUYERS_14, Product.BUYERS_60, 60 / 14),
    (Product.GROWTH_30_90, Product.BUYERS_30, Product.BUYERS_90, 90 / 30),
)
"""Growth, the buyers that it compares, and the longer time over the shorter."""
_STEP = 2048


@dataclass(frozen=True)
class Facts:
    """Facts of some customers.

    Attributes
    ----------
    indptr : ndarray of shape (n + 1,), int64
        Row r's products are ``[indptr[r], indptr[r + 1])``: what was bought, newest first, then what was looked at.
    items : ndarray of shape (n_pairs,), int32
    pair : ndarray of shape (n_pairs, len(Pair)), float32
    customer : ndarray of shape (n, len(Customer)), float32
    """

    indptr: npt.NDArray[np.int64]
    items: Ids
    pair: Scores
    customer: Scores


def customer_facts(log: Log, users: Ids) -> Facts:
    """Gather the facts of ``users`` (-1: a customer that the log does not have)."""
    users = np.asarray(users, np.int32)
    looked = kernels.Looked(log.look_indptr, log.look_product, log.look_at, log.look_weight)
    lines = kernels.Lines(_bought(log), looked, log.until, log.n_products)
    known = users >= 0
    most = np.zeros(len(users), np.int64)
    for ends in (log.indptr, log.look_indptr):
        most[known] += ends[users[known] + 1] - ends[users[known]]
    starts = ends_of(most)
    items = np.empty(starts[-1], np.int32)
    pair = np.zeros((starts[-1], len(Pair)), np.float32)
    customer = np.full((len(users), len(Customer)), np.nan, np.float32)
    found = np.zeros(len(users), np.int64)

    def work(start: int, end: int) -> None:
        kernels.customers((start, end), users, lines, starts, kernels.Rows(items, pair), customer, found)

    share(work, len(users), _STEP)
    kept = np.arange(starts[-1]) - np.repeat(starts[:-1], most) < np.repeat(found, most)
    return Facts(ends_of(found), items[kept], pair[kept], customer)


def product_facts(log: Log) -> Scores:
    """Gather the facts of all products, shape (n_products, len(Product))."""
    m = log.n_products
    counts, lines = np.zeros((m, len(Product))), np.zeros(m)
    counts[:, [Product.FIRST, Product.LAST]] = np.nan
    kernels.products(_bought(log), log.until, counts, lines)
    made: dict[Product, npt.NDArray[np.float64]] = dict(zip(Product, counts.T, strict=True))
    week = log.look_at >= log.until - 7 * DAY_S
    made[Product.LOOKS_7] = np.bincount(log.look_product[week], log.look_weight[week], m).astype(np.float64)
    for mean in (Product.PRICE, Product.QUANTITY, Product.BASKET):
        made[mean] = np.where(lines > 0, made[mean] / np.maximum(lines, 1), np.nan)
    for growth, short, long, ratio in GROWTHS:
        made[growth] = ratio * (made[short] + PRIOR_GROWTH / ratio) / (made[long] + PRIOR_GROWTH)
    made[Product.REPEAT] = _repeat(made[Product.AGAIN], made[Product.BUYERS], category_codes(log))
    listed = np.where(log.listed_at == NEVER, np.nan, (log.until - log.listed_at) / DAY_S)
    made[Product.FIRST] = np.where(np.isnan(listed), made[Product.FIRST], listed)
    made[Product.LAST_YEAR] = _last_year(log)
    for column, days in ((Product.LATELY_14, 14.0), (Product.LATELY_30, 30.0), (Product.LATELY_60, 60.0)):
        made[column] = lately(log, days).astype(np.float64)
    made[Product.LIST_PRICE] = np.log(np.where(log.list_price > 0, log.list_price, np.nan))
    return np.stack([made[column] for column in Product], axis=1).astype(np.float32)


def _bought(log: Log) -> kernels.Bought:
    return kernels.Bought(log.indptr, log.product, log.order, log.at, log.quantity, log.price)


def _repeat(again: npt.NDArray[np.float64], buyers: npt.NDArray[np.float64], category: Ids) -> npt.NDArray[np.float64]:
    """Share of a product's buyers who bought it again, drawn to its category's, and that to the shop's."""
    mean = again.sum() / max(1.0, buyers.sum())
    by = [np.bincount(category + 1, counts) for counts in (again, buyers)]
    of_category = (by[0] + PRIOR_BUYERS * mean) / (by[1] + PRIOR_BUYERS)
    drawn: npt.NDArray[np.float64] = (again + PRIOR_BUYERS * of_category[category + 1]) / (buyers + PRIOR_BUYERS)
    return drawn


def _last_year(log: Log) -> npt.NDArray[np.float64]:
    """Order lines of the 30 days that follow, a year ago; nan where the log does not reach back so far."""
    start = log.until - 365 * DAY_S
    if not len(log.at) or log.at.min() > start:
        return np.full(log.n_products, np.nan)
    inside = (log.at >= start) & (log.at < start + 30 * DAY_S)
    return np.bincount(log.product[inside], minlength=log.n_products).astype(np.float64)
