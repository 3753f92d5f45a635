"""What the gate promised and what happened: nights of UCI Online Retail, each judged by what came after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench import Options, Row
from bench._stack import Stack
from ml.adapters import postgres

FIRST, WEEKS = date(2011, 10, 9), 5
HORIZON = timedelta(days=28)
SHARE = 0.1
"""Of a night's work that the step monitor may take."""
_FIGURES = """
SELECT f.about, f.value, f.low, f.high, f.expected, f.units,
       (SELECT b.value FROM ml_ops.figure AS b WHERE b.name = 'baseline: ' || f.name AND b.about = f.about
        AND b.slice = f.slice AND b.capability = f.capability) AS baseline
FROM ml_ops.figure AS f WHERE f.capability = 'recommender' AND f.kind = 'truth' AND f.name = 'ndcg@10'
  AND f.slice = '28 days' ORDER BY f.about
"""
_COST = """
SELECT sum(seconds) FILTER (WHERE step = 'monitor') / sum(seconds) AS share FROM ml_ops.step WHERE status = 'done'
  AND ref IN (SELECT ref FROM ml_ops.step WHERE step = 'monitor')
"""


def run(options: Options) -> Iterator[Row]:
    """Five weekly nights from 2011-10-09 on, learned anew each, and the nights four weeks later that judge them.

    ``--data`` names the folder of the data set. In one process each, without Airflow. The model of a night was judged by
    the gate on the four weeks before it; what happened are the four weeks after it.
    """
    made = Stack((options.scratch / "happened").absolute())
    weeks = 1 if options.quick else WEEKS
    nights = sorted({FIRST + timedelta(weeks=week) + late for week in range(weeks) for late in (timedelta(), HORIZON)})
    try:
        made.run("shop", "load", "online_retail", *(("--data", str(options.data)) if options.data else ()))
        for night in nights:
            learn = ("--force-train",) if night < FIRST + timedelta(weeks=weeks) else ()
            made.run("night", "--local", "--date", str(night), "--capability", "recommender", *learn)
        url = made.settings().database_url
        rows = postgres.query(url, _FIGURES)
        draw(rows, options.scratch / "happened.svg")
        for row in rows:
            promised = row["expected"]
            yield Row(
                f"night of {row['about']}: NDCG@10 of the 28 days after", "NDCG@10", row["value"], "promised",
                promised if promised is not None else float("nan"), row["value"] / promised if promised else float("nan"),
                note=f"[{row['low']:.3f}, {row['high']:.3f}] on {row['units']:,} customers; baseline {row['baseline']:.3f}",
            )  # fmt: skip
        share = float(postgres.query(url, _COST)[0]["share"] or 0.0)
        yield Row(
            "share of a night's work that monitor takes", "share", share, "limit", SHARE, SHARE / max(share, 1e-9), 1.0
        )
    finally:
        made.run("down")


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw what was promised, what happened with its interval, and the baseline, night by night, as SVG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    nights = [row["about"].isoformat() for row in rows]
    error = [[row[a] - row[b] for row in rows] for a, b in (("value", "low"), ("high", "value"))]
    axes.errorbar(nights, [row["value"] for row in rows], error, fmt="o", capsize=4, label="happened")
    axes.plot(nights, [row["expected"] for row in rows], "_", markersize=24, markeredgewidth=2, label="promised")
    axes.plot(nights, [row["baseline"] for row in rows], "x", color="gray", label="baseline, happened")
    axes.set(ylabel="NDCG@10, 28 days after", ylim=(0, None))
    axes.legend(loc="lower left", ncols=3, frameon=False)
    figure.savefig(path, metadata={"Date": None})
