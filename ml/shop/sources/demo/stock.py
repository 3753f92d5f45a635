"""Weekly stock counts that follow from what was sold: reorder up to a level when it falls low, some too late."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ml.contract.tables import STOCK
from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.behaviour import Purchases
from ml.shop.sources.demo.catalogue import Catalogue, product_ids
from ml.shop.sources.demo.columns import Ints, Rows
from ml.shop.sources.demo.options import Options

WEEK = 7 * DAY_S
LEAD_WEEKS = 2


class Sales:
    """Pieces sold by product and week, filled chunk by chunk."""

    def __init__(self, options: Options, products: int) -> None:
        self.start, self.weeks = options.start, -(-options.days // 7)
        self.pieces = np.zeros((products, self.weeks), np.int32)
        self.ordered = np.zeros((products, self.weeks), np.int64)
        """What was ordered anew at the end of each week; filled by :func:`stock_batches`."""

    def add(self, bought: Purchases) -> None:
        """Count the lines of a chunk."""
        week = (bought.t[bought.line_order] - self.start) // WEEK
        np.add.at(self.pieces, (bought.product, week), bought.quantity.astype(np.int32))


def stock_batches(options: Options, shop: Catalogue, sales: Sales) -> Iterator[Rows]:
    """Yield one batch a week: the products on sale whose count changed, counted Sunday night and known hours later."""
    rng, n = options.rng("stock"), shop.products
    mean = sales.pieces.mean(axis=1)
    low = np.ceil(mean * (LEAD_WEEKS + 1) + 2 * np.sqrt(mean + 0.1)).astype(np.int64) + 1
    target = low + np.ceil(mean * rng.uniform(2, 6, n)).astype(np.int64) + 2
    careless = rng.random(n) < 0.12
    quantity, counted = target.copy(), np.full(n, -1)
    due: list[Ints] = [np.zeros(n, np.int64) for _ in range(LEAD_WEEKS)]
    for week in range(sales.weeks):
        quantity = np.maximum(quantity - sales.pieces[:, week], 0) + due.pop(0)
        short = (quantity + sum(due) <= low) & ~(careless & (rng.random(n) < 0.85))
        due.append(np.where(short, target - quantity, 0))
        sales.ordered[:, week] = due[-1]
        at = min(options.start + (week + 1) * WEEK, options.stop) - 3600
        offered = (shop.sold_from <= at) & (shop.sold_until > at)
        rows = np.flatnonzero(offered & (quantity != counted))
        counted[rows] = quantity[rows]
        known = at + rng.integers(600, 3000, len(rows))
        yield col.rows(
            STOCK,
            product_id=product_ids(rows),
            counted_at=col.times(np.full(len(rows), at)),
            quantity=quantity[rows],
            known_at=col.times(known, rng.random(len(rows)) < 0.2),
        )
