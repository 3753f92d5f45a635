"""What is suggested while somebody types: queries that went well, categories, brands and products, by prefix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ml.capabilities.search.log import Log
from ml.capabilities.search.ranking import Engine
from ml.capabilities.search.spec import Params
from ml.text.words import fold, words

LONGEST, MOST = 30, 12
"""Letters of a prefix that are told apart; texts by prefix."""
INSIDE = 0.4
"""What a text weighs at the beginning of a word within it, beside its own beginning."""


class Suggestion(NamedTuple):
    """A text that may be meant, its kind, and how likely against others."""

    text: str
    kind: str
    weight: float


def suggestions(engine: Engine, log: Log, params: Params) -> list[Suggestion]:
    """Every text that may be suggested, the likeliest first, each once.

    A query is one that at least k customers typed, all of whose words are known, and after which something is clicked.
    """
    found: dict[str, Suggestion] = {}
    for one in sorted(_all(engine, log, params), key=lambda s: (-s.weight, s.kind, s.text)):
        found.setdefault(" ".join(words(fold(one.text))), one)
    found.pop("", None)
    return list(found.values())[: params.suggestions]


def _all(engine: Engine, log: Log, params: Params) -> Iterator[Suggestion]:
    index = engine.index
    for query, row in log.asked.items():
        known = all(word in index.words or index.stem(word) in index.idf for word in words(query))
        if known and query not in engine.instead and row.unclicked < 0.95:
            yield Suggestion(query, "query", row.asked * (1.2 - row.unclicked))
    sold = index.products["sold"].to_numpy() * index.products["available"].to_numpy(zero_copy_only=False)
    total = max(float(sold.sum()), 1.0)
    asked = max(sum(row.asked for row in log.asked.values()), 1.0)
    for kind, names in (("category", engine.category), ("brand", engine.brand)):
        unique, code = np.unique(names.astype(str), return_inverse=True)
        weights = np.bincount(code, sold, len(unique))
        for name, weight in zip(unique.tolist(), weights.tolist(), strict=True):
            if name:
                yield Suggestion(name, kind, asked * (0.2 * weight / total + 1e-5))
    titles = index.products["title"].to_pylist()
    available = index.products["available"].to_pylist()
    for row in np.lexsort((np.arange(len(sold)), -sold))[: params.suggestions].tolist():
        if available[row]:
            yield Suggestion(titles[row], "product", asked * (0.1 * float(sold[row]) / total + 1e-6))


def prefixes(every: list[Suggestion]) -> dict[str, list[Suggestion]]:
    """By prefix the likeliest texts, best first; a text is found at the beginning of each of its words."""
    found: dict[str, dict[int, float]] = {}
    for number, one in enumerate(every):
        parts = words(fold(one.text))
        for start in range(min(len(parts), 6)):
            tail = " ".join(parts[start:])[:LONGEST]
            weight = one.weight * (1.0 if start == 0 else INSIDE)
            for end in range(1, len(tail) + 1):
                if tail[end - 1] != " ":
                    ranked = found.setdefault(tail[:end], {})
                    if number not in ranked and (len(ranked) < 4 * MOST or start == 0):
                        ranked[number] = weight
    return {
        prefix: [
            every[n]._replace(weight=w) for n, w in sorted(ranked.items(), key=lambda item: (-item[1], item[0]))[:MOST]
        ]
        for prefix, ranked in sorted(found.items())
    }
