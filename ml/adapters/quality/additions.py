"""Validate what is new since a snapshot: the same rules, with the snapshot's clean rows as the other side of a relation."""

# ruff: noqa: S608 (names come from the contract, paths from the lake, never from outside)
from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from ml.adapters.lake import Lake
from ml.adapters.lake.paths import literal
from ml.adapters.quality.judge import Judge
from ml.adapters.quality.relations import Parent, has_rates
from ml.adapters.quality.sieve import Sieve
from ml.adapters.quality.suite import Suite
from ml.adapters.shop.increment import leave_out_known, sources
from ml.adapters.shop.reader import schema
from ml.contract.table import Table
from ml.contract.tables import TABLES


def validate_new(
    lake: Lake,
    folder: str,
    history: str,
    tables: Collection[str],
    suites_dir: Path,
    as_of: datetime,
    *,
    threads: int = 2,
    memory_gb: float = 4,
) -> dict[str, int]:
    """Judge the rows of ``<folder>/read/`` that the snapshot at ``history`` does not have, by the suites of their tables.

    Writes ``clean/<table>/`` and ``quarantine/<table>.parquet`` below ``folder``. The rules on rows hold as at night; those
    on a table as a whole (rows, growth, the tolerated share) say nothing of five minutes and are not asked.

    Returns
    -------
    dict of str to int
        Rows in quarantine by table.
    """
    failed = {}
    with closing(lake.duckdb(threads, memory_gb)) as connection, lake.guard(folder):
        beside = connection.cursor()
        beside.execute("SET TimeZone = 'UTC'")
        for table in (TABLES[name] for name in TABLES if name in tables):
            failed[table.name] = 0
            if not leave_out_known(connection, lake, folder, history, table):
                lake.write_stream(lake.join(folder, "clean", table.name), schema(table), ())
                continue
            judge = Judge(table.name, Suite.load(suites_dir / f"{table.name}.json").rows)
            parents = _Parents(connection, lake, folder, history, table)
            sieve = Sieve(lake, folder, table, judge, connection, beside, parents=parents)
            sieve.run(as_of, None)
            failed[table.name] = sieve.failed
    return failed


class _Parents:
    """Where the rows are that a table's new rows reference: few of the snapshot's, in a temporary table a column."""

    def __init__(self, connection: Any, lake: Lake, folder: str, history: str, table: Table) -> None:
        self._connection, self._lake, self._folder, self._history = connection, lake, folder, history
        self._table = table

    def __call__(self, column: str, parent: str, key: str) -> Parent:
        files = sources(self._lake, self._folder, self._history, parent)
        name = f'"parent of {self._table.name}.{column}"'
        raw = self._lake.sql(self._folder, "raw", self._table.name)
        rates = (
            parent == "order"
            and self._table.has_order_money
            and any(has_rates(self._connection, literal([file])) for file in files)
        )
        wanted = f'"{key}"' + (", exchange_rate" if rates else "")
        none = ", NULL::DOUBLE AS exchange_rate" if rates else ""
        own = f'SELECT "{column}" AS "{key}"{none} FROM read_parquet({raw})'
        parents = f"SELECT {wanted} FROM read_parquet({literal(files)}, union_by_name = true)" if files else ""
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT DISTINCT {wanted} FROM ({parents or own + ' WHERE false'}) "
            f'SEMI JOIN ({own}) USING ("{key}")'
        )
        folders = [
            at for at in (self._history, self._folder) if self._lake.exists(at, "quarantine", f"{parent}.parquet")
        ]
        return Parent(name, [self._lake.sql(at, "quarantine", f"{parent}.parquet") for at in folders], rates)
