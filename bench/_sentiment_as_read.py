"""What SQL returns of real reviews: labels of texts whose stars are hidden, planted contradictions, aspects, reasons, languages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa

from bench import Options, Row
from bench._as_read import database, night, select
from bench._texts import SEED, Labels, Task, peers, tasks
from ml.learn.class_calibration import macro_f1
from ml.settings import Settings
from ml.shop.sources import demo
from ml.text.function_words import EMPTY, words_of
from ml.text.marked_words import fold

NIGHT = date(2025, 6, 1)
LABELS = ("negative", "neutral", "positive")
FLIPPED = 0.03
NEEDED = ("customer", "product", "order", "order_item", "review")
STRANGE = (
    "Bardzo dobra jakość, polecam każdemu.",
    "Erinomainen tuote, suosittelen lämpimästi.",
    "素晴らしい商品です。",
    "Kargo çok hızlıydı, teşekkürler.",
    "Отличный товар, рекомендую всем!",
    "추천합니다 정말 좋아요",
)
"""Praise in languages that the shop never had; one star each, so that a label by guess is wrong."""


def run(options: Options) -> Iterator[Row]:
    """A night each on Olist's comments and on the demo shop."""
    task = next(task for task in tasks(options) if task.name == "Olist, 3 classes")
    with database() as settings:
        yield from _olist(settings, task)
    with database() as settings:
        yield from _demo(settings, 1_000 if options.quick else 4_000)


def _olist(settings: Settings, task: Task) -> Iterator[Row]:
    rng, n = np.random.default_rng(SEED), len(task.bodies)
    flip = ~task.test & (rng.random(n) < FLIPPED) & ((task.stars == 1) | (task.stars == 5))
    stars = np.where(flip, 6 - task.stars, task.stars)
    ids = np.array([f"r{i:06d}" for i in range(n)])
    more = len(STRANGE)
    end = datetime.combine(NIGHT, datetime.min.time(), UTC)
    written = [end - timedelta(days=400) * (i + 1) / (n + more + 1) for i in range(n + more)]
    why = night(
        settings,
        {
            **_shop(end),
            "review": pa.table(
                {
                    "review_id": [*ids, *(f"s{i}" for i in range(more))],
                    "product_id": [f"p{i % 300}" for i in range(n + more)],
                    "stars": pa.array(
                        [*stars.tolist(), *[1] * more],
                        pa.int64(),
                        mask=np.concatenate([task.test, np.zeros(more, bool)]),
                    ),
                    "text": [*task.bodies, *STRANGE],
                    "written_at": pa.array(written, pa.timestamp("us", "UTC")),
                }
            ),
        },
        NIGHT,
        "sentiment",
    )
    rows = {row["review_id"]: row for row in select(settings, "SELECT * FROM ml.review_sentiment")}
    tested = [i for i in range(n) if task.test[i]]
    guess = np.array([LABELS.index(rows[ids[i]]["label"]) for i in tested])
    yield _labels(task, guess, why)
    flagged = np.array([bool(rows[i]["mismatch"]) for i in ids])
    recall = float(flagged[flip].mean())
    # Olist's own contradictions ("Ótimo" with one star) are among the others: a share of them is true.
    yield Row(
        f"Olist, {int(flip.sum())} planted contradictions: found",
        "share",
        recall,
        "target",
        0.5,
        recall / 0.5,
        1.0,
        note=f"{int(flagged.sum())} of {n:,} reviews flagged, {float(flip[flagged].mean()):.0%} of them planted",
    )
    strange = [rows[f"s{i}"]["label"] == "negative" for i in range(more)]
    yield Row(
        "languages never read: the stars decide",
        "share",
        float(np.mean(strange)),
        "all",
        1.0,
        float(np.mean(strange)),
        1.0,
    )
    empty = {token for word in words_of(EMPTY, ["pt"]) for token in fold(word)}
    named = [
        part[2:].lower()
        for row in rows.values()
        if row["language"] == "pt"
        for part in row["reason"].split(", ")
        if part
    ]
    full = 1 - float(np.mean([part in empty for part in named]))
    yield Row(f"Olist, {len(named):,} reasons that say something", "share", full, "all", 1.0, full, 1.0)
    both = select(
        settings,
        "SELECT count(*) AS n, count(*) FILTER (WHERE string_to_array(praised, ', ') && string_to_array(criticised, ', ')) AS both "
        "FROM ml.product_sentiment WHERE praised <> '' OR criticised <> ''",
    )[0]
    share = 1 - both["both"] / max(1, both["n"])
    yield Row(
        f"Olist, {both['n']} products: no aspect both praised and criticised", "share", share, "all", 1.0, share, 1.0
    )


def _shop(end: datetime) -> dict[str, pa.Table]:
    """What a shop must have beside its reviews: an order of somebody."""
    at = pa.array([end - timedelta(days=9)], pa.timestamp("us", "UTC"))
    return {
        "customer": pa.table({"customer_id": ["c0"]}),
        "product": pa.table(
            {"product_id": [f"p{i}" for i in range(300)], "title": [f"Product {i}" for i in range(300)]}
        ),
        "order": pa.table({"order_id": ["o0"], "customer_id": ["c0"], "ordered_at": at}),
        "order_item": pa.table(
            {"order_id": ["o0"], "line_no": [1], "product_id": ["p0"], "quantity": [1.0], "unit_price": [9.0]}
        ),
    }


def _labels(task: Task, guess: Labels, why: str) -> Row:
    truth = task.part(test=True)[1]
    ours = macro_f1(truth, guess, 3)
    found = {name: peer(replace(task)).argmax(1) for name, peer in peers().items() if name != "fastText-like"}
    figures = {name: macro_f1(truth, labels, 3) for name, labels in found.items()}
    best = max(figures, key=lambda name: figures[name])
    rng, gaps = np.random.default_rng(SEED), []
    for _ in range(300):
        drawn = rng.integers(0, len(truth), len(truth))
        gaps.append(macro_f1(truth[drawn], guess[drawn], 3) - macro_f1(truth[drawn], found[best][drawn], 3))
    low, high = np.quantile(gaps, [0.025, 0.975])
    return Row(
        f"Olist, {len(truth):,} texts without stars: macro-F1 as read",
        "F1",
        ours,
        best,
        figures[best],
        ours / figures[best],
        1.0,
        note=f"difference {ours - figures[best]:+.3f} [{low:+.3f}, {high:+.3f}]; {why}",
    )


def _demo(settings: Settings, customers: int) -> Iterator[Row]:
    tables = {
        name: pa.Table.from_batches(batches)
        for name, batches in demo.tables(customers=customers, faults=0.0)
        if name in (*NEEDED, "demo_truth.review_truth")
    }
    night(settings, {name: tables[name] for name in NEEDED}, demo.END, "sentiment")
    truth = {row["review_id"]: row for row in tables["demo_truth.review_truth"].to_pylist()}
    aspects = select(settings, "SELECT review_id, aspect, score FROM ml.review_aspect")
    right = [
        row["aspect"] in truth[row["review_id"]]["praised" if row["score"] > 0 else "blamed"].split(",")
        for row in aspects
    ]
    planted = sum(len([a for a in (row["praised"] + "," + row["blamed"]).split(",") if a]) for row in truth.values())
    precision, recall = float(np.mean(right)), sum(right) / planted
    yield Row(
        f"demo shop, {len(aspects):,} aspect rows that are right",
        "share",
        precision,
        "target",
        0.75,
        precision / 0.75,
        1.0,
        note=f"{recall:.0%} of the {planted:,} planted ones are found",
    )
