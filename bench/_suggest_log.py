"""A shop of novelties: a seeded log in which what is asked comes and goes, as with games or films."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import numpy as np
import pyarrow as pa

from bench._search_demo import AS_OF, whole
from ml.capabilities.search import features
from ml.capabilities.search.spec import SPEC
from ml.core.capability import Known

TITLES, DAYS, A_DAY, CUSTOMERS = 500, 90, 400, 3_000
_SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "ra",
    "tor",
    "den",
    "fal",
    "ven",
    "sky",
    "iron",
    "star",
    "dark",
    "wild",
    "moon",
    "fire",
    "quest",
    "craft",
    "war",
    "land",
    "age",
    "run",
]


class Novelties:
    """Five hundred titles, a third of them come out within the log; a title is asked less by half after eight days."""

    def __init__(self, seed: int = 11) -> None:
        rng = np.random.default_rng(seed)
        names = sorted({_name(rng) for _ in range(3 * TITLES)})
        names = [names[i] for i in rng.permutation(len(names))[:TITLES]]
        out = rng.uniform(-200, DAYS, len(names))
        size = rng.pareto(2.0, len(names)) + 0.3
        day = np.arange(DAYS)[:, None]
        fresh = np.where(day >= out, 2.0 ** (-(day - out) / 8), 0.0)
        mood = np.exp(np.cumsum(rng.normal(0, 0.12, (DAYS, len(names))), axis=0))
        level = size * (fresh + 0.1 * (day >= out)) * mood
        searches = [rng.choice(len(names), A_DAY, p=row / row.sum()) for row in level]
        when, what = np.repeat(np.arange(DAYS), A_DAY), np.concatenate(searches)
        n = len(what)
        start = AS_OF - timedelta(days=DAYS)
        at = np.datetime64(start.replace(tzinfo=None), "us") + ((when + rng.random(n)) * 86_400e6).astype(
            "timedelta64[us]"
        )
        clicked = rng.random(n) < 0.8
        tables = {
            "product": pa.table(
                {
                    "product_id": [f"g{i:03d}" for i in range(len(names))],
                    "title": [name.title() for name in names],
                    "category": ["games"] * len(names),
                    "active": [True] * len(names),
                }
            ),
            "search": pa.table(
                {
                    "search_id": [f"s{i:06d}" for i in range(n)],
                    "session_id": [f"v{i:06d}" for i in range(n)],
                    "customer_id": [f"c{i}" for i in rng.integers(0, CUSTOMERS, n)],
                    "query": [names[i] for i in what],
                    "results": [5] * n,
                    "clicked_product_id": pa.array([f"g{i:03d}" for i in what], mask=~clicked),
                    "clicked_position": pa.array(np.ones(n, np.int64), mask=~clicked),
                    "searched_at": pa.array(at).cast(pa.timestamp("us", "UTC")),
                }
            ),
        }
        self.tables = {name: ibis.memtable(whole(name, table)) for name, table in tables.items()}
        self.db = ibis.duckdb.connect()

    def known(self, as_of: datetime, *, windows: bool = False) -> Known:  # noqa: ARG002 (as the demo's)
        """Features at a time."""
        return Known({n: self.db.to_pyarrow(t) for n, t in features.build(self.tables, as_of, SPEC.params).items()})


def _name(rng: np.random.Generator) -> str:
    words = ["".join(rng.choice(_SYLLABLES, rng.integers(1, 3))) for _ in range(rng.integers(1, 4))]
    return " ".join(words)
