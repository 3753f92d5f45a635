"""What the gate promised and what happened: weekly nights of Online Retail and of the demo, each judged by what came after it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench import Options, Row
from bench._stack import Stack
from ml import pipeline
from ml.adapters import postgres
from ml.core.spec import Capability
from ml.registry import CAPABILITIES
from ml.settings import PROJECT, Settings

WEEKS, WEEK = 5, timedelta(weeks=1)
SHARE = 0.1
"""Of a night's work that the step monitor may take."""
PAGE, END = PROJECT / "docs" / "measured.md", "<!-- /happened -->"
QUICK = "Of a quick run (`--quick`): two weeks, the demo with 2,000 customers, and models that learn in seconds; they promise and do less than the figures above."


@dataclass(frozen=True)
class Story:
    """Nights of a shop, one a week from ``first`` on."""

    shop: str
    capabilities: tuple[str, ...]
    first: date


STORIES = (
    Story("online_retail", ("recommender",), date(2011, 10, 9)),
    Story("demo", ("risk", "sentiment"), date(2025, 7, 13)),
)
"""The demo ends with 2025, and order risk is judged 135 days after a night: that long a fraud takes to be known."""
CUT: Mapping[str, Mapping[str, Any]] = {
    "recommender": {
        "windows": 2,
        "ranker_customers": 2_000,
        "trees": 40,
        "factors": 16,
        "topics": 8,
        "linear_products": 1_500,
    },
    "sentiment": {"network": False},
}
"""Parameters of a quick run: models that learn in seconds, and promise and do less."""

_FIGURES = """
SELECT f.capability, f.name, f.slice, f.about, f.value, f.low, f.high, f.expected, f.units, b.value AS baseline, s.value AS known
FROM ml_ops.figure AS f
LEFT JOIN ml_ops.figure AS b ON b.name = 'baseline: ' || f.name AND (b.about, b.slice, b.capability) = (f.about, f.slice, f.capability)
LEFT JOIN ml_ops.figure AS s ON s.name = 'share of the truth that is known'
    AND (s.about, s.slice, s.capability) = (f.about, f.slice, f.capability)
WHERE f.capability = %s AND f.kind = 'truth' AND f.name = %s AND f.slice = %s AND f.value IS NOT NULL ORDER BY f.about
"""
_COST = """
SELECT sum(seconds) FILTER (WHERE step = 'monitor') / sum(seconds) AS share FROM ml_ops.step WHERE status = 'done'
  AND ref IN (SELECT ref FROM ml_ops.step WHERE step <> 'monitor' AND step LIKE 'score%%')
"""


def run(options: Options) -> Iterator[Row]:
    """Five nights a week apart, learned anew each, and the later nights that judge them (quick: two, small models).

    ``--shop online_retail`` (with ``--data``, the folder of the data set) or ``--shop demo``; both if not given. ``--home``
    names the state folder of a stack whose nights were run before, in Airflow: its figures are taken as they are.
    ``--docs`` writes the table and the pictures into docs/measured.md. A night's model was promised by the gate on a time
    before the night; what happened lies after it.
    """
    figures_of: dict[str, list[dict[str, Any]]] = {}
    if options.home is not None:
        url = Stack(options.home.absolute()).settings().database_url
        figures_of = {name: figures(url, spec) for name, spec in CAPABILITIES.items()}
    else:
        for story in STORIES:
            if options.shop in ("", story.shop):
                with nights(story, options) as url:
                    figures_of |= {name: figures(url, CAPABILITIES[name]) for name in story.capabilities}
                    share = float(postgres.query(url, _COST)[0]["share"] or 0.0)
                yield Row(
                    f"{story.shop}: share of a night's work that monitor takes",
                    "share",
                    share,
                    "limit",
                    SHARE,
                    SHARE / max(share, 1e-9),
                    None if options.quick else 1.0,
                )
    figures_of = {name: rows for name, rows in figures_of.items() if rows}
    for name, rows in figures_of.items():
        yield from (_row(CAPABILITIES[name], row) for row in rows)
        draw(rows, CAPABILITIES[name], options.scratch / f"happened-{name}.svg")
    if options.docs:
        write(figures_of, quick=options.quick)


def figures(url: str, spec: Capability) -> list[dict[str, Any]]:
    """The batches of a capability that were judged at the gate's horizon: promised, happened, baseline."""
    return postgres.query(url, _FIGURES, (spec.name, spec.gate.metric, f"{spec.gate.horizon.days} days"))


@contextmanager
def nights(story: Story, options: Options) -> Iterator[str]:
    """Load the shop, run its nights in this process; the database with their figures."""
    running = Stack((options.scratch / f"happened-{story.shop}").absolute())
    kept = {name: CAPABILITIES[name] for name in story.capabilities}
    try:
        size = (
            ("--customers", "2000") if story.shop == "demo" else ("--data", str(options.data)) if options.data else ()
        )
        running.run("shop", "load", story.shop, *size, "--replace")
        settings = running.settings()
        for name, spec in kept.items() if options.quick else ():
            CAPABILITIES[name] = replace(spec, params=replace(spec.params, **CUT.get(name, {})))
        learned = [story.first + week * WEEK for week in range(2 if options.quick else WEEKS)]
        for night in learned:
            start = time.monotonic()
            pipeline.run_night(settings, night, capabilities=story.capabilities, force_train=True)
            print(f"{story.shop}, night of {night}: {time.monotonic() - start:.0f} s", flush=True)
        _judge_all(settings, learned, story.capabilities)
        yield settings.database_url
    finally:
        CAPABILITIES.update(kept)
        running.run("down")


def _judge_all(settings: Settings, learned: Sequence[date], names: Sequence[str]) -> None:
    """Look back from as late as the gates' horizons ask, in as few nights as judge every batch: a night judges some only."""
    last = max(learned[-1] + CAPABILITIES[name].gate.horizon for name in names)
    for later in range(len(learned)):
        _judge(settings, last + timedelta(days=later), names)
        rows = [row for name in names for row in figures(settings.database_url, CAPABILITIES[name])]
        print(f"judged: {len(rows)} of {len(learned) * len(names)}", flush=True)
        if len(rows) == len(learned) * len(names):
            return


def _judge(settings: Settings, night: date, names: Sequence[str]) -> None:
    """A later night that looks back and makes nothing new."""
    ref = pipeline.extract(settings, night)
    pipeline.validate(settings, ref, accept_growth=True)
    pipeline.monitor(settings, ref, names)


def _row(spec: Capability, row: Mapping[str, Any]) -> Row:
    promised = row["expected"]
    known = "" if row["known"] is None else f"; {row['known']:.0%} of the truth is known"
    return Row(
        f"{spec.title}, night of {row['about']}: {row['name']} of the {row['slice']} after",
        row["name"],
        row["value"],
        "promised",
        float("nan") if promised is None else promised,
        row["value"] / promised if promised else float("nan"),
        note=f"{_interval(row)} on {row['units']:,} units; baseline {_number(row['baseline'])}{known}",
    )


def _interval(row: Mapping[str, Any]) -> str:
    return "" if row["low"] is None else f"[{row['low']:.3f}, {row['high']:.3f}]"


def _known(row: Mapping[str, Any]) -> str:
    return "" if row["known"] is None else f" ({row['known']:.0%} of the truth)"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def write(figures_of: Mapping[str, Sequence[Mapping[str, Any]]], *, quick: bool, page: Path = PAGE) -> None:
    """Put a table and a picture of each capability between the marks of the page, in the place of its own before."""
    text = page.read_text("utf-8")
    for name, rows in figures_of.items():
        spec = CAPABILITIES[name]
        draw(rows, spec, page.parent / f"happened-{name}.svg")
        head = f"| {spec.title}: night | promised | happened | 95 % interval | {spec.gate.baseline} | units |"
        lines = [
            f"| {row['about']} | {_number(row['expected'])} | {_number(row['value'])} | {_interval(row)} | "
            f"{_number(row['baseline'])} | {row['units']:,}{_known(row)} |"
            for row in rows
        ]
        title = f"{spec.title}: {spec.gate.metric} of the {rows[0]['slice']} after each night"
        begin, end = (f"<!-- {mark}{name} -->" for mark in ("", "/"))
        table = "\n".join([head, "| --- |" + " ---: |" * 5, *lines])
        section = "\n\n".join([begin, *([QUICK] if quick else []), table, f"![{title}](happened-{name}.svg)", end])
        if begin not in text:
            text = text.replace(END, f"{begin}{end}\n\n{END}")
        text = text[: text.index(begin)] + section + text[text.index(end) + len(end) :]
    page.write_text(text, "utf-8")


def draw(rows: Sequence[Mapping[str, Any]], spec: Capability, path: Path) -> None:
    """Draw what was promised, what happened with its interval, and the baseline, night by night, as SVG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    nights_ = [row["about"].isoformat() for row in rows]
    error = [
        [abs(row[a] - row[b]) if row["low"] is not None else 0.0 for row in rows]
        for a, b in (("value", "low"), ("high", "value"))
    ]
    with rc_context({"svg.hashsalt": "nightshift", "svg.fonttype": "none"}):
        figure = Figure(figsize=(7, 3), layout="constrained")
        axes = figure.subplots()
        axes.errorbar(nights_, [row["value"] for row in rows], error, fmt="o", capsize=4, label="happened")
        promised = [float("nan") if row["expected"] is None else row["expected"] for row in rows]
        axes.plot(nights_, promised, "_", markersize=24, markeredgewidth=2, label="promised")
        baseline = [float("nan") if row["baseline"] is None else row["baseline"] for row in rows]
        axes.plot(nights_, baseline, "x", color="gray", label="baseline, happened")
        axes.set(ylabel=f"{spec.gate.metric}, {rows[0]['slice']} after", ylim=(0, None))
        figure.legend(loc="outside upper center", ncols=3, frameon=False)
        figure.savefig(path, metadata={"Date": None})
