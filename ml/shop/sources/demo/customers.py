"""Customers: who they are, what they like, how active they are, with whom they live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ml.contract.tables import CUSTOMER, ERASURE
from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.columns import Bools, Floats, Ints, Rows
from ml.shop.sources.demo.options import Options
from ml.shop.sources.demo.truth import CUSTOMER_TASTE, CUSTOMER_TRAIT

COUNTRIES = ("DE", "GB", "PT", "BR", "FR", "US", "NL", "AT")
LANGUAGES = ("en", "de", "pt")
SEGMENTS = ("retail", "business", "wholesale")
PERSONAS = ("normal", "silent", "returning", "ring")
SILENT, RETURNING, RING = 1, 2, 3

_SHARES = (0.3, 0.2, 0.12, 0.1, 0.09, 0.09, 0.05, 0.05)
_LANGUAGE = np.array([1, 0, 2, 2, 0, 0, 0, 1])
_RING_SHARE, _RING_SIZE = 0.011, 5


@dataclass(frozen=True)
class People:
    """The customers of one chunk, an array each; times in seconds."""

    number: Ints
    registered: Ints
    left: Ints
    away_from: Ints
    """Absent for 380 days from then on; 0: never."""
    country: Ints
    segment: Ints
    persona: Ints
    cluster: Ints
    """(customers, 3)"""
    weight: Floats
    """θ, (customers, 3)"""
    orders_per_year: Floats
    interval_factor: Floats
    household: Ints
    device: Ints
    card: Ints
    ring: Ints
    """-1: not in a ring."""
    ring_start: Ints

    @property
    def language(self) -> Ints:
        """Position in ``LANGUAGES``."""
        return np.asarray(_LANGUAGE[self.country])


def people(options: Options, chunk: int, clusters: int) -> People:
    """Make the customers of a chunk."""
    rng, number = options.rng("customer", chunk), options.numbers(chunk)
    n = len(number)
    segment = col.number_of(rng, (0.88, 0.08, 0.04), n)
    cluster, weight = _tastes(rng, options, segment, clusters)
    persona = col.number_of(rng, (0.81, 0.14, 0.05), n)
    before = rng.random(n) < 0.45
    joined = options.start + (np.sqrt(rng.random(n)) * (options.stop - options.start)).astype(np.int64)
    registered = np.where(before, options.start - rng.integers(1, 4 * 365 * DAY_S, n), joined)
    household, device, card = _homes(rng, number)
    ring, ring_start = _rings(rng, options, n)
    in_ring = ring >= 0
    opened = ring_start - rng.integers(3600, 30 * DAY_S, n)  # the others are old accounts that were taken over
    registered = np.where(in_ring & (rng.random(n) < 0.6), opened, registered)
    registered = np.where(in_ring, np.minimum(registered, ring_start - 3600), registered)
    persona = np.where(in_ring, RING, persona)
    sleeps = options.start + rng.integers(0, max(1, options.stop - options.start - 400 * DAY_S), n)
    rate = np.minimum(rng.lognormal(0.85, 0.85, n), 40.0) * np.where(segment > 0, 1.6, 1.0)
    return People(
        number,
        registered,
        np.maximum(registered, options.start) + (rng.exponential(1500, n) * DAY_S).astype(np.int64),
        np.where((persona == RETURNING) & (options.days > 500), sleeps, 0),
        col.number_of(rng, _SHARES, n),
        segment,
        persona,
        cluster,
        weight,
        np.where((persona == SILENT) | in_ring, 0.0, rate),
        rng.lognormal(0, 0.25, n),
        household,
        device,
        card,
        ring,
        ring_start,
    )


def _tastes(rng: np.random.Generator, options: Options, segment: Ints, clusters: int) -> tuple[Ints, Floats]:
    """Three clusters of each customer and their weights; wholesale and retail favour different ones."""
    n = len(segment)
    share = options.rng("clusters").dirichlet(np.full(clusters, 8.0))
    main = np.where(segment == 2, col.number_of(rng, share[::-1].tolist(), n), col.number_of(rng, share.tolist(), n))
    second = rng.integers(1, clusters, n)
    third = rng.integers(1, clusters - 1, n)
    third += third >= second
    return (
        np.stack([main, (main + second) % clusters, (main + third) % clusters], axis=1),
        rng.dirichlet([5.0, 1.2, 0.6], n),
    )


def _homes(rng: np.random.Generator, number: Ints) -> tuple[Ints, Ints, Ints]:
    """Household, device and card; one in ten lives in a family that shares the address and often device and card."""
    household, device, card = number.copy(), number.copy(), number.copy()
    family = rng.permutation(len(number))[: len(number) // 10]
    head = number[family[(np.arange(len(family)) // 3) * 3]]
    household[family] = head
    device[family] = np.where(rng.random(len(family)) < 0.6, head, number[family])
    card[family] = np.where(rng.random(len(family)) < 0.4, head, number[family])
    return household, device, card


def _rings(rng: np.random.Generator, options: Options, n: int) -> tuple[Ints, Ints]:
    """Ring of each customer (-1: none) and when the ring strikes."""
    ring, start = np.full(n, -1), np.zeros(n, np.int64)
    members = rng.permutation(n)[: max(3, round(_RING_SHARE * n))]
    of_member = np.r_[0, np.cumsum(rng.random(len(members) - 1) < 1 / _RING_SIZE)].astype(np.int64)
    strikes = options.start + 30 * DAY_S + rng.integers(0, options.stop - options.start - 45 * DAY_S, of_member[-1] + 1)
    ring[members], start[members] = of_member, strikes[of_member]
    return ring, start


def customer_ids(number: Ints, where: Bools | None = None) -> pa.Array:
    """``C`` and a number."""
    return col.ids("C", number, where)


def emails(number: Ints, where: Bools | None = None) -> pa.Array:
    """An address of each customer."""
    return col.join(col.tokens("user", number, where), "@example.com")


def customer_tables(options: Options, chunk: int, them: People) -> Iterator[Rows]:
    """The contract tables ``customer`` and ``erasure``."""
    rng, n = options.rng("customer_table", chunk), len(them.number)
    who = customer_ids(them.number)
    born = (np.datetime64("1940-01-01") + rng.integers(0, 24_000, n).astype("timedelta64[D]")).astype(str)
    yield col.rows(
        CUSTOMER,
        customer_id=who,
        registered_at=col.times(them.registered),
        country=col.pick(COUNTRIES, them.country, rng.random(n) > 0.01),
        segment=col.pick(SEGMENTS, them.segment),
        email=emails(them.number),
        birth_date=pa.array(born, mask=rng.random(n) < 0.4),
        accepts_marketing=accepts_marketing(them),
    )
    asks = np.sort(rng.permutation(np.flatnonzero(them.registered < options.stop - 30 * DAY_S))[: max(1, n // 1000)])
    yield col.rows(
        ERASURE,
        customer_id=who.take(pa.array(asks)),
        requested_at=col.times(options.stop - rng.integers(1, 25 * DAY_S, len(asks))),
    )


def customer_truth(them: People) -> Iterator[Rows]:
    """What was planted in the customers."""
    who, n = customer_ids(them.number), len(them.number)
    yield col.rows(
        CUSTOMER_TASTE,
        customer_id=who.take(pa.array(np.repeat(np.arange(n), 3))),
        cluster=them.cluster.ravel(),
        weight=them.weight.ravel(),
    )
    yield col.rows(
        CUSTOMER_TRAIT,
        customer_id=who,
        orders_per_year=them.orders_per_year,
        persona=col.pick(PERSONAS, them.persona),
        household=col.ids("H", them.household),
        interval_factor=them.interval_factor,
        left_at=col.times(them.left),
    )


def accepts_marketing(them: People) -> Bools:
    """Two in three agreed to be written to."""
    return np.asarray((them.number * 2_654_435_761) % 1000 < 660)
