"""A small shop in which rings of fraudsters share devices, cards and addresses; each of their orders alone looks honest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.core.sample import Sample

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
DAYS, CUSTOMERS, PRODUCTS, ORDERS = 320, 500, 40, 2400
RINGS, RING_ORDERS, RING_DAYS = 26, 9, 12
"""Each ring places its orders within some days, with accounts of a week, two devices, three cards and one address."""

_MOMENT = pa.timestamp("us", "UTC")
_COUNTRIES = np.array(["DE", "AT", "FR"])
Days = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Placed:
    """Orders in the order of time; ring -1 is an honest customer's. Traces are numbers of devices, cards, addresses."""

    day: Days
    who: Numbers
    ring: Numbers
    device: Numbers
    card: Numbers
    address: Numbers


def sample(seed: int) -> Sample:
    """Make the shop: about one order in eleven belongs to a ring, and nine of ten of these are found out in time.

    Among the rows are guests' orders, one without a device, one that was written down late, transfers that were paid
    after the order, outcomes that never come, an order that is disputed twice, and open orders of honest people and of
    rings.
    """
    rng = np.random.default_rng(seed)
    placed = _orders(rng)
    n = len(placed.day)
    lines = np.repeat(np.arange(n), rng.integers(1, 4, n))
    what = rng.integers(0, PRODUCTS, len(lines))
    pieces = rng.integers(1, 3, len(lines)).astype(float)
    total = np.asarray(np.bincount(lines, pieces * (5.0 + what), n) + 4.9, np.float64)
    people = CUSTOMERS + RINGS * RING_ORDERS
    opened = np.concatenate([rng.uniform(-400, 0, CUSTOMERS), np.zeros(people - CUSTOMERS)])
    bad = placed.ring >= 0
    opened[placed.who[bad]] = placed.day[bad] - rng.uniform(0.1, 7, int(bad.sum()))
    ids = np.array([f"o{i:04d}" for i in range(n)])
    return Sample(
        {
            "customer": pa.table(
                {
                    "customer_id": [f"c{i:04d}" for i in range(people)],
                    "registered_at": _at(opened),
                    "country": _COUNTRIES[np.arange(people) % 3],
                }
            ),
            "product": pa.table(
                {
                    "product_id": [f"p{i:02d}" for i in range(PRODUCTS)],
                    "title": [f"Product {i}" for i in range(PRODUCTS)],
                    "category": [f"category {i % 4}" for i in range(PRODUCTS)],
                    "listed_at": pa.nulls(PRODUCTS, _MOMENT),
                }
            ),
            "order": _order_table(rng, placed, ids, total),
            "order_item": pa.table(
                {
                    "order_id": ids[lines],
                    "line_no": np.arange(len(lines)) - np.searchsorted(lines, lines) + 1,
                    "product_id": [f"p{i:02d}" for i in what],
                    "quantity": pieces,
                    "unit_price": 5.0 + what,
                }
            ),
            "payment": _payment_table(rng, placed, ids, total),
            "order_outcome": _outcome_table(rng, placed, ids),
        },
        AS_OF,
    )


def _orders(rng: np.random.Generator) -> _Placed:
    """Honest orders at any time; each customer has a device, a card and an address, and now and then another."""
    n = RINGS * RING_ORDERS
    ring = np.repeat(np.arange(RINGS), RING_ORDERS)
    start = np.linspace(5, DAYS - RING_DAYS + 2, RINGS) + rng.uniform(-2, 2, RINGS)
    customer = np.concatenate([rng.integers(0, CUSTOMERS, ORDERS), CUSTOMERS + np.arange(n)])
    day = np.concatenate([rng.uniform(0, DAYS, ORDERS), start[ring] + rng.uniform(0, RING_DAYS, n)])
    rings = np.concatenate([np.full(ORDERS, -1), ring])
    traces = []
    for shared, fresh in ((2, 0.1), (3, 0.2), (1, 0.1)):
        usual = np.where(rings >= 0, CUSTOMERS + rings * 8 + rng.integers(0, shared, len(customer)), customer)
        traces.append(np.where(rng.random(len(customer)) < fresh, 10_000 + np.arange(len(customer)), usual))
    order = np.argsort(day)
    order = order[day[order] < DAYS - 0.01]
    return _Placed(day[order], customer[order], rings[order], *(trace[order] for trace in traces))


def _order_table(rng: np.random.Generator, placed: _Placed, ids: npt.NDArray[Any], total: Days) -> pa.Table:
    n = len(ids)
    age = DAYS - placed.day
    late = np.arange(n) % 60 == 7
    country = _COUNTRIES[placed.who % 3]
    return pa.table(
        {
            "order_id": ids,
            "customer_id": pa.array([f"c{i:04d}" for i in placed.who], mask=np.arange(n) % 83 == 5),
            "ordered_at": _at(placed.day),
            "status": pa.array(
                np.select([age > 6, age > 4, age > 1], ["delivered", "shipped", "paid"], "placed"),
                mask=np.arange(n) % 41 == 3,
            ),
            "total": total,
            "shipping": np.full(n, 4.9),
            "channel": rng.choice(["web", "app"], n),
            "shipping_country": country,
            "billing_country": np.where(rng.random(n) < 0.02, "FR", country),
            "shipping_address": [f"address {i}" for i in placed.address],
            "email": [f"c{i}@example.org" for i in placed.who],
            "ip": [f"10.0.{i // 200}.{i % 200}" for i in rng.integers(0, 300, n)],
            "device_id": pa.array([f"device {i}" for i in placed.device], mask=np.arange(n) % 97 == 9),
            "known_at": _at(np.minimum(placed.day + 0.5, DAYS - 0.005), late),
        }
    )


def _payment_table(rng: np.random.Generator, placed: _Placed, ids: npt.NDArray[Any], total: Days) -> pa.Table:
    transfer = rng.random(len(ids)) < 0.15
    kept = np.flatnonzero(~transfer | (placed.day + 2 < DAYS))
    return pa.table(
        {
            "payment_id": [f"y{i}" for i in kept],
            "order_id": ids[kept],
            "method": np.where(transfer, "transfer", "card")[kept],
            "amount": total[kept],
            "instalments": np.ones(len(kept), np.int64),
            "card": pa.array([f"card {i}" for i in placed.card[kept]], mask=transfer[kept]),
            "paid_at": _at(placed.day[kept] + 2, transfer[kept]),
        }
    )


def _outcome_table(rng: np.random.Generator, placed: _Placed, ids: npt.NDArray[Any]) -> pa.Table:
    """A fraud is found after some three weeks, one in ten never; one honest order in a hundred is disputed as well."""
    n = len(ids)
    bad = (placed.ring >= 0) | (rng.random(n) < 0.01)
    kind = np.where(bad, rng.choice(["fraud", "chargeback"], n), rng.choice(["ok", "returned"], n, p=[0.93, 0.07]))
    learned = placed.day + np.where(bad, np.clip(rng.lognormal(3, 0.4, n), 5, 44), rng.uniform(30, 44, n))
    reported = np.flatnonzero((learned < DAYS) & (rng.random(n) < np.where(bad, 0.9, 0.97)))
    twice = reported[kind[reported] == "fraud"][:1]
    return pa.table(
        {
            "order_id": np.concatenate([ids[reported], ids[twice]]),
            "kind": np.concatenate([kind[reported], np.full(len(twice), "chargeback")]),
            "known_at": _at(np.concatenate([learned[reported], learned[twice] + 1])),
        }
    )


def _at(days: Days, where: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Moments ``days`` after the shop opened; null where not ``where``."""
    opened = np.datetime64((AS_OF - timedelta(days=DAYS)).replace(tzinfo=None), "us")
    moments = opened + (days * 86_400e6).astype("timedelta64[us]")
    return pa.array(moments, pa.timestamp("us"), mask=None if where is None else ~where).cast(_MOMENT)
