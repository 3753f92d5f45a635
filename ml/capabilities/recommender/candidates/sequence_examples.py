"""Orders as examples that the sequence model learns from, in batches: what came before each, and its products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ml.capabilities.recommender.candidates import sequence_data as data
from ml.capabilities.recommender.candidates.sequence_data import Longs, Moments
from ml.kernels.compiled import Ids, Scores
from ml.learn.purchases import Log


class Batch(NamedTuple):
    """Examples as the network takes them."""

    item: Ids
    age: Ids
    rank: Ids
    some: Ids
    popularity: Scores
    bought_row: Ids
    bought_column: Ids
    bought_age: Ids
    target_row: Ids
    target_column: Ids
    target_weight: Scores
    log_weight: Scores
    """(n_rows, n_some): 0, ln 1/π or -inf: how much each product counts in Z; (1, 1) of 0 where all count 1."""


@dataclass(frozen=True)
class Examples:
    """The orders of a log as examples, and what a batch of them needs."""

    log: Log
    number: Ids
    m: int
    moments: Moments
    stop: Longs
    popular: Scores
    """(n_times, n_features, m)."""
    time: Longs
    """(n_orders,): which of them is that of the order."""
    length: int
    most: int
    sample: int
    """0: Z over the whole catalogue."""

    def batch(self, rows: Longs, rng: np.random.Generator) -> Batch:
        """Make the batch of the orders ``rows``."""
        moments = Moments(*(part[rows] for part in self.moments))
        longest = int((moments.end - moments.start).max())
        seen = data.history(self.log, self.number, moments, min(self.length, longest))
        before = data.bought(self.log, self.number, moments, self.most)
        row, item = self.answers(rows)
        weight = 1 / np.maximum(np.bincount(row, minlength=len(rows)), 1)[row]
        some, log_weight = self._catalogue(len(rows), np.r_[row, before.row], np.r_[item, before.item], rng)
        column = np.empty(self.m, np.int32)
        column[some] = np.arange(len(some), dtype=np.int32)
        popularity = self.popular[self.time[rows]][:, :, some] if self.sample else self.popular[self.time[rows]]
        return Batch(
            *seen,
            some,
            popularity,
            before.row.astype(np.int32),
            column[before.item],
            before.age,
            row.astype(np.int32),
            column[item],
            weight.astype(np.float32),
            log_weight,
        )

    def answers(self, rows: Longs) -> tuple[Longs, Ids]:
        """Products of the orders ``rows``, each once: place in ``rows`` and product."""
        end, stop = self.moments.end[rows], self.stop[rows]
        size = stop - end
        row = np.repeat(np.arange(len(rows)), size)
        line = np.arange(len(row)) - np.repeat(np.cumsum(size) - size - end, size)
        item = self.number[self.log.product[line]]
        key = np.unique(row[item >= 0] * self.m + item[item >= 0])
        return key // self.m, (key % self.m).astype(np.int32)

    def _catalogue(self, n: int, own_row: Longs, own: Ids, rng: np.random.Generator) -> tuple[Ids, Scores]:
        """Products that Z sums over, and the logarithm of their weight in each row."""
        if not self.sample:
            return np.arange(self.m, dtype=np.int32), np.zeros((1, 1), np.float32)
        chance = np.exp(self.popular[-1, 1].astype(np.float64)) ** 0.75
        inside = np.minimum(1, self.sample * chance / chance.sum())
        drawn = np.flatnonzero(rng.random(self.m) < inside)
        some = np.union1d(drawn, own).astype(np.int32)
        weight = np.full(len(some), -np.inf, np.float32)
        weight[np.searchsorted(some, drawn)] = -np.log(inside[drawn])
        every = np.repeat(weight[None], n, axis=0)
        every[own_row, np.searchsorted(some, own)] = 0
        return some, every
