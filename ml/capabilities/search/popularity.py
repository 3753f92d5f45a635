"""What is typed next: how quickly a shop's queries come and go, chosen on its own last days.

With c_qd the searches for q on the day d before the night, r_q(h) = Σ_d c_qd 2^(-d / h) / Σ_d 2^(-d / h) is its rate a day by
half-life h. A :class:`Decay` weighs (1 - β) r(h) + β r(s), s shorter than h: the day's trend beside what always is asked. The
one is taken that would have put what was typed on each of the last days highest, at prefixes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HALF_LIVES = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)
SHARES = (0.2, 0.5)
"""β: of the shorter half-life."""
JUDGED_DAYS, JUDGED_SEARCHES = 7, 300
"""Days before the night that are looked at, and searches of each, drawn by lot."""
FEWEST_SEARCHES = 100
"""Of fewer nothing is learned."""
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
    made = np.zeros(len(known.names))
    for half_life, share in ((decay.long, 1 - decay.share), (decay.short, decay.share)):
        if share:
            mass = 1 / (1 - 2 ** (-1 / half_life))
            made += share * np.bincount(query, times * 2.0 ** (-age / half_life), len(made)) / mass
    return made


def chosen(known: Days, seed: int = 0) -> Decay:
    """The decay that ranks what was typed on the last days best; as usual where there is too little to learn from."""
    asked = list(_questions(known, seed))
    if sum(len(query) for _, query, _, _ in asked) < FEWEST_SEARCHES:
        return Decay()
    best = max((Decay(h, h) for h in reversed(HALF_LIVES)), key=lambda decay: _gain(known, decay, asked))
    shorter = [h for h in HALF_LIVES if h < best.long]
    return max((best, *(Decay(best.long, s, b) for s in shorter for b in SHARES)), key=lambda d: _gain(known, d, asked))


def _questions(known: Days, seed: int) -> list[tuple[int, Ints, Ints, Ints]]:
    """By day: its number, queries that were typed on it, and the range of names that begin as each did."""
    rng = np.random.default_rng(seed)
    names = np.array(known.names)
    made = []
    for day in range(min(JUDGED_DAYS, int(known.age.max(initial=-1)))):
        today = known.age == day
        total = known.times[today].sum()
        if not total:
            continue
        drawn = rng.choice(known.query[today], JUDGED_SEARCHES, p=known.times[today] / total)
        length = [int(rng.integers(1, max(2, len(known.names[q])))) for q in drawn]
        prefix = [known.names[q][:end] for q, end in zip(drawn, length, strict=True)]
        low = np.searchsorted(names, prefix)
        high = np.searchsorted(names, [text + "\U0010ffff" for text in prefix])
        made.append((day + 1, drawn, low, high))
    return made


def _gain(known: Days, decay: Decay, asked: Sequence[tuple[int, Ints, Ints, Ints]]) -> float:
    """Mean reciprocal rank of what was typed, among the queries that begin alike; none below the tenth place."""
    found: list[float] = []
    for now, drawn, low, high in asked:
        rate = rates(known, decay, now)
        for query, start, end in zip(drawn, low, high, strict=True):
            rank = 1 + int((rate[start:end] > rate[query]).sum())
            found.append(1 / rank if rank <= 10 and rate[query] > 0 else 0.0)
    return float(np.mean(found))
