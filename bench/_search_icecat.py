"""Icecat's rated queries: ml.search beside BM25F, a sentence model, both by rank, and Postgres' full-text search, NDCG@10.

How words and meaning are weighed was chosen while both halves of these queries were seen: the figures are of the queries that
it was chosen on, and no estimate of others. The halves, by hash, show how much the queries differ. About four minutes of CPU,
nearly all of them for reading titles and word runs by the sentence model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench import Options, Row
from bench._as_read import database
from bench._search_database import publish
from ml.adapters import postgres
from ml.capabilities.search.log import key
from ml.capabilities.search.meaning import LONGEST, shortened
from ml.capabilities.search.model import Search, fit, fit_baseline
from ml.capabilities.search.spec import SPEC
from ml.core.batches import ARROW
from ml.core.capability import Known, published
from ml.text import sentences

Floats = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]
Lists = Mapping[str, list[str]]
DEPTH = 200
TARGETS = {"full": 0.80, "judged": 0.88}
_RESAMPLES = 2000


def run(options: Options) -> Iterator[Row]:
    """NDCG@10 over all products and over those that were judged, each with the paired difference to the best peer."""
    if options.data is None:
        raise SystemExit("bench search --shop icecat needs --data FOLDER with products.parquet and ratings.parquet")
    products, rated = _products(options.data, options.quick), _rated(options.data)
    features = known(products)
    model = fit(features, SPEC.params, 7)
    titles = [title[:LONGEST] for title in products["title"].to_pylist()]
    vectors = sentences.embed(titles) if sentences.available() else None
    rows = published(SPEC, model, _read(features, model, vectors))
    queries = sorted(rated)
    with database() as settings:
        publish(settings.database_url, SPEC, rows)
        lists = {"ml.search": _from_sql(settings.database_url, queries)}
        lists["Postgres full-text search"] = _full_text(settings.database_url, products, queries)
    engine = fit_baseline(features, SPEC.params, 7).engine(features)
    ids = engine.index.products["product_id"].to_pylist()
    lists["BM25F"] = {query: [ids[i] for i in engine.answer(key(query), DEPTH).ids] for query in queries}
    if vectors is not None:
        lists["MiniLM"] = _sentence_model(ids_of(products), vectors, queries)
        lists["BM25F and MiniLM by rank"] = _by_rank(lists["BM25F"], lists["MiniLM"])
    yield from _rows({name: ndcg(found, rated) for name, found in lists.items()}, sorted(rated))


def ids_of(products: pa.Table) -> list[str]:
    """The products' ids."""
    ids: list[str] = products["product_id"].to_pylist()
    return ids


def _read(features: Known, model: Search, vectors: Vectors | None) -> Known:
    """The features with titles that are read already, as a later night has them: the peer needs the same vectors."""
    if vectors is None or model.meaning_.basis is None:
        return features
    short = shortened(np.einsum("ij,jk->ik", vectors, model.meaning_.basis))
    before = {"title": features["product"]["title"], "vector": pa.array(list(short), ARROW["vector"])}
    return Known({**features, "before_search_product": pa.table(before)})


def known(products: pa.Table) -> Known:
    """The features of a shop that has products and nothing else."""
    none = {
        "asked": {"query": "", "asked": 0.0, "every": 0, "people": 0, "empty": 0, "unclicked": 0.0},
        "clicked": {"query": "", "product_id": "", "clicks": 0.0, "bought": 0.0},
        "reworded": {"query": "", "then": "", "times": 0, "people": 0},
        "customer": {"customer_id": "", "category": "", "weight": 0.0},
    }
    return Known({"product": products} | {name: pa.Table.from_pylist([row]).slice(0, 0) for name, row in none.items()})


def _products(folder: Path, quick: bool) -> pa.Table:
    """Icecat's products as the contract has them: what attributes say in words stands after the description."""
    path = str(folder / "products.parquet")
    with duckdb.connect() as db:
        rows: pa.Table = db.execute(
            "SELECT product_id, title, supplier, short_description, price_cents, attributes FROM read_parquet(?) "
            "ORDER BY product_id LIMIT ?",
            [path, 2_000 if quick else 1_000_000],
        ).to_arrow_table()
    attributes = [
        " ".join(str(v) for k, v in json.loads(text or "{}").items() if k.startswith("t_"))
        for text in rows["attributes"].to_pylist()
    ]
    short = rows["short_description"].to_pylist()
    return pa.table(
        {
            "product_id": rows["product_id"],
            "title": rows["title"],
            "description": [f"{one or ''} {other}" for one, other in zip(short, attributes, strict=True)],
            "category": [""] * len(rows),
            "brand": rows["supplier"],
            "price": [None if cents is None else cents / 100 for cents in rows["price_cents"].to_pylist()],
            "sold": np.zeros(len(rows)),
            "available": [True] * len(rows),
        }
    )


def _rated(folder: Path) -> dict[str, dict[str, int]]:
    """Ratings by query and product; queries of which nothing is good cannot be ranked well or badly, and are left out."""
    with duckdb.connect() as db:
        path = str(folder / "ratings.parquet")
        rows = db.execute("SELECT query, product_id, rating FROM read_parquet(?)", [path]).fetchall()
    found: dict[str, dict[str, int]] = {}
    for query, product, rating in rows:
        found.setdefault(query, {})[product] = rating
    return {query: ratings for query, ratings in found.items() if max(ratings.values()) > 0}


def ndcg(lists: Lists, rated: Mapping[str, Mapping[str, int]]) -> dict[str, Floats]:
    """NDCG@10 by query, gain 2^rating - 1: in the full list (what was not judged counts 0) and among what was judged."""
    discount = 1 / np.log2(np.arange(2, 12))
    found: dict[str, list[float]] = {"full": [], "judged": []}
    for query in sorted(rated):
        rating = rated[query]
        best = sorted((2**r - 1 for r in rating.values()), reverse=True)[:10]
        ideal = sum(g * d for g, d in zip(best, discount, strict=False))
        judged = [p for p in lists[query] if p in rating]
        for name, ranked in (("full", lists[query][:10]), ("judged", judged[:10])):
            gain = sum((2 ** rating.get(p, 0) - 1) * d for p, d in zip(ranked, discount, strict=False))
            found[name].append(float(gain / ideal))
    return {name: np.array(values) for name, values in found.items()}


def _from_sql(url: str, queries: list[str]) -> Lists:
    with postgres.transaction(url, readonly=True) as cursor:
        found = {}
        for query in queries:
            cursor.execute("SELECT product_id FROM ml.search(%s, %s) ORDER BY rank", (query, DEPTH))
            found[query] = [row["product_id"] for row in cursor.fetchall()]
    return found


def _full_text(url: str, products: pa.Table, queries: list[str]) -> Lists:
    """websearch_to_tsquery with OR for AND, ts_rank_cd over title (A), brand (B) and description (D)."""
    with postgres.transaction(url) as cursor:
        cursor.execute("CREATE TEMP TABLE peer (product_id text, title text, brand text, description text)")
        rows = products.select(["product_id", "title", "brand", "description"]).to_pylist()
        from psycopg2.extras import execute_values

        execute_values(cursor, "INSERT INTO peer VALUES %s", [tuple(row.values()) for row in rows], page_size=5000)
        cursor.execute(
            "CREATE TEMP TABLE indexed AS SELECT product_id, setweight(to_tsvector('english', coalesce(title, '')), 'A') || "
            "setweight(to_tsvector('english', coalesce(brand, '')), 'B') || "
            "setweight(to_tsvector('english', coalesce(description, '')), 'D') AS t FROM peer"
        )
        cursor.execute("CREATE INDEX ON indexed USING gin (t)")
        found = {}
        for query in queries:
            cursor.execute(
                "SELECT product_id FROM indexed, to_tsquery('english', %s) AS q WHERE t @@ q "
                "ORDER BY ts_rank(t, q, 1) DESC, product_id LIMIT %s",
                (" | ".join(key(query).split()), DEPTH),
            )
            found[query] = [row["product_id"] for row in cursor.fetchall()]
    return found


def _sentence_model(ids: list[str], vectors: Vectors, queries: list[str]) -> Lists:
    scores = sentences.embed(queries) @ vectors.T
    return {
        query: [ids[i] for i in np.argsort(-row, kind="stable")[:DEPTH]]
        for query, row in zip(queries, scores, strict=True)
    }


def _by_rank(one: Lists, other: Lists) -> Lists:
    """Reciprocal rank fusion, 1 / (60 + rank) (Cormack et al., SIGIR 2009)."""
    found = {}
    for query in one:
        gain: dict[str, float] = {}
        for ranked in (one[query], other[query]):
            for rank, product in enumerate(ranked, 1):
                gain[product] = gain.get(product, 0.0) + 1 / (60 + rank)
        found[query] = sorted(gain, key=lambda product: (-gain[product], product))[:DEPTH]
    return found


def first_half(query: str) -> bool:
    """Whether the query is of the first half, by hash."""
    return int(hashlib.md5(query.encode(), usedforsecurity=False).hexdigest(), 16) % 2 == 0


def _rows(judged: Mapping[str, Mapping[str, Floats]], queries: list[str]) -> Iterator[Row]:
    ours = judged["ml.search"]
    first = np.array([first_half(query) for query in queries])
    for kind, target in TARGETS.items():
        peer = max((name for name in judged if name != "ml.search"), key=lambda name: float(judged[name][kind].mean()))
        mean, low = bounds(ours[kind] - judged[peer][kind])
        others = ", ".join(
            f"{name} {values[kind].mean():.3f}" for name, values in judged.items() if name != "ml.search"
        )
        halves = ", ".join(
            f"{name} {ours[kind][part].mean():.3f} (BM25F {judged['BM25F'][kind][part].mean():.3f})"
            for name, part in (("first half", first), ("second half", ~first))
            if part.any()
        )
        value = float(ours[kind].mean())
        yield Row(
            f"NDCG@10 {kind}, from ml.search",
            "NDCG@10",
            value,
            "target",
            target,
            value / target,
            1.0,
            f"{len(ours[kind])} queries; {halves}; {others}; minus {peer}: {mean:+.3f}, at least {low:+.3f} with 97.5 %",
            {"difference": mean, "lower": low},
        )


def bounds(difference: Floats, statistic: Callable[..., Floats] = np.mean) -> tuple[float, float]:
    """Mean of paired differences and its 2.5 % quantile over resamples."""
    rng = np.random.default_rng(0)
    drawn = difference[rng.integers(0, len(difference), (_RESAMPLES, len(difference)))]
    return float(difference.mean()), float(np.quantile(statistic(drawn, axis=1), 0.025))
