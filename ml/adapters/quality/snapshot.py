"""Validate a snapshot: every row is judged; the failing ones go to quarantine, the others to ``clean``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from ml.adapters.lake import Lake
from ml.adapters.quality import ranges
from ml.adapters.quality.facts import emptied, facts_of
from ml.adapters.quality.judge import Judge
from ml.adapters.quality.pages import Judged, pages
from ml.adapters.quality.sieve import Sieve
from ml.adapters.quality.suite import Suite
from ml.adapters.quality.verdict import Breach, Verdict
from ml.contract.tables import TABLES
from ml.core.spread import Spread


def validate_snapshot(  # noqa: PLR0913 (one call holds all that a validation depends on)
    lake: Lake,
    ref: str,
    suites_dir: Path,
    previous_manifest: Mapping[str, Any] | None = None,
    *,
    accept_growth: bool = False,
    currency: str = "",
    threads: int = 2,
    memory_gb: float = 4,
    batch_rows: int | None = None,
    spread: Spread | None = None,
) -> list[Verdict]:
    """Judge each table of a snapshot, in the contract's order, so that a child of a refused row is an orphan.

    Writes ``clean/<table>/``, ``quarantine/<table>.parquet`` and Data Docs under ``docs/<ref>/``.

    Parameters
    ----------
    previous_manifest : mapping, optional
        Manifest of the validated snapshot before; what grew or went empty is told against it.
    accept_growth : bool
        A jump in rows is meant.
    currency : str
        The shop's own; orders of another one need a rate of exchange.
    batch_rows : int, optional
        Rows that are judged at once; as many as fit in 256 MB if not given.
    spread : Spread, optional
        Judges tables that were read by ranges range by range, each elsewhere.

    Returns
    -------
    list of Verdict
        One a table. Those that are ``refused`` must stop the night (see :func:`refusal`).
    """
    manifest = lake.read_json("snapshot", ref, "manifest.json")
    folder = lake.join("snapshot", ref)
    lake.remove(folder, "clean")
    lake.remove(folder, "quarantine")
    verdicts: list[Verdict] = []
    judged: list[Judged] = []
    with closing(lake.duckdb(threads, memory_gb)) as connection, lake.guard(folder):
        beside = connection.cursor()
        beside.execute("SET TimeZone = 'UTC'")
        for name in (name for name in TABLES if name in manifest["tables"]):
            suite = Suite.load(suites_dir / f"{name}.json")
            sieve = Sieve(lake, folder, TABLES[name], Judge(name, suite.rows), connection, beside)
            at = datetime.fromisoformat(manifest["as_of"])
            if spread and len(lake.ranges(folder, "raw", name)) > 1:
                rows = ranges.judge(spread, sieve, at)
            else:
                rows = sieve.run(at, batch_rows)
            facts = facts_of(name, rows, sieve, manifest, None if accept_growth else previous_manifest)
            facts["emptied_columns"] = emptied(
                manifest["tables"][name], (previous_manifest or {}).get("tables", {}).get(name)
            )
            numbers, texts = sieve.mender.facts(currency)
            whole = Judge(name, suite.facts)
            verdicts.append(_verdict(name, suite, rows, sieve, breaches_of_facts(whole, facts | numbers, texts)))
            judged.append(Judged(suite, sieve.judge.tallies + whole.tallies, verdicts[-1]))
    write_docs(lake, ref, judged)
    return verdicts


def breaches_of_facts(
    judge: Judge, facts: Mapping[str, float | None], texts: Mapping[str, str] | None = None
) -> tuple[Breach, ...]:
    """Judge a table as a whole: a frame of one row, a column a fact; a fact that is not known breaks nothing.

    ``texts`` says in words what some facts come from.
    """
    words = texts or {}
    names = {tally.rule.column for tally in judge.tallies}
    frame = pa.table({name: pa.array([facts.get(name)], pa.float64()) for name in names}).to_pandas()
    return tuple(
        Breach(
            rule.name,
            rule.column,
            0,
            tuple(filter(None, (f"{facts[rule.column]:.6g}", words.get(rule.column)))),
            rule.reason,
            refuses=True,
        )
        for rule, _ in (judge.failing(frame) if names else ())
    )


def write_docs(lake: Lake, ref: str, judged: Sequence[Judged]) -> None:
    """Write Data Docs under ``docs/<ref>/`` of the lake, wherever that is."""
    lake.remove("docs", ref)
    for name, html in pages(ref, judged).items():
        with lake.open(lake.join("docs", ref, name), "wb") as file:
            file.write(html.encode())


def _verdict(name: str, suite: Suite, rows: int, sieve: Sieve, whole: tuple[Breach, ...]) -> Verdict:
    broken = tuple(
        Breach(
            rule.name,
            rule.column,
            count,
            tuple(sieve.examples[rule]),
            rule.reason,
            refuses=False,
            severity=rule.severity,
        )
        for rule, count in sieve.broken.items()
        if count
    )
    share = sieve.failed / max(1, rows)
    return Verdict(
        name, rows, sieve.failed, share, suite.tolerated, whole + broken, sieve.left_out, sieve.mender.words()
    )
