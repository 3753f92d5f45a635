"""What is typed next: how quickly a shop's queries come and go, chosen on its own last days.

With c_qd the searches for q on the day d before the night, r_q(h) = Σ_d c_qd 2^(-d / h) / Σ_d 2^(-d / h) is its rate a day by
half-life h. A :class:`Decay` weighs (1 - β) r(h) + β r(s), s shorter than h: the day's trend beside what always is asked. The
one is taken that would have put what was typed on each of the last days highest, at prefixes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HALF_LIVES = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)
SHARES = (0.2, 0.5)
"""β: of the shorter half-life."""
JUDGED_DAYS, JUDGED_QUERIES, LONGEST = 7, 200, 8
"""Days before the night that are looked at, queries of each, drawn by lot, and letters of their prefixes."""
FEWEST_SEARCHES, FEWEST_DAYS = 10, 3
"""A day of fewer searches, and fewer such days, tell nothing."""
PLACES = 10
USUAL = 40.0


class Decay(NamedTuple):
    """How searches fade: half-lives in days, and the share of the shorter."""

    long: float = USUAL
    short: float = USUAL
    share: float = 0.0


class Days(NamedTuple):
    """Searches by query and day, one row each.

    Parameters
    ----------
    names : list of str
        The queries, in alphabetical order.
    query : ndarray of shape (n,), int64
        Place in ``names``.
    age : ndarray of shape (n,), int64
        Whole days before the night; 0 is the last day.
    times : ndarray of shape (n,), float64
    """

    names: list[str]
    query: Ints
    age: Ints
    times: Floats


def days(table: pa.Table, names: Sequence[str], key: dict[str, str]) -> Days:
    """Take the feature table ``asked_day`` for the queries ``names``; ``key``: the query that each text is."""
    place = {name: number for number, name in enumerate(sorted(names))}
    number = np.array([place.get(key.get(text, text), -1) for text in table["query"].to_pylist()], np.int64)
    kept = number >= 0
    age, times = (table[name].to_numpy()[kept] for name in ("age", "times"))
    return Days(sorted(names), number[kept], age.astype(np.int64), times.astype(np.float64))


def rates(known: Days, decay: Decay, now: int = 0) -> Floats:
    """Searches a day of each query as known ``now`` days before the night, shape (n_queries,)."""
    past = known.age >= now
    age, query, times = known.age[past] - now, known.query[past], known.times[past]
    rate = np.zeros(len(known.names))
    for half_life, share in ((decay.long, 1 - decay.share), (decay.short, decay.share)):
        if share:
            mass = 1 / (1 - 2 ** (-1 / half_life))
            rate += share * np.bincount(query, times * 2.0 ** (-age / half_life), len(rate)) / mass
    return rate


def chosen(known: Days, seed: int = 0) -> Decay:
    """The decay that ranks what was typed on the last days best; as usual where it is not better by more than chance."""
    questions = list(_questions(known, seed))
    usual = Decay()
    if len(questions) < FEWEST_DAYS:
        return usual
    gains = {decay: _gains(known, decay, questions) for decay in (Decay(h, h) for h in HALF_LIVES)}
    best = max(gains, key=lambda decay: float(gains[decay].mean()))
    shorter = [h for h in HALF_LIVES if h < best.long]
    gains |= {mix: _gains(known, mix, questions) for mix in (Decay(best.long, s, b) for s in shorter for b in SHARES)}
    best = max(gains, key=lambda decay: float(gains[decay].mean()))
    lead = gains[best] - gains[usual]
    return best if lead.mean() > lead.std(ddof=1) / np.sqrt(len(lead)) else usual


class _Asked(NamedTuple):
    """A day: the days between its end and the night, what was typed on it how often, and the names that begin alike."""

    now: int
    query: Ints
    weight: Floats
    low: Ints
    high: Ints


def _questions(known: Days, seed: int) -> Iterator[_Asked]:
    """What was typed on each of the last days, at each of its prefixes."""
    rng, names = np.random.default_rng(seed), np.array(known.names)
    for day in range(min(JUDGED_DAYS, int(known.age.max(initial=-1)))):
        times = np.bincount(known.query[known.age == day], known.times[known.age == day], len(names))
        typed = rng.permutation(np.flatnonzero(times))[:JUDGED_QUERIES]
        if times.sum() < FEWEST_SEARCHES:
            continue
        ends = [range(1, min(max(2, len(known.names[q])), LONGEST + 1)) for q in typed]
        prefix = np.array([known.names[q][:end] for q, some in zip(typed, ends, strict=True) for end in some])
        many = np.array([len(some) for some in ends])
        low, high = np.searchsorted(names, prefix), np.searchsorted(names, np.char.add(prefix, "\U0010ffff"))
        yield _Asked(day + 1, np.repeat(typed, many), np.repeat(times[typed] / many, many), low, high)


def _gains(known: Days, decay: Decay, questions: Sequence[_Asked]) -> Floats:
    """Of each day the mean reciprocal rank of what was typed, among the queries that begin alike; 0 below the tenth place."""
    found = []
    for day in questions:
        rate = rates(known, decay, day.now)
        above = [int((rate[a:b] > rate[q]).sum()) for q, a, b in zip(day.query, day.low, day.high, strict=True)]
        rank = 1 + np.array(above)
        found.append(np.average(np.where((rank <= PLACES) & (rate[day.query] > 0), 1 / rank, 0), weights=day.weight))
    return np.array(found)
