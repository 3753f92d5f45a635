"""The tables that search publishes: the index, the known queries, what is missing, and what was learned."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.search import log as logs
from ml.capabilities.search import spec
from ml.capabilities.search.index import Index, spellings
from ml.capabilities.search.log import Log
from ml.capabilities.search.model import Search
from ml.capabilities.search.ranking import Engine
from ml.capabilities.search.reading import Reading
from ml.capabilities.search.spec import Params
from ml.capabilities.search.suggestions import Suggestion, prefixes, suggestions
from ml.core.batches import ARROW, Columns, batches
from ml.core.capability import Batches, Rows
from ml.core.spec import Published
from ml.text import measures
from ml.text import words as cut
from ml.text.query_words import ABOVE, BELOW, COLOURS
from ml.text.words import words

CATEGORIES = 5
"""Most categories that are kept of a customer."""
VAIN = 0.8
"""Share of searches without a click from which on a query is a gap."""


def units(features: Rows) -> int:
    """How many products are indexed."""
    return int(features["product"].num_rows)


def expected(features: Rows) -> dict[str, int]:
    """How many products, and the row of settings; of the others any number may be right."""
    return {table.name: 0 for table in spec.SPEC.publishes} | {
        spec.PRODUCT.name: units(features),
        spec.SETTING.name: int(units(features) > 0),
    }


def score(model: Search, features: Rows, shard: int, shards: int, params: Params) -> Batches:  # noqa: ARG001
    """Make the rows of products ``[n shard / shards, n (shard + 1) / shards)``."""
    n = units(features)
    start, end = n * shard // shards, n * (shard + 1) // shards
    products = features["product"].sort_by("product_id").slice(start, end - start)
    most = float(np.log1p(pc.max(features["product"]["sold"]).as_py() or 0.0))
    sold = np.log1p(products["sold"].to_numpy())
    rows = {name: products[name] for name in ("product_id", "title", "category", "brand", "price", "available")}
    numbered = rows | {
        "product_no": pa.array(np.arange(start, end)),
        "popularity": pa.array((sold / most if most else sold).astype(np.float32)),
        "vector": model.vectors(products, features.get(f"before_{spec.PRODUCT.name}")),
    }
    return {spec.PRODUCT.name: batches(spec.PRODUCT, [numbered])}


def score_all(model: Search, features: Rows, rows: Rows, params: Params) -> Batches:
    """Make what belongs to no shard."""
    if not units(features):
        return {table.name: batches(table) for table in spec.SPEC.for_all}
    engine = model.engine(features, rows.get(spec.PRODUCT.name))
    index = engine.index
    log = logs.gather(features, index, params) if model.learning else Log()
    every = suggestions(engine, log, params)
    lists, listed = _lists(engine, log, params)
    tables = {
        spec.TERM.name: _terms(index),
        spec.WORD.name: _words(index),
        spec.SPELLING.name: _spellings(index),
        spec.PREFIX.name: _prefixes(prefixes(every)),
        spec.SETTING.name: _setting(model),
        spec.QUERY.name: _queries(engine, log, listed),
        spec.QUERY_PRODUCT.name: lists,
        spec.GAP.name: _gaps(engine, log),
        spec.SYNONYM.name: _synonyms(log, index, params),
        spec.CUSTOMER.name: _customers(features),
    }
    return {table.name: batches(table, [tables[table.name]]) for table in spec.SPEC.for_all}


def _columns(table: Published, rows: Sequence[tuple[object, ...]]) -> Columns:
    columns = zip(*rows, strict=True) if rows else ([] for _ in table.columns)
    return {c.name: pa.array(list(values), ARROW[c.kind]) for c, values in zip(table.columns, columns, strict=True)}


def _terms(index: Index) -> Columns:
    return _columns(
        spec.TERM,
        [
            (
                term,
                index.counts[term],
                idf,
                index.postings[term].ids,
                index.postings[term].impacts,
                index.term_vectors.get(term),
            )
            for term, idf in sorted(index.idf.items())
        ],
    )


def _words(index: Index) -> Columns:
    rows: list[tuple[object, ...]] = [(name, list(w.terms), w.frequency, w.kind) for name, w in index.words.items()]
    rows += [(name, [meaning], 0.0, name.split(":")[0]) for name, meaning in index.names.items()]
    return _columns(spec.WORD, sorted(rows, key=lambda row: str(row[0])))


def _spellings(index: Index) -> Columns:
    return _columns(spec.SPELLING, sorted(spellings(index.words).items()))


def _prefixes(found: Mapping[str, list[Suggestion]]) -> Columns:
    return _columns(
        spec.PREFIX,
        [(p, [s.text for s in few], [s.kind for s in few], [s.weight for s in few]) for p, few in found.items()],
    )


def rules_of(language: str) -> list[str]:
    """What the SQL functions cut a query by, in the order in which ``words.sql`` names it."""
    return cut.sql_rules(language, (measures.HALVES, measures.MEASURE, BELOW, ABOVE))


def _setting(model: Search) -> Columns:
    names = sorted(measures.UNITS)
    bases, factors = zip(*(measures.UNITS[name] for name in names), strict=True)
    numbers = [float(factor) for factor in factors]
    row = ("shop", model.language_, rules_of(model.language_), names, bases, numbers, model.weights_, COLOURS)
    return _columns(spec.SETTING, [row])


def _queries(engine: Engine, log: Log, listed: Mapping[str, _Listed]) -> Columns:
    """Those that were asked, and the names of categories and brands, of which one may be asked."""
    rows = []
    names = {logs.key(name) for name in engine.index.names.values()} - {""}
    for query in sorted(names | set(log.queries)):
        row = log.queries.get(query, logs.QueryUse(0.0, 0, 0.0, 1.0))
        clicks = log.clicks.get(query)
        reading = engine.read(query)
        corrected = " ".join(reading.words) if reading.corrected else None
        bought = float((clicks.share * clicks.bought).sum() / max(clicks.share.sum(), 1e-9)) if clicks else 0.0
        click_rate = min(1.0, max(0.0, 1 - row.unclicked))
        rows.append(
            (
                query,
                row.searches,
                row.people,
                click_rate,
                min(1.0, bought) * click_rate,
                corrected,
                reading.category,
                reading.brand,
                _meaning(reading, corrected),
                understood(reading),
                *listed.get(query, (None, None, None)),
            )
        )
    return _columns(spec.QUERY, rows)


def _meaning(reading: Reading, corrected: str | None) -> str:
    parts = [f"read as '{corrected}'"] if corrected else []
    parts += [f"category {reading.category}"] if reading.category else []
    parts += [f"brand {reading.brand}"] if reading.brand else []
    parts += [f"colour {reading.colour}"] if reading.colour else []
    parts += [f"up to {reading.most:g}"] if reading.most is not None else []
    parts += [f"from {reading.least:g}"] if reading.least is not None else []
    return ", ".join(parts) or "its words"


def understood(reading: Reading) -> str:
    """What was understood, as the SQL function tells it."""
    prices = {"price_from": reading.least, "price_to": reading.most}
    parts: dict[str, object] = {
        "words": reading.words,
        "corrected_to": " ".join(reading.words) if reading.corrected else None,
        "category": reading.category,
        "brand": reading.brand,
        "colour": reading.colour,
    } | {name: int(price) if price is not None and price.is_integer() else price for name, price in prices.items()}
    return json.dumps({name: value for name, value in parts.items() if value is not None}, ensure_ascii=False)


class _Listed(NamedTuple):
    """How many products answer a query, and of those that its list has not the categories with their best score."""

    every: int
    categories: list[str]
    scores: list[float]


def _lists(engine: Engine, log: Log, params: Params) -> tuple[Columns, dict[str, _Listed]]:
    """What a known query is answered with, and why; and what the list has not."""
    ids = engine.index.products["product_id"].to_pylist()
    often = sorted(log.queries, key=lambda query: (-log.queries[query].searches, query))[: params.served_queries]
    rows, listed = [], {}
    for query in sorted(often):
        answer = engine.answer(query, params.served)
        if answer.every:
            rest = sorted(answer.rest.items())
            listed[query] = _Listed(answer.every, [name for name, _ in rest], [score for _, score in rest])
        for rank, (i, points, parts) in enumerate(zip(answer.ids, answer.scores, answer.parts, strict=True), 1):
            rows.append((query, rank, ids[i], float(points), float(parts[6]), float(min(1.0, parts[7])), reason(parts)))
    return _columns(spec.QUERY_PRODUCT, rows), listed


def reason(parts: np.ndarray) -> str:
    """Why a product answers a query, in words; as the SQL function says it."""
    phrases = (
        ["has every word" if parts[1] >= 1 else "has some of the words"] if parts[1] > 0 else ["is near in meaning"]
    )
    if parts[6] >= 0.05:
        phrases.append("others who searched this chose it" if parts[7] < 0.3 else "others who searched this bought it")
    if parts[4] > 0:
        phrases.append("of the category meant")
    if parts[5] > 0:
        phrases.append("of the brand")
    return ", ".join(phrases)


def _gaps(engine: Engine, log: Log) -> Columns:
    titles = engine.index.products["title"].to_pylist()
    rows = []
    for query, row in log.queries.items():
        reading = engine.read(query)
        unknown = [word for word in words(query) if engine.index.stem(word) not in engine.index.idf]
        if reading.corrected or row.unclicked < VAIN or not (unknown or row.empty >= 0.5):
            continue
        if any(word in engine.index.words for word in unknown):  # a synonym or a compound is no gap
            continue
        nearest = ", ".join(titles[i] for i in engine.answer(query, 3).ids) or "nothing"
        why = f"the catalogue has no '{unknown[0]}'" if unknown else f"{row.empty:.0%} of the searches found nothing"
        rows.append(
            (query, row.searches, row.people, min(1.0, row.unclicked), nearest, f"{row.people} customers asked; {why}")
        )
    return _columns(spec.GAP, sorted(rows))


def _synonyms(log: Log, index: Index, params: Params) -> Columns:
    return _columns(spec.SYNONYM, [tuple(one) for one in logs.synonyms(log, index, params)])


def _customers(features: Rows) -> Columns:
    """The categories of each customer with most weight."""
    rows = features["customer"].sort_by(
        [("customer_id", "ascending"), ("weight", "descending"), ("category", "ascending")]
    )
    total = rows.group_by("customer_id").aggregate([("weight", "sum")]).sort_by("customer_id")
    who = pc.index_in(rows["customer_id"].combine_chunks(), total["customer_id"].combine_chunks()).to_numpy()
    first = np.searchsorted(who, who)
    kept = np.arange(len(who)) - first < CATEGORIES
    share = rows["weight"].to_numpy() / np.maximum(total["weight_sum"].to_numpy()[who], 1e-12)
    table = pa.table({"customer_id": rows["customer_id"], "category": rows["category"], "share": share}).filter(
        pa.array(kept)
    )
    return {name: table[name] for name in table.column_names}
