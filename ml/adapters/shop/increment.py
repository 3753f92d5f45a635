"""What is new in the shop since a snapshot: read like a snapshot, kept beside it, and told apart from what was there."""

# ruff: noqa: S608 (names come from the contract, paths from the lake, never from outside)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from ml.adapters.lake import Lake
from ml.adapters.shop.extract import Reader, catalog, faults_of, reading
from ml.adapters.shop.pseudonym import Pseudonym
from ml.adapters.shop.select import Shop, quoted
from ml.contract.table import Table
from ml.contract.tables import TABLES
from ml.core.errors import ContractError
from ml.core.spec import Live


@dataclass(frozen=True)
class Increment:
    """What was read: ``as_of``, before which it was known, and rows by table."""

    as_of: datetime
    rows: Mapping[str, int]


def read_new(
    url: str,
    lake: Lake,
    folder: str,
    live: Live,
    since: datetime,
    hash_key: str,
    *,
    timezone: str = "UTC",
    as_of: datetime | None = None,
) -> Increment:
    """Read the rows of the lane's tables that became known since ``since`` into ``<folder>/read/<table>/``.

    All tables are read in one transaction, with the types and pseudonyms of :func:`ml.adapters.shop.extract.extract`.

    Parameters
    ----------
    url : str
        libpq URL of the shop's database.
    folder : str
        Folder of the lake.
    as_of : datetime, optional
        Rows that became known at or after it are not read; the clock of the shop's database if not given.

    Raises
    ------
    ContractError
        The tables do not fit the contract, or a value cannot be cast to the contract's type.
    """
    found = {name: columns for name, columns in catalog(url).items() if name in (live.table, *live.brings)}
    tables = [table for name, table in TABLES.items() if name in (live.table, *live.brings)]
    if broken := [fault for table in tables for fault in faults_of(table, found)]:
        raise ContractError(
            "The shop's tables do not fit the contract.",
            came="\n".join(map(str, broken)),
            do="mend the tables or views in schema shop (docs/contract.md lists each column)",
        )
    shop = Shop.of(found)
    with reading(url, timezone, as_of, as_of) as connection:
        with closing(connection.cursor()) as cursor:
            cursor.execute("SELECT current_setting('nightshift.as_of')::timestamptz AS as_of")
            moment = cursor.fetch_arrow_table()["as_of"].cast(pa.timestamp("us", "UTC"))[0].as_py()
        reader = Reader(connection, lake, shop, Pseudonym(hash_key), lambda table: shop.select_new(table, live, since))
        rows = {
            table.name: reader.read(table, lake.join(folder, "read", table.name))["rows"]
            for table in tables
            if table.name in found
        }
    return Increment(moment, rows)


def sources(lake: Lake, folder: str, history: str, name: str) -> list[str]:
    """Files of the clean rows of a contract table: those of the snapshot at ``history`` and those that are new."""
    return [path for at in (history, folder) if lake.exists(at, "clean", name) for path in lake.scan(at, "clean", name)]


def leave_out_known(connection: Any, lake: Lake, folder: str, history: str, table: Table) -> int:
    """Write what was read and is not in the snapshot's clean rows into ``<folder>/raw/<table>/``; how many rows.

    Going by the key: a row of the snapshot stays as the night knew it, until the next night.
    """
    read = f"read_parquet({lake.sql(folder, 'read', table.name)})"
    keys = ", ".join(map(quoted, table.key))
    query = f"SELECT * FROM {read}"
    if lake.exists(history, "clean", table.name):
        there = f"read_parquet({lake.sql(history, 'clean', table.name)})"
        # The semi-join first: it hashes the few new keys and passes the snapshot's through, however many these are.
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE there AS SELECT DISTINCT {keys} FROM (SELECT {keys} FROM {there}) "
            f"SEMI JOIN (SELECT {keys} FROM {read}) USING ({keys})"
        )
        query += f" ANTI JOIN there USING ({keys})"
    reader = connection.sql(query).to_arrow_reader(100_000)
    rows, _ = lake.write_stream(lake.join(folder, "raw", table.name), reader.schema, reader)
    return int(rows)


def digests(connection: Any, lake: Lake, folder: str, live: Live, tables: Sequence[str]) -> pa.Table:
    """Give each clean new row of the lane's table and a digest of it and of the new rows that belong to it.

    Returns
    -------
    pyarrow.Table
        ``key`` (text) and ``inputs`` (hex), sorted by key; another digest means that something was added or changed.
    """
    work = TABLES[live.table]
    parts = [f"SELECT {quoted(work.key[0])} AS key, {_digest(lake, folder, work)}"]
    for child in (TABLES[name] for name in tables if name != live.table):
        for column, parent, key in child.references:
            if (parent, key) == (live.table, work.key[0]):
                parts.append(f"SELECT {quoted(column)} AS key, {_digest(lake, folder, child)}")
    mine = f"SELECT {quoted(work.key[0])} AS key FROM read_parquet({lake.sql(folder, 'clean', live.table)})"
    return connection.sql(
        f"SELECT key, md5(string_agg(digest, '' ORDER BY digest)) AS inputs FROM ({' UNION ALL '.join(parts)}) "
        f"SEMI JOIN ({mine}) USING (key) GROUP BY key ORDER BY key"
    ).to_arrow_table()


def _digest(lake: Lake, folder: str, table: Table) -> str:
    fields = ", ".join(f"{quoted(name)} := {quoted(name)}" for name in table.column_names)
    source = lake.sql(folder, "clean", table.name)
    return f"md5('{table.name} ' || struct_pack({fields})::VARCHAR) AS digest FROM read_parquet({source})"
