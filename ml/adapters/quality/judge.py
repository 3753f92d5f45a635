"""Great Expectations judges frames: which rows break which rule; merged over batches into one result a table."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.adapters.quality.suite import Rule
from ml.core.errors import NightshiftError

_COMPLETE = {"result_format": "COMPLETE", "return_unexpected_index_query": False, "include_unexpected_rows": False}
PARTIAL = 20
"""Broken values that a rule remembers."""


@dataclass
class Tally:
    """How many values broke a rule, and some of these."""

    rule: Rule
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
            if outcome.success:
                continue
            positions = np.asarray(outcome.result["unexpected_index_list"], dtype=np.int64)
            tally.broken += len(positions)
            tally.partial = (tally.partial + outcome.result["partial_unexpected_list"])[:PARTIAL]
            yield tally.rule, np.sort(positions)


def _raise_if_not_judged(rule: Rule, info: dict[str, Any]) -> None:
    every = [info] if "raised_exception" in info else list(info.values())
    if wrong := [one["exception_message"] for one in every if one["raised_exception"]]:
        raise NightshiftError(
            f"The rule {rule.name!r} cannot be judged.", came=str(wrong[0]), do="correct the suite in expectations/"
        )


def _suite(name: str, rules: Sequence[Rule]) -> Any:
    from great_expectations import ExpectationSuite

    return ExpectationSuite(
        name=name,
        expectations=[
            {"type": rule.type, "kwargs": rule.kwargs, "meta": {"number": number}, "notes": rule.reason}
            for number, rule in enumerate(rules)
        ],
    )


def _context() -> Any:
    import great_expectations as gx
    from great_expectations.data_context.types import base
    from great_expectations.execution_engine import pandas_execution_engine

    # GX hashes every frame for a fingerprint that nobody reads: 0.7 of 0.8 s on a million rows of 10 columns.
    pandas_execution_engine.HASH_THRESHOLD = 0
    return gx.get_context(
        mode="ephemeral",
        project_config=base.DataContextConfig(
            analytics_enabled=False,
            progress_bars={"globally": False},
            store_backend_defaults=base.InMemoryStoreBackendDefaults(),
            data_docs_sites={},
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
