"""What becomes of an order: delivery, cancellation, return, fraud; and when the shop learns it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.contract.tables import ORDER_OUTCOME
from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.behaviour import HONEST, Purchases
from ml.shop.sources.demo.catalogue import Catalogue
from ml.shop.sources.demo.columns import Bools, Ints, Rows
from ml.shop.sources.demo.fraud import Traces
from ml.shop.sources.demo.options import Options

KINDS = ("ok", "returned", "cancelled", "chargeback", "fraud")
STATUS = ("placed", "paid", "shipped", "delivered", "cancelled", "returned")
_OK, _RETURNED, _CANCELLED, _CHARGEBACK, _FRAUD = range(5)


@dataclass(frozen=True)
class Fate:
    """Per order; times in seconds."""

    known: Ints
    """When the order was written; its own time but for the late ones."""
    late: Bools
    delivered: Ints
    slow: Bools
    """Delivery took long enough to complain about."""
    kind: Ints
    """Position in ``KINDS``."""
    learned: Ints
    """When the shop learns ``kind``; perhaps after the end."""


def fates(options: Options, shop: Catalogue, bought: Purchases, left: Traces) -> Fate:
    """Draw the fate of each order."""
    rng, n = options.rng("fates", bought.chunk), len(bought.t)
    delay = np.where(rng.random(n) < 0.012, rng.integers(3600, 2 * DAY_S, n), 0)
    delay = np.where(bought.t + delay < options.stop, delay, 0)
    known = bought.t + delay
    days = np.clip(rng.lognormal(np.log(3.2), 0.45, n), 1, 30)
    delivered = known + (days * DAY_S).astype(np.int64)
    stays = np.bincount(bought.line_order, np.log1p(-shop.return_probability[bought.product]), n)
    honest = bought.fraud == HONEST
    kind = np.where(rng.random(n) < -np.expm1(stays), _RETURNED, _OK)
    kind = np.where(rng.random(n) < 0.025, _CANCELLED, kind)
    kind = np.where(~honest, _OK, kind)
    disputed = (honest & (rng.random(n) < 0.001)) | left.found
    kind = np.where(disputed, np.where(rng.random(n) < 0.6, _CHARGEBACK, _FRAUD), kind)
    kind = np.where(disputed & honest, _CHARGEBACK, kind)
    learned = np.select(
        [kind == _RETURNED, kind == _CANCELLED, kind == _OK],
        [
            delivered + rng.integers(3 * DAY_S, 30 * DAY_S, n),
            known + rng.integers(3600, 3 * DAY_S, n),
            delivered + rng.integers(30 * DAY_S, 40 * DAY_S, n),
        ],
        left.found_at,
    )
    return Fate(known, delay > 0, delivered, days > 5.5, kind, learned)


def status(options: Options, bought: Purchases, fate: Fate) -> Ints:
    """Position in ``STATUS``, as the shop sees it at the end."""
    age = options.stop - bought.t
    step = np.select([fate.delivered <= options.stop, age > 2 * DAY_S, age > 7200], [3, 2, 1], 0)
    seen = fate.learned < options.stop
    step = np.where(seen & (fate.kind == _CANCELLED), 4, step)
    return np.where(seen & (fate.kind == _RETURNED), 5, step)


def outcome_table(options: Options, bought: Purchases, fate: Fate) -> Rows:
    """The contract table ``order_outcome``: what is learned before the end."""
    seen = np.flatnonzero(fate.learned < options.stop)
    return col.rows(
        ORDER_OUTCOME,
        order_id=col.ids("O", bought.numbers[seen]),
        kind=col.pick(KINDS, fate.kind[seen]),
        known_at=col.times(fate.learned[seen]),
    )
