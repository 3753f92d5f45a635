"""ml.suggest on the demo's planted log: what was typed next, at a random prefix, beside popularity with a half-life.

The index is that of the night before each day; every answer comes from the SQL function.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from bench import Options, Row
from bench._as_read import database
from bench._search_database import publish
from bench._search_demo import Shop, nights
from bench._search_icecat import bounds
from ml.adapters import postgres
from ml.capabilities.search import log as logs
from ml.capabilities.search.model import fit
from ml.capabilities.search.spec import SPEC
from ml.core.capability import published

DEPTH = 10


def run(options: Options) -> Iterator[Row]:
    """MRR@10 and Hit@10 of the query that was typed, over the searches of seven days (quick: one, of a small shop)."""
    shop = Shop(2_000 if options.quick else 20_000)
    rng = np.random.default_rng(3)
    ours, peer = [], []
    model = None
    with database() as settings:
        for night in nights(1 if options.quick else 7):
            known = shop.known(night, windows=False)
            model = model or fit(known, SPEC.params, 7)
            publish(settings.database_url, SPEC, published(SPEC, model, known))
            popular = Counter({name: row.asked for name, row in logs.asked(known, SPEC.params).items()})
            typed = _typed(shop, night)
            typed = [typed[i] for i in np.sort(rng.permutation(len(typed))[:300])]
            prefixes = [query[: int(rng.integers(1, max(2, len(query))))] for query in typed]
            with postgres.transaction(settings.database_url, readonly=True) as cursor:
                for query, prefix in zip(typed, prefixes, strict=True):
                    cursor.execute("SELECT suggestion FROM ml.suggest(%s, %s) ORDER BY rank", (prefix, DEPTH))
                    ours.append(_gain([logs.key(row["suggestion"]) for row in cursor.fetchall()], query))
                    begins = [name for name, _ in popular.most_common() if name.startswith(prefix)][:DEPTH]
                    peer.append(_gain(begins, query))
    a, b = np.array(ours), np.array(peer)
    for name, mine, other in (("MRR@10", a, b), ("Hit@10", (a > 0).astype(float), (b > 0).astype(float))):
        mean, low = bounds(mine - other)
        yield Row(
            f"what was typed, at a random prefix: {name}", name, float(mine.mean()), "popularity with a half-life",
            float(other.mean()), float(mine.mean() / max(other.mean(), 1e-9)), None,
            f"{len(mine)} searches; difference {mean:+.4f}, at least {low:+.4f} with 97.5 %",
        )  # fmt: skip


def _typed(shop: Shop, night: datetime) -> list[str]:
    """Queries of the day after a night that found something."""
    rows: pa.Table = shop.db.to_pyarrow(shop.tables["search"].select("query", "results", "searched_at"))
    return [
        logs.key(row["query"])
        for row in rows.sort_by("searched_at").to_pylist()
        if night <= row["searched_at"] < night + timedelta(days=1) and (row["results"] or 0) > 0
    ]


def _gain(ranked: list[str], wanted: str) -> float:
    return 1 / (ranked.index(wanted) + 1) if wanted in ranked else 0.0
