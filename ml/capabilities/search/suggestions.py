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
INSIDE = 0.1
"""What a text weighs at the beginning of a word within it, beside its own beginning."""
MOST_EMPTY = 0.5
"""Share of a query's searches that may have found nothing."""
FEW_CLICKS, MANY_CLICKS = 0.95, 0.7
"""Share of its searches that may have had no click: where all words are known, and where one is not."""
USUAL = {"category": 0.2, "brand": 0.2, "product": 0.1}
"""Share of the searches that are the name of one, where there is no log."""
PRIOR_SEARCHES = 10.0


class Suggestion(NamedTuple):
    """A text that may be meant, its kind, and how likely against others."""

    text: str
    kind: str
    weight: float


def suggestions(engine: Engine, log: Log, params: Params) -> list[Suggestion]:
    """Every text that may be suggested, the likeliest first, each once.

    A query is one that at least k customers typed and that goes well: something is found and clicked, or all of its words
    are known. Its weight is how often it is to be expected; the names of categories, brands and products weigh as much as
    such names are typed, by what is sold.
    """
    found: dict[str, Suggestion] = {}
    for one in sorted(_all(engine, log, params), key=lambda s: (-s.weight, s.kind, s.text)):
        found.setdefault(" ".join(words(fold(one.text))), one)
    found.pop("", None)
    return list(found.values())[: params.suggestions]


def _all(engine: Engine, log: Log, params: Params) -> Iterator[Suggestion]:
    index = engine.index
    for query, row in log.queries.items():
        known = all(word in index.words or index.stem(word) in index.idf for word in words(query))
        well = row.empty < MOST_EMPTY and row.unclicked < (FEW_CLICKS if known else MANY_CLICKS)
        if well and query not in engine.instead:
            yield Suggestion(query, "query", log.rate.get(query, 0.0))
    products = index.products
    sold = products["sold"].to_numpy() * products["available"].to_numpy(zero_copy_only=False)
    titles, available = products["title"].to_pylist(), products["available"].to_pylist()
    for kind, names in (("category", engine.category), ("brand", engine.brand)):
        unique, code = np.unique(names.astype(str), return_inverse=True)
        weights = np.bincount(code, sold, len(unique)).tolist()
        yield from _named(kind, dict(zip(unique.tolist(), weights, strict=True)), log)
    often = np.lexsort((np.arange(len(sold)), -sold))[: params.suggestions].tolist()
    yield from _named("product", {titles[row]: float(sold[row]) for row in reversed(often) if available[row]}, log)


def _named(kind: str, names: dict[str, float], log: Log) -> Iterator[Suggestion]:
    """Names with what is sold of each: together as likely as they are typed, drawn to ``USUAL`` as if by ten searches."""
    keys = {name: " ".join(words(fold(name))) for name in names}
    every = sum(row.searches for row in log.queries.values())
    typed = sum(log.queries[text].searches for text in set(keys.values()) if text in log.queries)
    share = (typed + PRIOR_SEARCHES * USUAL[kind]) / (every + PRIOR_SEARCHES)
    searches, total = max(sum(log.rate.values()), 1.0), max(sum(names.values()), 1.0)
    for name, sold in names.items():
        if name:
            yield Suggestion(name, kind, searches * share * (sold / total + 1e-6))


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
