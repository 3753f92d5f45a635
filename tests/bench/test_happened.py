"""What was promised and what happened: read from the books of any stack, drawn, and put into a page."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from bench import happened
from ml import pipeline
from ml.adapters.books import figures as books
from ml.core.figures import Figure
from ml.registry import CAPABILITIES
from ml.settings import Settings


def rows(*values: float, promised: float | None = 0.3) -> list[dict[str, Any]]:
    """Weekly nights that were judged."""
    return [
        {
            "about": date(2025, 1, 5 + 7 * i),
            "name": "ndcg@10",
            "slice": "28 days",
            "value": value,
            "low": value - 0.01,
            "high": value + 0.01,
            "expected": promised,
            "units": 1200,
            "baseline": 0.2,
            "known": None,
        }
        for i, value in enumerate(values)
    ]


def test_the_figures_of_a_stack_are_read_from_its_books(settings: Settings) -> None:
    """The gate's metric at the gate's horizon, with promise, baseline and how much of the truth is known; nothing else."""
    pipeline.migrate(settings.database_url)
    spec, day = CAPABILITIES["risk"], date(2025, 7, 13)
    one = Figure(
        "truth",
        spec.gate.metric,
        0.4,
        slice="135 days",
        low=0.3,
        high=0.5,
        expected=0.45,
        units=900,
        about=day,
        version=1,
    )
    figures = [
        one,
        replace(one, name=f"baseline: {spec.gate.metric}", value=0.2),
        replace(one, slice="28 days"),
        replace(one, name="share of the truth that is known", value=0.9),
        replace(one, name="another"),
    ]
    books.write(settings.database_url, date(2025, 11, 25), "2025-11-25/001", "risk", figures, ("truth",))
    (row,) = happened.figures(settings.database_url, spec)
    assert (row["value"], row["expected"], row["baseline"], row["known"], row["about"]) == (0.4, 0.45, 0.2, 0.9, day)
    assert "90% of the truth is known" in happened._row(spec, row).note


def test_a_page_gets_a_table_and_a_picture_of_each_capability(tmp_path: Path) -> None:
    """A second time takes the place of the first, and leaves the other capability's; the same rows are the same picture."""
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{happened.END}\n\nafter\n", "utf-8")
    happened.write({"recommender": rows(0.25, 0.28)}, quick=True, page=page)
    happened.write({"risk": rows(0.5, promised=None)}, quick=False, page=page)
    picture = (tmp_path / "happened-recommender.svg").read_bytes()
    happened.write({"recommender": rows(0.25, 0.28)}, quick=False, page=page)
    text = page.read_text("utf-8")
    assert text.count("| 2025-01-05 | 0.300 | 0.250 | [0.240, 0.260] | 0.200 | 1,200 |") == 1
    assert "| 2025-01-05 | – | 0.500 |" in text
    assert happened.QUICK not in text
    assert text.endswith("after\n")
    assert (tmp_path / "happened-recommender.svg").read_bytes() == picture
    assert b"<svg" in picture
