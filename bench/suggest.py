"""ml.suggest: what was typed next, at a random prefix, beside popularity with a half-life, rebuilt each night.

On the demo's planted log, whose queries are steady, and on a seeded log of novelties, whose queries come and go
(``--shop demo`` or ``novelties``; both if not given). The index is that of the night before each day; every answer comes
from the SQL function.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from bench import Options, Row
from bench._as_read import database
from bench._search_database import publish
from bench._search_demo import Shop, nights
from bench._search_icecat import bounds
from bench._suggest_log import Novelties
from ml.adapters import postgres
from ml.capabilities.search import log as logs
from ml.capabilities.search.model import fit
from ml.capabilities.search.spec import SPEC
from ml.core.capability import Known, published

DEPTH, SEARCHES = 10, 300
HALF_LIVES = (3.0, 7.0, 14.0, 30.0, 60.0)


class Typed(NamedTuple):
    """A search of a day."""

    query: str
    prefix: str
    who: str | None


def run(options: Options) -> Iterator[Row]:
    """MRR@10 and Hit@10 of the query that was typed, over the searches of several days (quick: one of a small shop)."""
    days = 1 if options.quick else 7
    if options.shop in {"", "demo"}:
        yield from _measured("demo", Shop(2_000 if options.quick else 20_000), days)
    if options.shop in {"", "novelties"}:
        yield from _measured("novelties", Novelties(), days if options.quick else 14)


def _measured(name: str, shop: Shop | Novelties, days: int) -> Iterator[Row]:
    rng = np.random.default_rng(3)
    params = replace(SPEC.params, meaning=False)  # suggestions know no vectors
    found: dict[str, list[float]] = {"ours": [], "ours, customer known": []}
    found |= {f"popularity, half-life {h:g} days": [] for h in HALF_LIVES}
    model = None
    with database() as settings:
        for night in nights(days):
            known = shop.known(night, windows=False)
            model = model or fit(known, params, 7)
            publish(settings.database_url, SPEC, published(replace(SPEC, params=params), model, known))
            typed = _typed(shop, night, rng)
            with postgres.transaction(settings.database_url, readonly=True) as cursor:
                for one in typed:
                    for label, who in (("ours", None), ("ours, customer known", one.who)):
                        cursor.execute(
                            "SELECT suggestion FROM ml.suggest(%s, %s, %s) ORDER BY rank", (one.prefix, DEPTH, who)
                        )
                        found[label].append(
                            _gain([logs.key(row["suggestion"]) for row in cursor.fetchall()], one.query)
                        )
            for half_life in HALF_LIVES:
                ranked = _popular(known, half_life)
                found[f"popularity, half-life {half_life:g} days"] += [
                    _gain([q for q in ranked if q.startswith(one.prefix)][:DEPTH], one.query) for one in typed
                ]
    yield from _rows(name, {label: np.array(gains) for label, gains in found.items()}, days)


def _rows(name: str, found: dict[str, np.ndarray], days: int) -> Iterator[Row]:
    """Ours beside the half-life that was best in hindsight, and the customer's own taste beside none."""
    peer = max(
        (label for label in found if label.startswith("popularity")), key=lambda label: float(found[label].mean())
    )
    every = ", ".join(f"{label} {gains.mean():.3f}" for label, gains in found.items())
    for method, other in (("ours", peer), ("ours, customer known", "ours")):
        for measure in ("MRR@10", "Hit@10"):
            a, b = (
                found[label] if measure == "MRR@10" else (found[label] > 0).astype(float) for label in (method, other)
            )
            mean, low = bounds(a - b)
            yield Row(
                f"{name}, what was typed on {days} days, at a random prefix, {method}: {measure}",
                measure,
                float(a.mean()),
                other,
                float(b.mean()),
                float(a.mean() / max(b.mean(), 1e-9)),
                None,
                f"{len(a)} searches; difference {mean:+.4f}, at least {low:+.4f} with 97.5 %"
                + (f"; MRR@10: {every}" if measure == "MRR@10" and method == "ours" else ""),
            )


def _popular(known: Known, half_life: float) -> list[str]:
    """Every query that was typed, the likeliest first, by its decayed count."""
    counts: dict[str, float] = {}
    for row in known["asked_day"].to_pylist():
        name = logs.key(row["query"])
        counts[name] = counts.get(name, 0.0) + row["times"] * 2.0 ** (-row["age"] / half_life)
    return sorted(counts, key=lambda name: (-counts[name], name))


def _typed(shop: Shop | Novelties, night: datetime, rng: np.random.Generator) -> list[Typed]:
    """Searches of the day after a night that found something, drawn by lot, each at a random prefix."""
    rows: pa.Table = shop.db.to_pyarrow(shop.tables["search"].select("query", "results", "searched_at", "customer_id"))
    day = [
        (logs.key(row["query"]), row["customer_id"])
        for row in rows.sort_by("searched_at").to_pylist()
        if night <= row["searched_at"] < night + timedelta(days=1) and (row["results"] or 0) > 0
    ]
    drawn = [day[i] for i in np.sort(rng.permutation(len(day))[:SEARCHES])]
    return [Typed(query, query[: int(rng.integers(1, max(2, len(query))))], who) for query, who in drawn]


def _gain(ranked: list[str], wanted: str) -> float:
    return 1 / (ranked.index(wanted) + 1) if wanted in ranked else 0.0
