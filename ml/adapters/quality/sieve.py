"""One pass over the raw rows of a table, or over a range of them, that mends and parts them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ml.adapters.lake import Lake
from ml.adapters.lake.parquet_streams import ahead
from ml.adapters.lake.paths import literal
from ml.adapters.quality.first_sales import find_first_sales
from ml.adapters.quality.judge import Judge
from ml.adapters.quality.mending import Mender
from ml.adapters.quality.relations import Parent, has_rates, quarantined, rows_with_facts
from ml.adapters.quality.suite import Rule, Severity
from ml.adapters.quality.verdict import EXAMPLES
from ml.adapters.shop.reader import schema
from ml.contract.table import Table

QUARANTINE = pa.schema([(name, pa.string()) for name in ("table_name", "row_key", "rule", "severity", "row")])
_Broken = tuple[Rule, npt.NDArray[np.int64]]
_BATCH_BYTES = 256 * 2**20
_BATCH_ROWS = 1_000_000


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
    piece: int | None = None
    """Which range of the raw rows, where others work on the others; None: all of them."""
    failed: int = 0
    left_out: int = 0
    broken: Counter[Rule] = field(default_factory=Counter)
    examples: dict[Rule, list[str]] = field(default_factory=lambda: defaultdict(list))

    sums: dict[str, str] = field(default_factory=dict)
    """Digests of the clean files of a piece."""

    def __post_init__(self) -> None:
        self.mender = Mender(self.table)

    def run(self, as_of: datetime, batch_rows: int | None) -> int:
        """Write the clean rows and those in quarantine; return how many rows there were."""
        name = self.table.name
        files = self._raw()
        raw = literal(files)
        early = find_first_sales(self.connection, self.lake, self.folder, self.table, as_of)
        parents = self.parents or self._own_parents
        query = rows_with_facts(self.connection, self.table, raw, parents, as_of, sold_before=early)
        size = batch_rows or _batch_rows(self.connection, files)
        with self.lake.writer(self._refused(), QUARANTINE) as writer, _in_order(self.connection):
            batches = ahead(self.connection.sql(query).to_arrow_reader(size))
            clean = self.lake.join(self.folder, "clean", name)
            rows = self._clean(batches, writer)
            if self.piece is None:
                kept, _ = self.lake.write_stream(clean, schema(self.table), rows)
            else:
                kept, self.sums = self.lake.write_range(clean, self.piece, schema(self.table), rows)
        return kept + self.failed + self.left_out

    def _raw(self) -> list[str]:
        if self.piece is None:
            return self.lake.scan(self.folder, "raw", self.table.name)
        names = self.lake.ranges(self.folder, "raw", self.table.name)[self.piece]
        return [path for name in names for path in self.lake.scan(self.folder, "raw", self.table.name, name)]

    def _refused(self) -> str:
        target = self.lake.join(self.folder, "quarantine", f"{self.table.name}.parquet")
        return target if self.piece is None else self.lake.join(self.lake.parts(target), f"{self.piece:05d}.parquet")

    def _own_parents(self, _column: str, parent: str, key: str) -> Parent:
        if not self.lake.names(self.folder, "raw", parent):  # the shop has no such table
            return Parent(f'(SELECT NULL::VARCHAR AS "{key}" WHERE false)', [])
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
                    of_severity = [(rule, np.intersect1d(at, rows)) for rule, at in broken if rule.severity == severity]
                    writer.write_table(self._quarantine(came.take(pa.array(rows)), rows, of_severity))
            self.failed += int((outcome == "fault").sum())
            self.left_out += int((outcome == "left out").sum())
            stays = outcome == "kept"
            self._note(came, stays, [(rule, at) for rule, at in broken if rule.severity == "kept"])
            yield mended.select(names).filter(pa.array(stays))

    def _note(self, rows: pa.RecordBatch, stays: npt.NDArray[np.bool_], broken: Sequence[_Broken]) -> None:
        """Count what is said of rows that stay, with some of their keys."""
        for rule, positions in broken:
            staying = positions[stays[positions]]
            self.broken[rule] += len(staying)
            lacking = EXAMPLES - len(self.examples[rule])
            keys = rows.select(list(self.table.key)).take(pa.array(staying[:lacking])).to_pylist()
            self.examples[rule] += ["/".join(map(str, key.values())) for key in keys]

    def _quarantine(self, rows: pa.RecordBatch, bad: npt.NDArray[np.int64], broken: Sequence[_Broken]) -> pa.Table:
        """One line for each row and rule that it breaks."""
        self.beside.register("broken", pa.Table.from_batches([rows]))
        quarantine = quarantined(self.beside, self.table)
        lines = []
        for rule, positions in broken:
            refused = quarantine.take(pa.array(np.searchsorted(bad, positions)))
            self.broken[rule] += len(positions)
            self.examples[rule] += _examples(rule, refused.slice(0, EXAMPLES - len(self.examples[rule])))
            same = {"table_name": self.table.name, "rule": rule.name, "severity": rule.severity}
            columns = {name: pa.array([text] * len(refused), pa.string()) for name, text in same.items()}
            columns |= {name: refused[name] for name in ("row_key", "row")}
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


def _batch_rows(connection: Any, files: list[str]) -> int:
    sql = "SELECT sum(total_uncompressed_size), sum(num_values) FILTER (column_id = 0) FROM parquet_metadata(?)"
    ((total, rows),) = connection.sql(sql, params=[files]).fetchall()
    return int(min(_BATCH_ROWS, max(1000, _BATCH_BYTES * (rows or 1) // (total or 1))))
