"""What the ranker is told of customers, products and what was between them: counts and times, in one pass over the log.

Ages are in days before ``log.until``. Everything is nan where there is nothing to tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.candidates.popular import lately
from ml.capabilities.recommender.ranking import facts_kernels as kernels
from ml.core.units import DAY_S
from ml.kernels.compiled import Ids, Scores, share
from ml.kernels.groups import ends_of
from ml.learn.purchases import NEVER, Log, category_codes

PAIR = (
    "times", "fades_15", "fades_45", "fades_120", "fades_365", "order_fades", "last", "first", "interval", "due",
    "quantity", "in_last_order", "in_last_3", "share", "look_fades_7", "look_fades_60", "look_last",
)  # fmt: skip
"""Of a customer and a product: orders; orders that fade with half-lives of so many days, and by 0.8 an order; ages of
the last and first; days between two; age over interval; mean log quantity; whether in the last orders; share of all
orders; looks that fade, and the age of the last."""

CUSTOMER = ("orders", "last", "first", "interval", "basket", "products", "repeats", "price", "quantity", "looks_7")
"""Orders; ages of the last and first; days between two; products an order; different products; share of purchases that
were repeats; mean log price and quantity; looks of the last week."""

WINDOWS_DAYS = (3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 1e9)
PRODUCT = (
    "buyers_3", "buyers_7", "buyers_14", "buyers_30", "buyers_60", "buyers_90", "buyers", "new_buyers_14",
    "new_buyers_30", "again", "fades_5", "fades_20", "first", "last", "price", "quantity", "basket", "looks_7",
    "growth_7_30", "growth_14_60", "growth_30_90", "repeat", "last_year", "list_price",
    "lately_14", "lately_30", "lately_60",
)  # fmt: skip
"""Different customers of the last so many days and ever; customers who bought it the first time in the last days; who
bought it again; purchases that fade; ages of the first sale (or listing) and the last; mean log price, quantity and size
of basket; looks of a week; growths; share of buyers who bought again; buyers of the coming 30 days a year ago; log of
the price in the list; how many times as often as usual it was bought or looked at in the last days."""

PRIOR_BUYERS = 20.0
_STEP = 2048


@dataclass(frozen=True)
class Facts:
    """Facts of some customers.

    Attributes
    ----------
    indptr : ndarray of shape (n + 1,), int64
        Row r's products are ``[indptr[r], indptr[r + 1])``: what was bought, newest first, then what was looked at.
    items : ndarray of shape (n_pairs,), int32
    pair : ndarray of shape (n_pairs, len(PAIR)), float32
    customer : ndarray of shape (n, len(CUSTOMER)), float32
    """

    indptr: npt.NDArray[np.int64]
    items: Ids
    pair: Scores
    customer: Scores


def customer_facts(log: Log, users: Ids) -> Facts:
    """Gather the facts of ``users`` (-1: a customer that the log does not have)."""
    users = np.asarray(users, np.int32)
    bought = log.indptr, log.product, log.order, log.at, log.quantity, log.price
    looked = log.look_indptr, log.look_product, log.look_at, log.look_weight
    known = users >= 0
    most = np.zeros(len(users), np.int64)
    for ends in (log.indptr, log.look_indptr):
        most[known] += ends[users[known] + 1] - ends[users[known]]
    starts = ends_of(most)
    items = np.empty(starts[-1], np.int32)
    pair = np.zeros((starts[-1], len(PAIR)), np.float32)
    customer = np.full((len(users), len(CUSTOMER)), np.nan, np.float32)
    found = np.zeros(len(users), np.int64)

    def work(start: int, end: int) -> None:
        lines = bought, looked, log.until, log.n_products
        kernels.customers((start, end), users, lines, starts, (items, pair), customer, found)

    share(work, len(users), _STEP)
    kept = np.arange(starts[-1]) - np.repeat(starts[:-1], most) < np.repeat(found, most)
    return Facts(ends_of(found), items[kept], pair[kept], customer)


def product_facts(log: Log) -> Scores:
    """Gather the facts of all products, shape (n_products, len(PRODUCT))."""
    m = log.n_products
    counts = np.zeros((m, len(PRODUCT)))
    ages = np.full((m, 2), np.nan)
    bought = log.indptr, log.product, log.order, log.at, log.quantity, log.price
    kernels.products(bought, log.until, np.array(WINDOWS_DAYS), counts, ages)
    week = log.look_at >= log.until - 7 * DAY_S
    counts[:, PRODUCT.index("looks_7")] = np.bincount(log.look_product[week], log.look_weight[week], m)
    made = dict(zip(PRODUCT, counts.T, strict=True))
    lines = np.maximum(made["last_year"], 1)  # the kernel counts all order lines there, for the means
    for name in ("price", "quantity", "basket"):
        made[name] = np.where(made["last_year"] > 0, made[name] / lines, np.nan)
    for short, long in ((7, 30), (14, 60), (30, 90)):
        prior = 4.0
        ratio = long / short
        made[f"growth_{short}_{long}"] = (
            ratio * (made[f"buyers_{short}"] + prior / ratio) / (made[f"buyers_{long}"] + prior)
        )
    made["repeat"] = _repeat(made["again"], made["buyers"], category_codes(log))
    listed = np.where(log.listed_at == NEVER, np.nan, (log.until - log.listed_at) / DAY_S)
    made["first"] = np.where(np.isnan(listed), ages[:, 0], listed)
    made["last"] = ages[:, 1]
    made["last_year"] = _last_year(log)
    for days in (14, 30, 60):
        made[f"lately_{days}"] = lately(log, float(days)).astype(np.float64)
    made["list_price"] = np.log(np.where(log.list_price > 0, log.list_price, np.nan))
    return np.stack([made[name] for name in PRODUCT], axis=1).astype(np.float32)


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
