"""Great Expectations judges frames: which rows break which rule; merged over batches into one result a table."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.adapters.quality.suite import Rule
from ml.core.errors import NightshiftError

_COMPLETE = {"result_format": "COMPLETE", "return_unexpected_index_query": False, "include_unexpected_rows": False}
_PARTIAL = 20
"""Unexpected values that Data Docs show."""


@dataclass
class Tally:
    """What a rule has seen: values, those that broke it, and some of these."""

    rule: Rule
    values: int = 0
    missing: int = 0
    broken: int = 0
    partial: list[Any] = field(default_factory=list)


class Judge:
    """Applies the rules of one table to its batches, one after the other."""

    def __init__(self, name: str, rules: Sequence[Rule]) -> None:
        self.name = name
        self.tallies = [Tally(rule) for rule in rules]
        with _quiet():
            context = _context()
            source = context.data_sources.add_pandas("lake")
            self._batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("batch")
            self._suite = _suite(name, rules)

    def failing(self, frame: pd.DataFrame) -> Iterator[tuple[Rule, npt.NDArray[np.int64]]]:
        """Yield each rule that rows of ``frame`` break, with the rows' positions in ascending order."""
        frame = frame.reset_index(drop=True)
        with _quiet():
            batch = self._batch.get_batch(batch_parameters={"dataframe": frame})
            judged = batch.validate(self._suite, result_format=_COMPLETE)
        for outcome in sorted(judged.results, key=lambda o: int(o.expectation_config.meta["number"])):
            tally = self.tallies[int(outcome.expectation_config.meta["number"])]
            _raise_if_not_judged(tally.rule, outcome.exception_info)
            tally.values += int(outcome.result.get("element_count", 0))
            tally.missing += int(outcome.result.get("missing_count") or 0)
            if outcome.success:
                continue
            positions = np.asarray(outcome.result["unexpected_index_list"], dtype=np.int64)
            tally.broken += len(positions)
            tally.partial = (tally.partial + outcome.result["partial_unexpected_list"])[:_PARTIAL]
            yield tally.rule, np.sort(positions)


def build_docs(folder: Path, run: str, tables: Iterable[tuple[str, Sequence[Tally]]]) -> None:
    """Write GX's static Data Docs: a page for each suite and one validation result a table."""
    with _quiet():
        from great_expectations.core.run_identifier import RunIdentifier
        from great_expectations.data_context.types import resource_identifiers as ids

        context = _context(folder)
        # The name is a folder and may hold no slash.
        identifier = RunIdentifier(run_name=run.replace("/", "-"), run_time=datetime.now(UTC))
        for name, tallies in tables:
            context.suites.add(_suite(name, [tally.rule for tally in tallies]))
            key = ids.ValidationResultIdentifier(ids.ExpectationSuiteIdentifier(name), identifier, name)
            context.validation_results_store.set(key, _result(name, tallies, identifier))
        context.build_data_docs()
    _list_on_index(folder)


def _list_on_index(folder: Path) -> None:
    """List the pages plainly: GX's index fills itself by scripts from a content network, and is empty without one."""
    pages = sorted(page.relative_to(folder).as_posix() for page in folder.glob("*/**/*.html"))
    items = "".join(f'<li><a href="{quote(page)}">{escape(page)}</a></li>' for page in pages if "static" not in page)
    index = folder / "index.html"
    text = index.read_text(encoding="utf-8")
    index.write_text(text.replace("</body>", f"<h3>All pages</h3><ul>{items}</ul></body>"), encoding="utf-8")


def _raise_if_not_judged(rule: Rule, info: dict[str, Any]) -> None:
    every = [info] if "raised_exception" in info else list(info.values())
    if wrong := [one["exception_message"] for one in every if one["raised_exception"]]:
        raise NightshiftError(
            f"The rule {rule.name!r} cannot be judged.", came=str(wrong[0]), do="correct the suite in expectations/"
        )


def _result(name: str, tallies: Sequence[Tally], identifier: Any) -> Any:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult

    results = [
        ExpectationValidationResult(
            success=not tally.broken,
            expectation_config=expectation.configuration,
            result=_numbers(tally),
            exception_info={"raised_exception": False, "exception_traceback": None, "exception_message": None},
        )
        for tally, expectation in zip(tallies, _suite(name, [t.rule for t in tallies]).expectations, strict=True)
    ]
    good = sum(bool(result.success) for result in results)
    return ExpectationSuiteValidationResult(
        success=good == len(results),
        results=results,
        suite_name=name,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": good,
            "unsuccessful_expectations": len(results) - good,
            "success_percent": 100.0 * good / max(1, len(results)),
        },
        meta={
            "run_id": identifier,
            "validation_time": identifier.run_time,
            "active_batch_definition": {"data_asset_name": name},
        },
    )


def _numbers(tally: Tally) -> dict[str, Any]:
    present = max(1, tally.values - tally.missing)
    return {
        "element_count": tally.values,
        "missing_count": tally.missing,
        "missing_percent": 100.0 * tally.missing / max(1, tally.values),
        "unexpected_count": tally.broken,
        "unexpected_percent": 100.0 * tally.broken / present,
        "unexpected_percent_total": 100.0 * tally.broken / max(1, tally.values),
        "unexpected_percent_nonmissing": 100.0 * tally.broken / present,
        "partial_unexpected_list": [str(value) for value in tally.partial],
    }


def _suite(name: str, rules: Sequence[Rule]) -> Any:
    from great_expectations import ExpectationSuite

    return ExpectationSuite(
        name=name,
        expectations=[
            {"type": rule.type, "kwargs": rule.kwargs, "meta": {"number": number}, "notes": rule.reason}
            for number, rule in enumerate(rules)
        ],
    )


def _context(docs: Path | None = None) -> Any:
    import great_expectations as gx
    from great_expectations.data_context.types import base
    from great_expectations.execution_engine import pandas_execution_engine

    # GX hashes every frame for a fingerprint that nobody reads: 0.7 of 0.8 s on a million rows of 10 columns.
    pandas_execution_engine.HASH_THRESHOLD = 0
    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": f"{docs}/"},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    return gx.get_context(
        mode="ephemeral",
        project_config=base.DataContextConfig(
            analytics_enabled=False,
            progress_bars={"globally": False},
            store_backend_defaults=base.InMemoryStoreBackendDefaults(),
            data_docs_sites={"nightshift": site} if docs else {},
        ),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Let GX log warnings only: it tells of each metric and, at import, of 200 registrations."""
    logger = logging.getLogger("great_expectations")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
