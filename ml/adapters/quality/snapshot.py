"""Validate a snapshot: every row is judged; the failing ones go to quarantine, the others to ``clean``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ml.adapters.lake import Lake
from ml.adapters.lake.parquet_streams import ahead
from ml.adapters.quality.facts import emptied, facts_of
from ml.adapters.quality.first_sales import find_first_sales
from ml.adapters.quality.judge import Judge
from ml.adapters.quality.mending import Mender
from ml.adapters.quality.pages import Judged, pages
from ml.adapters.quality.relations import Parent, has_rates, quarantined, rows_with_facts
from ml.adapters.quality.suite import Rule, Severity, Suite
from ml.adapters.quality.verdict import EXAMPLES, Breach, Verdict
from ml.adapters.shop.extract import schema
from ml.contract.table import Table
from ml.contract.tables import TABLES

QUARANTINE = pa.schema([(name, pa.string()) for name in ("table_name", "row_key", "rule", "severity", "row")])
_Broken = tuple[Rule, npt.NDArray[np.int64]]
_BATCH_BYTES = 256 * 2**20
_BATCH_ROWS = 1_000_000


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
            rows = sieve.run(datetime.fromisoformat(manifest["as_of"]), batch_rows)
            facts = facts_of(name, rows, sieve, manifest, None if accept_growth else previous_manifest)
            facts["emptied_columns"] = emptied(
                manifest["tables"][name], (previous_manifest or {}).get("tables", {}).get(name)
            )
            numbers, told = sieve.mender.facts(currency)
            whole = Judge(name, suite.facts)
            verdicts.append(_verdict(name, suite, rows, sieve, breaches_of_facts(whole, facts | numbers, told)))
            judged.append(Judged(suite, sieve.judge.tallies + whole.tallies, verdicts[-1]))
    write_docs(lake, ref, judged)
    return verdicts


def breaches_of_facts(
    judge: Judge, facts: Mapping[str, float | None], told: Mapping[str, str] | None = None
) -> tuple[Breach, ...]:
    """Judge a table as a whole: a frame of one row, a column a fact; a fact that is not known breaks nothing.

    ``told`` says in words what some facts come from.
    """
    words = told or {}
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


@dataclass
class Sieve:
    """One pass over the raw rows of a table in a folder of the lake, that mends and parts them.

    ``clean`` holds the mended ones that nothing is wrong with; ``quarantine`` the others as they came, with each rule and
    its severity.
    """

    lake: Lake
    folder: str
    table: Table
    judge: Judge
    connection: Any
    beside: Any
    """A second connection: the first is busy with the rows, in a thread."""
    parents: Callable[[str, str, str], Parent] | None = None
    """Where the rows are that a column references; in the same folder if not given."""
    failed: int = 0
    left_out: int = 0
    broken: dict[Rule, int] = field(default_factory=lambda: defaultdict(int))
    examples: dict[Rule, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.mender = Mender(self.table)

    def run(self, as_of: datetime, batch_rows: int | None) -> int:
        """Write the clean rows and those in quarantine; return how many rows there were."""
        name = self.table.name
        raw = self.lake.sql(self.folder, "raw", name)
        early = find_first_sales(self.connection, self.lake, self.folder, self.table, as_of)
        parents = self.parents or self._own_parents
        query = rows_with_facts(self.connection, self.table, raw, parents, as_of, sold_before=early)
        size = batch_rows or _batch_rows(self.connection, self.lake.scan(self.folder, "raw", name))
        target = self.lake.join(self.folder, "quarantine", f"{name}.parquet")
        with self.lake.writer(target, QUARANTINE) as writer, _in_order(self.connection):
            batches = ahead(self.connection.sql(query).to_arrow_reader(size))
            clean = self.lake.join(self.folder, "clean", name)
            kept, _ = self.lake.write_stream(clean, schema(self.table), self._clean(batches, writer))
        return kept + self.failed + self.left_out

    def _own_parents(self, _column: str, parent: str, _key: str) -> Parent:
        clean = self.lake.sql(self.folder, "clean", parent)
        refused = self.lake.sql(self.folder, "quarantine", f"{parent}.parquet")
        rates = parent == "order" and self.table.has_order_money and has_rates(self.connection, clean)
        return Parent(f"read_parquet({clean})", [refused], rates)

    def _clean(self, batches: Iterable[pa.RecordBatch], writer: pq.ParquetWriter) -> Iterator[pa.RecordBatch]:
        columns = list(dict.fromkeys(t.rule.column for t in self.judge.tallies))
        names = list(self.table.column_names)
        for batch in batches:
            mended = self.mender.mend(batch)
            broken = list(self.judge.failing(mended.select(columns).to_pandas()))
            if not broken:
                yield mended.select(names)
                continue
            outcome = _outcome(batch.num_rows, broken)
            came = batch.select(names).append_column("_unread", mended["_unread"])
            for severity in ("fault", "left out"):
                rows = np.flatnonzero(outcome == severity)
                if len(rows):
                    mine = [(rule, np.intersect1d(at, rows)) for rule, at in broken if rule.severity == severity]
                    writer.write_table(self._quarantine(came.take(pa.array(rows)), rows, mine))
            self.failed += int((outcome == "fault").sum())
            self.left_out += int((outcome == "left out").sum())
            stays = outcome == "kept"
            self._note(came, stays, [(rule, at) for rule, at in broken if rule.severity == "kept"])
            yield mended.select(names).filter(pa.array(stays))

    def _note(self, rows: pa.RecordBatch, stays: npt.NDArray[np.bool_], broken: Sequence[_Broken]) -> None:
        """Count what is said of rows that stay, with some of their keys."""
        for rule, positions in broken:
            mine = positions[stays[positions]]
            self.broken[rule] += len(mine)
            lacking = EXAMPLES - len(self.examples[rule])
            keys = rows.select(list(self.table.key)).take(pa.array(mine[:lacking])).to_pylist()
            self.examples[rule] += ["/".join(map(str, key.values())) for key in keys]

    def _quarantine(self, rows: pa.RecordBatch, bad: npt.NDArray[np.int64], broken: Sequence[_Broken]) -> pa.Table:
        """One line for each row and rule that it breaks."""
        self.beside.register("broken", pa.Table.from_batches([rows]))
        told = quarantined(self.beside, self.table)
        lines = []
        for rule, positions in broken:
            mine = told.take(pa.array(np.searchsorted(bad, positions)))
            self.broken[rule] += len(positions)
            self.examples[rule] += _examples(rule, mine.slice(0, EXAMPLES - len(self.examples[rule])))
            same = {"table_name": self.table.name, "rule": rule.name, "severity": rule.severity}
            columns = {name: pa.array([text] * len(mine), pa.string()) for name, text in same.items()}
            columns |= {name: mine[name] for name in ("row_key", "row")}
            lines.append(pa.table({name: columns[name] for name in QUARANTINE.names}, schema=QUARANTINE))
        return pa.concat_tables(lines)


def _outcome(rows: int, broken: Sequence[_Broken]) -> npt.NDArray[np.str_]:
    """Give the severity of each row: what is left out has no faults."""
    outcome = np.full(rows, "kept", dtype="<U8")
    severity: Severity
    for severity in ("fault", "left out"):
        for rule, positions in broken:
            if rule.severity == severity:
                outcome[positions] = severity
    return outcome


def _examples(rule: Rule, rows: pa.Table) -> list[str]:
    """Keys of rows; with the cells that cannot be read, where that is what is wrong."""
    if rule.column != "_unread":
        return list(rows["row_key"].to_pylist())
    return [f"{row['row_key']} ({row['_unread']})" for row in rows.to_pylist()]


@contextmanager
def _in_order(connection: Any) -> Iterator[None]:
    """Let DuckDB keep the order of the rows of a join's left side: one thread, which hashes the right side."""
    ((threads,),) = connection.sql("SELECT current_setting('threads')").fetchall()
    connection.execute("SET disabled_optimizers = 'build_side_probe_side'")
    connection.execute("SET threads = 1")
    try:
        yield
    finally:
        connection.execute(f"SET threads = {int(threads)}")
        connection.execute("SET disabled_optimizers = ''")


def _verdict(name: str, suite: Suite, rows: int, sieve: Sieve, whole: tuple[Breach, ...]) -> Verdict:
    broken = tuple(
        Breach(
            rule.name, rule.column, count, tuple(sieve.examples[rule]), rule.reason,
            refuses=False, severity=rule.severity,
        )
        for rule, count in sieve.broken.items()
        if count
    )  # fmt: skip
    share = sieve.failed / max(1, rows)
    return Verdict(
        name, rows, sieve.failed, share, suite.tolerated, whole + broken, sieve.left_out, sieve.mender.words()
    )


def _batch_rows(connection: Any, files: list[str]) -> int:
    sql = "SELECT sum(total_uncompressed_size), sum(num_values) FILTER (column_id = 0) FROM parquet_metadata(?)"
    ((total, rows),) = connection.sql(sql, params=[files]).fetchall()
    return int(min(_BATCH_ROWS, max(1000, _BATCH_BYTES * (rows or 1) // (total or 1))))
