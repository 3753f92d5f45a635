"""Audit a table before the shop sees it: here nothing is tolerated."""

# ruff: noqa: S608 (names come from the spec, paths from the lake, never from outside)
from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ml.adapters.lake import Lake
from ml.adapters.quality.judge import Judge
from ml.adapters.quality.snapshot import breaches_of_facts
from ml.adapters.quality.suite import Suite
from ml.adapters.quality.verdict import EXAMPLES, Breach, Verdict
from ml.core.spec import Published

_BATCH_ROWS = 1_000_000


def audit(
    published: Published,
    lake: Lake,
    folder: str,
    suite_path: Path,
    facts: Mapping[str, float],
    *,
    threads: int = 2,
    memory_gb: float = 4,
) -> Verdict:
    """Judge the Parquet files of a table that is to be published by its suite.

    ``_duplicate`` (another row has the same key) stands beside the columns; ``facts`` are judged by the suite's ``facts``.
    A rule that is broken once refuses the table.
    """
    suite = Suite.load(suite_path)
    rows, failed = 0, 0
    broken: dict[str, Breach] = {}
    judge = Judge(published.name, suite.rows)
    with closing(lake.duckdb(threads, memory_gb)) as connection, lake.guard(folder):
        query = _with_duplicates(connection, published, suite, lake.sql(folder))
        for batch in connection.sql(query).to_arrow_reader(_BATCH_ROWS):
            rows += batch.num_rows
            bad: set[int] = set()
            for rule, positions in judge.failing(batch.select(list(suite.columns)).to_pandas()):
                bad.update(positions.tolist())
                keyed = batch.select(list(published.key)).take(positions[:EXAMPLES].tolist()).to_pylist()
                found = broken.get(rule.name, Breach(rule.name, rule.column, 0, (), rule.reason, refuses=True))
                broken[rule.name] = _more(found, len(positions), keyed)
            failed += len(bad)
    whole = breaches_of_facts(Judge(published.name, suite.facts), facts)
    return Verdict(published.name, rows, failed, failed / max(1, rows), 0.0, whole + tuple(broken.values()))


def _with_duplicates(connection: Any, published: Published, suite: Suite, source: str) -> str:
    """Return the query of the columns that the suite looks at, with ``_duplicate``."""
    keys = ", ".join(f'"{name}"' for name in published.key)
    connection.execute(
        f"CREATE TEMP TABLE repeated AS SELECT {keys} FROM read_parquet({source}) GROUP BY {keys} HAVING count(*) > 1"
    )
    repeated = connection.sql("SELECT count(*) FROM repeated").fetchall()[0][0]
    twice = f"({keys}) IN (SELECT ({keys}) FROM repeated)" if repeated else "false"
    wanted = [name for name in dict.fromkeys((*published.key, *suite.columns)) if name != "_duplicate"]
    columns = ", ".join(f'"{name}"' for name in wanted)
    return f"SELECT {columns}, {twice} AS _duplicate FROM read_parquet({source})"


def _more(breach: Breach, rows: int, keyed: list[dict[str, Any]]) -> Breach:
    examples = (*breach.examples, *("/".join(map(str, row.values())) for row in keyed))
    return Breach(breach.rule, breach.column, breach.rows + rows, examples[:EXAMPLES], breach.reason, breach.refuses)
