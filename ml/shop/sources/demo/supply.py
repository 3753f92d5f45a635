"""Where stock comes from, and how parcels travel: with a supplier that fails, one that slows, and a carrier that slows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ml.contract.tables import PURCHASE_ORDER, SHIPMENT, SUPPLY
from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.behaviour import Purchases
from ml.shop.sources.demo.catalogue import Catalogue, product_ids
from ml.shop.sources.demo.columns import Rows
from ml.shop.sources.demo.customers import COUNTRIES
from ml.shop.sources.demo.fate import KINDS, Fate
from ml.shop.sources.demo.fraud import Traces
from ml.shop.sources.demo.options import Options
from ml.shop.sources.demo.stock import LEAD_WEEKS, WEEK, Sales
from ml.shop.sources.demo.truth import DISRUPTION

SUPPLIERS = ("Alder Trading", "Birch & Sons", "Cedar Works", "Dogwood Imports", "Elm Wholesale", "Fir Makers")
FAILS, SLOWS = 1, 3
"""The supplier from whom nothing comes any more in the last weeks, and the one whose orders take ever longer."""
CARRIERS = ("Swift", "Parcelway", "Northpost")
SLOW_CARRIER = 0
WAREHOUSES = ("north", "south")
DISRUPTED_DAYS = 42
"""So long before the end both suppliers and the carrier begin to fail."""
_TRANSIT_DAYS = np.array([3.0, 4.0, 6.0])
"""Promised by a carrier, beside two days to pack."""


def supply_batches(options: Options, shop: Catalogue, sales: Sales) -> Iterator[Rows]:
    """Yield how each product can be bought, what was ordered, and what was planted."""
    rng, n = options.rng("supply"), shop.products
    supplier = rng.integers(0, len(SUPPLIERS), n)
    cost = np.round(shop.price * rng.uniform(0.45, 0.65, n), 2)
    lead, life = np.full(n, LEAD_WEEKS * 7.0), rng.random(n) < 0.05
    yield col.rows(
        SUPPLY,
        product_id=product_ids(np.arange(n)),
        supplier=col.pick(SUPPLIERS, supplier),
        lead_days=lead,
        lead_spread_days=np.full(n, 2.0),
        pack_size=rng.choice([1.0, 5.0, 10.0], n),
        minimum_order=np.ones(n),
        cost=cost,
        holding_cost=np.round(cost * 0.25, 2),
        shelf_life_days=np.where(life, 60.0, 3650.0),
    )
    product, week = np.nonzero(sales.ordered)
    placed = np.minimum(options.start + (week + 1) * WEEK, options.stop) - 1800
    known = placed >= shop.sold_from[product]
    product, week, placed = product[known], week[known], placed[known]
    since = np.maximum(placed - (options.stop - DISRUPTED_DAYS * DAY_S), 0) / DAY_S
    extra = np.where(supplier[product] == SLOWS, 0.6 * since, 0) + rng.normal(0, 1, len(product))
    fails = (supplier[product] == FAILS) & (since > 0)
    arrived = placed + ((LEAD_WEEKS * 7 + np.maximum(extra, -6)) * DAY_S).astype(np.int64)
    yield col.rows(
        PURCHASE_ORDER,
        purchase_order_id=col.ids("B", np.arange(len(product))),
        product_id=product_ids(product),
        supplier=col.pick(SUPPLIERS, supplier[product]),
        quantity=sales.ordered[product, week].astype(float),
        placed_at=col.times(placed),
        expected_at=col.times(placed + LEAD_WEEKS * WEEK),
        arrived_at=col.times(arrived, (arrived < options.stop) & ~fails),
    )
    day = options.stop - DISRUPTED_DAYS * DAY_S
    yield col.rows(
        DISRUPTION,
        partner=[SUPPLIERS[FAILS], SUPPLIERS[SLOWS], CARRIERS[SLOW_CARRIER]],
        kind=["supplier fails", "supplier slows", "carrier slows"],
        begins_at=col.times(np.full(3, day)),
    )


def shipment_table(options: Options, bought: Purchases, left: Traces, fate: Fate) -> Rows:
    """A parcel of each order that was not cancelled, by one of three carriers."""
    rng = options.rng("shipments", bought.chunk)
    n = len(bought.t)
    carrier, origin = rng.integers(0, len(CARRIERS), n), rng.integers(0, len(WAREHOUSES), n)
    handed = fate.known + (rng.uniform(0.2, 0.9, n) * np.minimum(fate.delivered - fate.known, 2 * DAY_S)).astype(
        np.int64
    )
    promised = (fate.known // DAY_S + 3 + _TRANSIT_DAYS[carrier].astype(np.int64)) * DAY_S - 1
    slowed = (carrier == SLOW_CARRIER) & (handed >= options.stop - DISRUPTED_DAYS * DAY_S)
    delivered = fate.delivered + np.where(slowed, rng.uniform(2, 5, n) * DAY_S, 0).astype(np.int64)
    kept = np.flatnonzero(fate.kind != KINDS.index("cancelled"))
    return col.rows(
        SHIPMENT,
        shipment_id=col.ids("S", bought.numbers[kept]),
        order_id=col.ids("O", bought.numbers[kept]),
        promised_at=col.times(promised[kept]),
        handed_over_at=col.times(handed[kept], (handed < options.stop)[kept]),
        delivered_at=col.times(delivered[kept], (delivered < options.stop)[kept]),
        carrier=col.pick(CARRIERS, carrier[kept]),
        origin=col.pick(WAREHOUSES, origin[kept]),
        destination=col.pick(COUNTRIES, left.ships_to[kept]),
    )
