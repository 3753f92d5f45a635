"""Which products answer a query, and in which order: candidates by words and by meaning, one weighted sum for both.

``search.sql`` ranks alike; a test holds both to the same lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from ml.capabilities.search.index import Index, spellings
from ml.capabilities.search.reading import Reading, read

PARTS = ("lexical", "coverage", "meaning", "popularity", "category", "brand", "clicks", "purchases")
"""The parts of a product's score."""
UNTRAINED = (1.0, 0.6, 0.8, 0.1, 0.25, 0.15, 0.8, 0.4)
ONE_WORD = 0.125
"""What meaning counts where one word was typed, beside several: alone it says what it is, not what of it is wanted."""
BY_WORDS, BY_MEANING = 300, 100
"""Candidates of each kind."""
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


class Clicks(NamedTuple):
    """Products that were clicked after a query, with their shares of its clicks and of these how many were bought."""

    ids: Numbers
    share: Floats
    bought: Floats


class Answer(NamedTuple):
    """Candidates of a query, best first."""

    ids: Numbers
    scores: Floats
    parts: Floats
    """(n_candidates, n_parts)."""
    reading: Reading
    every: int
    """Candidates there were before the first ``n`` were taken."""
    rest: dict[str, float]
    """By category the best score of those that were not taken."""


@dataclass
class Engine:
    """Answers queries from an index and what the log tells."""

    index: Index
    weights: Sequence[float] = UNTRAINED
    clicks: Mapping[str, Clicks] = field(default_factory=dict)
    """By query as :func:`~ml.capabilities.search.log.key` writes it."""
    meant: Mapping[str, str] = field(default_factory=dict)
    """Query -> the category that it means, by its clicks."""
    instead: Mapping[str, str] = field(default_factory=dict)
    """Query -> the one that customers typed next, and that found what they meant."""

    def __post_init__(self) -> None:
        self.spelling = spellings(self.index.words)
        self.category, self.brand = (
            self.index.products[name].to_numpy(zero_copy_only=False) for name in ("category", "brand")
        )
        price = pc.fill_null(self.index.products["price"], float("nan"))
        self.price = price.to_numpy()

    def read(self, query: str) -> Reading:
        """What the query means, by words and by the log."""
        reading = read(self.instead.get(query, query), self.index, self.spelling)
        reading.corrected |= query in self.instead
        reading.category = reading.category or self.meant.get(query)
        return reading

    def answer(self, query: str, n: int = 10) -> Answer:
        """The best ``n`` products for a query, as :func:`~ml.capabilities.search.log.key` writes it."""
        reading = self.read(query)
        lexical, coverage = self._by_words(reading)
        meaning = self._by_meaning(reading)
        clicked = self.clicks.get(query)
        ids = [_top(lexical, BY_WORDS), _top(meaning, BY_MEANING), *([clicked.ids] if clicked else [])]
        found = np.unique(np.concatenate(ids))
        parts = np.zeros((len(found), len(PARTS)))
        parts[:, 0], parts[:, 1] = lexical[found], coverage[found]
        parts[:, 2] = np.maximum(meaning[found], 0) * (1 if len(set(reading.places)) > 1 else ONE_WORD)
        parts[:, 3] = self.index.popularity[found]
        parts[:, 4] = self.category[found] == reading.category if reading.category else 0
        parts[:, 5] = self.brand[found] == reading.brand if reading.brand else 0
        if clicked:
            at = np.searchsorted(found, clicked.ids)
            parts[at, 6], parts[at, 7] = clicked.share, clicked.bought
        scores = (parts * np.asarray(self.weights)).sum(axis=1)
        kept = self._within(found, reading)
        order = np.lexsort((found, -scores))
        order = order[kept[order]]
        first, rest = order[:n], order[n:][::-1]
        best = dict(zip(self.category[found[rest]].tolist(), scores[rest].tolist(), strict=True))  # the last one stays
        return Answer(found[first], scores[first], parts[first], reading, len(order), best)

    def _within(self, found: Numbers, reading: Reading) -> npt.NDArray[np.bool_]:
        price = self.price[found]
        kept = np.ones(len(found), bool)
        if reading.most is not None:
            kept &= price <= reading.most
        if reading.least is not None:
            kept &= price >= reading.least
        return kept if kept.any() else np.ones(len(found), bool)

    def _by_words(self, reading: Reading) -> tuple[Floats, Floats]:
        """Sum over places of the best term's impact, over the sum of their idf; and the share of places that match."""
        index, n = self.index, len(self.index)
        total, matched, ideal = np.zeros(n), np.zeros(n), 0.0
        places = sorted(set(reading.places))
        for place in places:
            of_place, most = np.zeros(n), 0.0
            for term, weight, at in zip(reading.terms, reading.weights, reading.places, strict=True):
                if at == place and term in index.postings:
                    ids, impacts = index.postings[term]
                    of_place[ids] = np.maximum(of_place[ids], weight * impacts)
                    most = max(most, weight * index.idf[term])
            total += of_place
            matched += of_place > 0
            ideal += most
        return total / ideal if ideal else total, matched / max(1, len(places))

    def _by_meaning(self, reading: Reading) -> Floats:
        """Cosine of the query's vector, the sum of its terms', to the products'."""
        index = self.index
        sure = (t for t, w in zip(reading.terms, reading.weights, strict=True) if w == 1)
        known = [index.term_vectors[t] for t in sure if t in index.term_vectors]
        if index.vectors is None or not known:
            return np.zeros(len(index))
        vector = np.sum(known, axis=0)
        length = float(np.linalg.norm(vector))
        return np.asarray(index.vectors @ (vector / length) if length else np.zeros(len(index)), np.float64)


def _top(values: Floats, most: int) -> Numbers:
    """Where the greatest values above 0 are; of equal ones the first."""
    positive = np.flatnonzero(values > 0)
    return positive[np.lexsort((positive, -values[positive]))[:most]]
