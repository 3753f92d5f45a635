"""Where each product stands: stock, what is on its way, how long an order takes, and what a piece costs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.stock import suppliers
from ml.capabilities.stock.spec import Params
from ml.core.capability import Rows
from ml.learn.series.sales import Shelf

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

_GIVEN_UP_DAYS = 14.0
"""An order that is late by more is not counted on."""
_EVER = 36_500.0


@dataclass(frozen=True)
class Position:
    """A column each, of shape (n_products,); money in the shop's currency."""

    on_hand: Floats
    counted: npt.NDArray[np.bool_]
    on_order: Floats
    overdue: Floats
    """Ordered, late by more than two weeks and so not counted on."""
    lead_days: Floats
    stated_days: Floats
    lead_spread_days: Floats
    pack_size: Floats
    minimum_order: Floats
    cost: Floats
    price: Floats
    holding: Floats
    """Per piece and day."""
    penalty: Floats
    """Per piece that is not there."""
    shelf_life_days: Floats
    below: Floats
    """How far the count, less what was sold since, lies below nothing: the count was wrong."""
    assumed: npt.NDArray[np.bool_]
    """Nobody says how long an order takes, and too few came of late."""
    silent: Longs
    """So many orders at the supplier were due of late, and none came."""
    slower: Longs
    """So many of the newest orders at the supplier came, or are, later than chance explains; 0: it has not slowed."""
    review_days: float
    placing: float
    """What an order of one product costs, whatever its size."""

    def rows(self, chosen: Longs) -> Self:
        """Some of the products."""
        taken = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if f.type != "float"}
        return replace(self, **taken)

    @property
    def protected_days(self) -> Floats:
        """Until an order of the next review arrives, one standard deviation late."""
        return self.lead_days + self.review_days + self.lead_spread_days

    @property
    def whole_lead(self) -> Longs:
        return np.maximum(np.rint(self.lead_days), 1).astype(np.int64)


def position(features: Rows, shop: Shelf, params: Params) -> Position:
    """Read where each product of ``shop`` stands."""
    ids = shop.product["product_id"].combine_chunks()
    supply = _joined(
        ids,
        features["supply"],
        ("lead_days", "lead_spread_days", "pack_size", "minimum_order", "cost", "holding_cost", "shelf_life_days"),
    )
    count = _joined(ids, features["count"], ("quantity", "sold_since"))
    listed = shop.product["price"].to_numpy(zero_copy_only=False).astype(np.float64)
    price = np.where(listed > 0, np.nan_to_num(listed), 0.0)
    chosen = _chosen(features["cost"], params)
    cost = np.where(supply["cost"] > 0, supply["cost"], price * params.cost_share)
    holding = np.where(supply["holding_cost"] > 0, supply["holding_cost"], cost * chosen["holding_share"]) / 365
    on_order, overdue = _coming(ids, features["ordered"])
    stated = np.where(np.isfinite(supply["lead_days"]), supply["lead_days"], params.lead_days)
    lately = suppliers.records(features, ids)
    came = np.array([each.lead_days for each in lately], np.float64)
    lead = np.clip(np.where(np.isfinite(came), came, stated), 1.0, params.longest_lead_days)
    there = count["quantity"] - np.nan_to_num(count["sold_since"])
    margin = np.where(price > cost, price - cost, price * chosen["margin_share"])
    return Position(
        np.maximum(np.nan_to_num(there), 0),
        np.isfinite(count["quantity"]),
        on_order,
        overdue,
        lead,
        stated,
        np.minimum(np.nan_to_num(supply["lead_spread_days"]), 30),
        np.maximum(np.nan_to_num(supply["pack_size"], nan=1.0), 1),
        np.maximum(np.nan_to_num(supply["minimum_order"]), 0),
        cost,
        price,
        np.maximum(holding, 1e-6),
        np.maximum(margin, 1e-4),
        np.where(supply["shelf_life_days"] > 0, supply["shelf_life_days"], _EVER),
        np.maximum(-np.nan_to_num(there), 0),
        ~np.isfinite(supply["lead_days"]) & ~np.isfinite(came),
        np.array([each.silent for each in lately], np.int64),
        np.array([each.slower for each in lately], np.int64),
        chosen["review_days"],
        chosen["placing_cost"],
    )


def limits(features: Rows) -> tuple[float, float]:
    """Most money and most pieces that a night may order; infinity where there is no limit."""
    row = features["cost"].to_pylist()[0] if len(features["cost"]) else {}
    money, pieces = (row.get(name) for name in ("budget", "most_pieces"))
    return (np.inf if money is None else float(money), np.inf if pieces is None else float(pieces))


def _chosen(cost: pa.Table, params: Params) -> dict[str, float]:
    row = cost.to_pylist()[0] if len(cost) else {}
    names = ("margin_share", "holding_share", "review_days", "placing_cost")
    return {name: float(getattr(params, name) if row.get(name) is None else row[name]) for name in names}


def _joined(ids: pa.Array, table: pa.Table, names: tuple[str, ...]) -> dict[str, Floats]:
    """Columns of a table in the order of ``ids``; nan where it has no row or no value."""
    row = pc.index_in(ids, _ids(table))
    return {
        name: np.asarray(
            table[name].combine_chunks().cast(pa.float64()).take(row).to_numpy(zero_copy_only=False), np.float64
        )
        for name in names
    }


def _ids(table: pa.Table) -> pa.Array:
    return table["product_id"].combine_chunks()


def _coming(ids: pa.Array, ordered: pa.Table) -> tuple[Floats, Floats]:
    """Pieces that are counted on, and those that are not any more."""
    rows = ordered.filter(pc.and_(pc.is_null(ordered["took_days"]), pc.is_in(ordered["product_id"], ids)))
    row = pc.index_in(rows["product_id"], ids).to_numpy().astype(np.int64)
    late = pc.fill_null(rows["late_days"], 0.0).to_numpy() > _GIVEN_UP_DAYS
    late |= rows["days_ago"].to_numpy() > 400
    quantity = rows["quantity"].to_numpy().astype(np.float64)
    counted, lost = (np.asarray(np.bincount(row, quantity * which, len(ids)), np.float64) for which in (~late, late))
    return counted, lost
