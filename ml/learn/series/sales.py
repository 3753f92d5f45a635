"""What a shop sold by product and day, as Ibis tables at a time and as a panel.

Days are counted from the night: day -1 is the 24 hours before it. So they are the shop's own days whatever its time zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.contract.purchases import bought, chosen
from ml.core.asof import known
from ml.core.units import DAY_S
from ml.learn.series.panel import Grouping, Panel

Tables = Mapping[str, ibis.Table]
Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

FORGOTTEN_DAYS = 60
"""A stock count says nothing any more after so many days."""


def sold(tables: Tables, as_of: datetime, days: int) -> ibis.Table:
    """Pieces and mean price by product and day of the ``days`` before ``as_of``; as much as was known then.

    Columns product_id, day (-1: the day before the night), pieces, price.
    """
    orders = bought(known(tables["order"], as_of, "ordered_at", "known_at"))
    orders = orders.select("order_id", day=_day(orders["ordered_at"], as_of))
    lines = chosen(tables["order_item"]).inner_join(orders.filter(orders["day"] >= -days), "order_id")
    made = lines.group_by("product_id", "day").aggregate(
        pieces=lines["quantity"].sum(), paid=(lines["quantity"] * lines["unit_price"]).sum()
    )
    return made.select("product_id", "day", "pieces", price=made["paid"] / made["pieces"])


def products(tables: Tables, as_of: datetime, days: int) -> ibis.Table:
    """The products of ``as_of``: product_id, title, category, price, ``begins`` (day of its first offer or sale), active.

    One without either begins where the ``days`` do.
    """
    rows = known(tables["product"], as_of, "listed_at")
    first = sold(tables, as_of, days).group_by("product_id").aggregate(first=ibis._["day"].min())
    rows = rows.left_join(first, "product_id").drop("product_id_right")
    listed = ibis.greatest(_day(rows["listed_at"], as_of), -days)
    return rows.select(
        "product_id",
        "title",
        "category",
        "price",
        "first",
        begins=ibis.coalesce(ibis.least(listed, rows["first"].fill_null(0)), rows["first"], -days).cast("int64"),
        active=rows["active"].fill_null(True),
    )


def closed(tables: Tables, as_of: datetime, days: int) -> ibis.Table:
    """Days on which a product could not be bought by its stock counts: product_id, day.

    From the day after a count of 0 or less until the day before the next count; where something was sold all the same, the
    sale is right and the count is not.
    """
    if "stock" not in tables:
        return ibis.memtable(pa.schema([("product_id", pa.string()), ("day", pa.int64())]).empty_table())
    counts = known(tables["stock"], as_of, "counted_at", "known_at")
    window = ibis.window(group_by="product_id", order_by="counted_at")
    counts = counts.mutate(next_at=counts["counted_at"].lead().over(window))
    empty = counts.filter(counts["quantity"] <= 0)
    begin = _day(empty["counted_at"], as_of) + 1
    end = ibis.least(_day(empty["next_at"], as_of).fill_null(0), begin + FORGOTTEN_DAYS, 0)
    span = ibis.range(ibis.greatest(begin, -days).cast("int64"), end.cast("int64"))
    rows = empty.select("product_id", day=span.unnest()).distinct()
    return rows.anti_join(sold(tables, as_of, days), ["product_id", "day"])


def moment(as_of: datetime) -> ibis.Table:
    """One row: ``as_of`` in seconds since 1970."""
    return ibis.literal(int(as_of.timestamp()), "int64").name("as_of").as_table()


def _day(at: ibis.Value, as_of: datetime) -> ibis.Value:
    seconds = at.cast("timestamp('UTC', 6)").epoch_seconds() - int(as_of.timestamp())
    return (seconds / DAY_S).floor().cast("int64")


class Shelf(NamedTuple):
    """The products in the order of their id, and their series.

    Attributes
    ----------
    product : pyarrow.Table
        As :func:`products` gives them.
    panel : Panel
        The last period is the day before the night; groupings are the category, and the shop as a whole.
    category : ndarray of shape (n_categories,)
        Names of the first grouping's groups.
    """

    product: pa.Table
    panel: Panel
    category: pa.Array


def shelf(features: Mapping[str, pa.Table], days: int, ahead: int) -> Shelf:
    """Put the tables ``product``, ``sold``, ``closed`` and ``moment`` side by side as a panel of at most ``days``.

    Parameters
    ----------
    ahead : int
        So many days after the night have a price: the product's own.
    """
    product = features["product"].sort_by("product_id").combine_chunks()
    rows = features["sold"]
    oldest = pc.min(rows["day"]).as_py() if len(rows) else None
    t = min(days, -int(oldest)) if oldest is not None else 1
    ids = product["product_id"].combine_chunks()
    pieces, price = _dense(ids, rows, t, ahead)
    begins = np.maximum(product["begins"].to_numpy() + t, 0)
    # Where a series begins with a sale, that sale says that there is such a product, not how often it sells: those that
    # sold once of late would seem to sell daily.
    born = np.nan_to_num(product["first"].cast(pa.float64()).to_numpy(zero_copy_only=False), nan=1.0) + t
    pieces[np.arange(t) < (begins + (born == begins))[:, None]] = np.nan
    shut = features["closed"]
    row, day = _places(ids, shut, t)
    pieces[row, day] = np.nan
    listed = product["price"].to_numpy(zero_copy_only=False).astype(np.float64)
    names = pc.fill_null(product["category"].combine_chunks(), "")
    category = pc.unique(names).sort()
    code = pc.index_in(names, category).to_numpy(zero_copy_only=False).astype(np.int64)
    groupings = (_grouping(pieces, code, len(category)), _grouping(pieces, np.zeros(len(ids), np.int64), 1))
    as_of = int(features["moment"]["as_of"][0].as_py()) if len(features["moment"]) else 0
    first = (as_of + DAY_S // 2) // DAY_S - t
    named = pc.not_equal(names, "").to_numpy(zero_copy_only=False).astype(np.int64)
    prior = _category_level(pieces, np.where(named, code + 1, 0), len(category) + 1, named)
    panel = Panel(pieces, int(first), prior, groupings, None, _discounts(price, listed, t)[:, :, None])
    return Shelf(product, panel, category)


def _places(ids: pa.Array, rows: pa.Table, t: int) -> tuple[Longs, Longs]:
    """Row and column in the panel of each row of a table with product_id and day."""
    rows = rows.filter(pc.and_(pc.is_in(rows["product_id"], ids), pc.greater_equal(rows["day"], -t)))
    row = pc.index_in(rows["product_id"], ids).to_numpy().astype(np.int64)
    return row, rows["day"].to_numpy() + t


def _dense(ids: pa.Array, rows: pa.Table, t: int, ahead: int) -> tuple[Floats, Floats]:
    rows = rows.filter(pc.and_(pc.is_in(rows["product_id"], ids), pc.greater_equal(rows["day"], -t)))
    row, day = _places(ids, rows, t)
    pieces, price = np.zeros((len(ids), t), np.float32), np.full((len(ids), t + ahead), np.nan, np.float32)
    pieces[row, day] = rows["pieces"].to_numpy()
    price[row, day] = rows["price"].to_numpy()
    return pieces, price


def _grouping(pieces: Floats, code: Longs, n: int) -> Grouping:
    """Mean of each group over its series that are on sale each day."""
    known = ~np.isnan(pieces)
    total, count = np.zeros((n, pieces.shape[1])), np.zeros((n, pieces.shape[1]))
    np.add.at(total, code, np.where(known, pieces, 0))
    np.add.at(count, code, known)
    return Grouping(code, np.divide(total, count, out=np.zeros_like(total), where=count > 0).astype(np.float32))


def _category_level(pieces: Floats, code: Longs, n: int, named: Longs) -> Floats:
    """Pieces per known day of each product's category, of the shop where it has none, shape (n_products,)."""
    known = ~np.isnan(pieces)
    sums, days = np.where(known, pieces, 0).sum(axis=1, dtype=np.float64), known.sum(axis=1)
    level = np.bincount(code, sums, n) / np.maximum(np.bincount(code, days, n), 1)
    whole = sums.sum() / max(int(days.sum()), 1)
    return np.asarray(np.where(named, level[code], whole), np.float32)


def _discounts(price: Floats, listed: npt.NDArray[np.float64], t: int) -> Floats:
    """Logarithm of each day's price over the product's usual one; the price of the last sale holds until the next.

    After the night the listed price holds. 0 where no price is known, or one of 0.
    """
    price = np.where(price > 0, price, np.nan)
    price[:, t:] = np.where(listed > 0, listed, np.nan)[:, None]
    known = ~np.isnan(price)
    at = np.maximum.accumulate(np.where(known, np.arange(price.shape[1]), 0), axis=1)
    filled = np.take_along_axis(price, at, axis=1)
    usual = _median(price[:, :t])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.clip(np.nan_to_num(np.log(filled / usual[:, None])), -2, 2), np.float32)


def _median(price: Floats) -> Floats:
    out = np.full(len(price), np.nan, np.float32)
    some = ~np.isnan(price).all(axis=1)
    if some.any():
        out[some] = np.nanmedian(price[some], axis=1)
    return out
