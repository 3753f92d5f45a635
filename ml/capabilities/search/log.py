"""What the search log tells: queries that enough customers asked, what they clicked, and what they typed next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ml.capabilities.search import popularity
from ml.capabilities.search.index import Index, Word, distance
from ml.capabilities.search.ranking import Clicks
from ml.capabilities.search.spec import Params
from ml.text.words import fold, words

SURE = 0.6
"""Share of a query's clicks in a category from which on the category is meant."""
LONGEST = 100
"""Characters of a query that is kept."""


class QueryUse(NamedTuple):
    """How often a query was asked lately, by how many at least, and how often in vain."""

    searches: float
    people: int
    empty: float
    """Share that found nothing."""
    unclicked: float
    """Share without a click."""


class Reworded(NamedTuple):
    """One query after another, in the same visit."""

    query: str
    then: str
    times: int
    people: int


@dataclass
class Log:
    """The log without anybody's own: what fewer than k customers typed is not in it."""

    queries: dict[str, QueryUse] = field(default_factory=dict)
    clicks: dict[str, Clicks] = field(default_factory=dict)
    volume: dict[str, float] = field(default_factory=dict)
    """Clicks of a query, corrected for place."""
    reworded: list[Reworded] = field(default_factory=list)
    rate: dict[str, float] = field(default_factory=dict)
    """Searches a day that did not find nothing, as they are to be expected; see :mod:`popularity`."""


def key(query: str) -> str:
    """A query as it is counted: its folded words.

    Examples
    --------
    >>> key("  Green-TEA! ")
    'green tea'
    """
    return " ".join(words(fold(query)))[:LONGEST]


def gather(features: Mapping[str, pa.Table], index: Index, params: Params) -> Log:
    """Join what is the same query, and leave out what too few customers typed."""
    log = Log(queries=query_use(features, params))
    log.rate = rate(features, log.queries)
    numbers = {name: row for row, name in enumerate(index.products["product_id"].to_pylist())}
    found: dict[str, dict[int, tuple[float, float]]] = {}
    for row in features["clicked"].sort_by([("query", "ascending"), ("product_id", "ascending")]).to_pylist():
        name, product = key(row["query"]), numbers.get(row["product_id"])
        if name in log.queries and product is not None:
            before = found.setdefault(name, {}).get(product, (0.0, 0.0))
            found[name][product] = (before[0] + row["clicks"], before[1] + row["bought"])
    for name, products in sorted(found.items()):
        ids = np.array(sorted(products), np.int64)
        clicks, bought = np.array([products[i] for i in ids]).T
        log.volume[name] = float(clicks.sum())
        # One click tells little: the shares are drawn to none as if by two further clicks.
        log.clicks[name] = Clicks(ids, clicks / (clicks.sum() + 2), bought / np.maximum(clicks, 1e-9))
    pairs: dict[tuple[str, str], tuple[int, int]] = {}
    for row in features["reworded"].to_pylist():
        pair = (key(row["query"]), key(row["then"]))
        times, people = pairs.get(pair, (0, 0))
        pairs[pair] = (times + row["times"], max(people, row["people"]))
    log.reworded = [
        Reworded(*pair, *counts)
        for pair, counts in sorted(pairs.items())
        if counts[1] >= params.fewest_people and pair[0] != pair[1] and all(name in log.queries for name in pair)
    ]
    return log


def query_use(features: Mapping[str, pa.Table], params: Params) -> dict[str, QueryUse]:
    """Queries of at least k customers; of several ways to write one, the largest tells how many customers it has."""
    found: dict[str, list[float]] = {}
    for row in features["asked"].sort_by("query").to_pylist():
        if name := key(row["query"]):
            sums = found.setdefault(name, [0.0] * 5)
            for place, column in enumerate(("asked", "every", "empty", "unclicked")):
                sums[place] += row[column]
            sums[4] = max(sums[4], row["people"])
    return {
        name: QueryUse(round(often, 6), int(people), empty / max(1, every), unclicked / often if often else 1.0)
        for name, (often, every, empty, unclicked, people) in sorted(found.items())
        if people >= params.fewest_people
    }


def rate(features: Mapping[str, pa.Table], queries: Mapping[str, QueryUse]) -> dict[str, float]:
    """Searches a day of each query of ``queries``, weighted by age as fits the shop; without days, those lately."""
    if "asked_day" not in features:
        return {name: row.searches * (1 - row.empty) for name, row in queries.items()}
    table = features["asked_day"].sort_by([("query", "ascending"), ("age", "ascending")])
    known = popularity.days(table, list(queries), {text: key(text) for text in table["query"].unique().to_pylist()})
    return dict(zip(known.names, popularity.rates(known, popularity.chosen(known)).tolist(), strict=True))


def meant(log: Log, index: Index) -> dict[str, str]:
    """The category that holds most of a query's clicks."""
    categories = index.products["category"].to_pylist()
    found = {}
    for name, clicks in log.clicks.items():
        shares: dict[str, float] = {}
        for product, share in zip(clicks.ids.tolist(), clicks.share.tolist(), strict=True):
            shares[categories[product]] = shares.get(categories[product], 0.0) + share
        best = max(sorted(shares), key=lambda category: shares[category])
        if best and shares[best] >= SURE * sum(shares.values()) and log.volume[name] >= 3:
            found[name] = best
    return found


def instead(log: Log, index: Index) -> dict[str, str]:
    """Queries of which a word is not known, with what most customers typed next and clicked."""
    found: dict[str, Reworded] = {}
    for pair in sorted(log.reworded, key=lambda pair: (-pair.people, -pair.times, pair.then)):
        if all(index.stem(word) in index.idf for word in words(pair.query)) or pair.then in found:
            continue
        if pair.query not in found and any(index.stem(word) in index.idf for word in words(pair.then)):
            found[pair.query] = pair
    return {name: pair.then for name, pair in found.items()}


class Synonym(NamedTuple):
    """A word that finds what another one means."""

    word: str
    synonym: str
    score: float
    people: int
    reason: str


def synonyms(log: Log, index: Index, params: Params) -> list[Synonym]:
    """Words of which one was typed in place of the other, or after which the same is clicked."""
    found: dict[tuple[str, str], Synonym] = {}
    for pair in log.reworded:
        a, b = words(pair.query), words(pair.then)
        old, new = [w for w in a if w not in b], [w for w in b if w not in a]
        if len(old) == len(new) == 1 and index.stem(new[0]) in index.idf and _differ(old[0], new[0], index):
            every = sum(other.times for other in log.reworded if other.query == pair.query)
            share = pair.times / (every + 2)
            words_of = f"{pair.people} customers typed '{new[0]}' after '{old[0]}' and clicked"
            _better(found, Synonym(old[0], new[0], share, pair.people, words_of))
    for synonym in _clicked_alike(log, index, params):
        _better(found, synonym)
    return [found[pair] for pair in sorted(found) if found[pair].score >= 0.3]


def _better(found: dict[tuple[str, str], Synonym], one: Synonym) -> None:
    pair = (one.word, one.synonym)
    if pair not in found or found[pair].score < one.score:
        found[pair] = one


def _differ(a: str, b: str, index: Index) -> bool:
    """Two words, not two spellings or forms of one."""
    return index.stem(a) != index.stem(b) and distance(a, b) > 2 and not (a in b or b in a)


def _clicked_alike(log: Log, index: Index, params: Params) -> list[Synonym]:
    """Queries of one word each after which the same products are clicked: cosine of their clicks."""
    single = [name for name in sorted(log.clicks) if " " not in name and log.volume[name] >= 2 * params.fewest_people]
    if not single:
        return []
    from scipy.sparse import csr_array

    rows = [log.clicks[name] for name in single]
    ends = np.cumsum([0, *(len(row.ids) for row in rows)])
    matrix = csr_array(
        (np.concatenate([row.share for row in rows]), np.concatenate([row.ids for row in rows]), ends),
        shape=(len(rows), len(index)),
    )
    length = np.sqrt(np.asarray((matrix * matrix).sum(axis=1)).ravel())
    alike = (matrix @ matrix.T).tocoo()
    found = []
    for a, b, dot in zip(alike.row.tolist(), alike.col.tolist(), alike.data.tolist(), strict=True):
        score = dot / (length[a] * length[b])
        # A word that the catalogue has stands for itself; its synonym must be one that finds something.
        unknown = index.stem(single[a]) not in index.idf and index.stem(single[b]) in index.idf
        if a != b and unknown and score >= 0.5 and _differ(single[a], single[b], index):
            people = min(log.queries[single[a]].people, log.queries[single[b]].people)
            reason = f"after '{single[a]}' and '{single[b]}' the same products are clicked"
            found.append(Synonym(single[a], single[b], float(score), people, reason))
    return found


def teach(index: Index, found: list[Synonym]) -> None:
    """Let words find their synonyms, the surest two."""
    for synonym in sorted(found, key=lambda one: (-one.score, one.word, one.synonym)):
        known = index.words.get(synonym.word)
        own = known.terms if known else (index.stem(synonym.word),)
        if len(own) < 3 and (known is None or known.kind in ("word", "synonym")):
            frequency = known.frequency if known else 0.0
            index.words[synonym.word] = Word((*own, index.stem(synonym.synonym)), frequency, "synonym")
