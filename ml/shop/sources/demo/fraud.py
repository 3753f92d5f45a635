"""What an order leaves behind: device, card, address, IP. Families and rings share them, each in their own way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.behaviour import HONEST, SINGLE, Purchases
from ml.shop.sources.demo.columns import Bools, Ints, Rows
from ml.shop.sources.demo.customers import COUNTRIES, People
from ml.shop.sources.demo.options import CHUNK, Options
from ml.shop.sources.demo.truth import FRAUD_ORDER

_FOUND = 0.9
_POOL, _FRESH, _GIFT = 10**9, 10**10, 10**8


@dataclass(frozen=True)
class Traces:
    """Per order: numbers that stand for a device, card, address and IP; countries; how a fraud comes out."""

    device: Ints
    card: Ints
    address: Ints
    ip: Ints
    ships_to: Ints
    billed_in: Ints
    found: Bools
    found_at: Ints


def traces(options: Options, them: People, bought: Purchases) -> Traces:
    """Draw the traces of each order."""
    rng, n = options.rng("traces", bought.chunk), len(bought.t)
    fresh = bought.numbers + _FRESH
    honest, single = bought.fraud == HONEST, bought.fraud == SINGLE
    home = {
        "device": them.device,
        "card": them.card,
        "address": them.household,
        "ip": them.household,
    }
    # how often an honest order, a lone fraudster's and a ring's leave a trace of their own; how many a ring shares
    shares = {
        "device": (0.05, 0.9, 0.25, 2),
        "card": (0.03, 1.0, 0.35, 3),
        "address": (0.06, 0.7, 0.15, 2),
        "ip": (0.3, 0.8, 0.4, 2),
    }
    left = {}
    for trace, (plain, alone, ring, size) in shares.items():
        new = rng.random(n) < np.where(honest, plain, np.where(single, alone, ring))
        pool = _POOL + (bought.chunk * CHUNK + bought.fraud) * 8 + rng.integers(0, size, n)
        usual = np.where(honest | single, home[trace][bought.who], pool)
        left[trace] = np.where(new, fresh + (_GIFT if trace == "address" else 0), usual)
    # a mobile network shows many customers under few addresses
    left["ip"] = np.where(honest & (left["ip"] >= _FRESH), _GIFT + rng.integers(0, 500, n), left["ip"])
    country = them.country[bought.who]
    other = rng.integers(0, len(COUNTRIES), n)
    found_at = bought.t + (np.clip(rng.lognormal(np.log(25), 0.6, n), 3, 120) * DAY_S).astype(np.int64)
    return Traces(
        **left,
        ships_to=np.where(rng.random(n) < np.where(honest, 0.05, 0.45), other, country),
        billed_in=np.where(rng.random(n) < np.where(honest, 0.01, 0.3), other, country),
        found=~honest & (rng.random(n) < _FOUND),
        found_at=found_at,
    )


def fraud_table(bought: Purchases, left: Traces) -> Rows:
    """``demo_truth.fraud_order``."""
    bad = np.flatnonzero(bought.fraud != HONEST)
    ring = col.ids("R", bought.chunk * CHUNK + bought.fraud[bad])
    return col.rows(
        FRAUD_ORDER,
        order_id=col.ids("O", bought.numbers[bad]),
        ring=pc.if_else(pa.array(bought.fraud[bad] == SINGLE), "single", ring),
        found=left.found[bad],
    )
