"""What is new in the shop since a snapshot: read like a snapshot, kept beside it, and told apart from what was there."""

# ruff: noqa: S608 (names come from the contract, paths from the lake, never from outside)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from ml.adapters.erasure.ownership import Ownership
from ml.adapters.lake import Lake
from ml.adapters.shop.extract import catalog, faults_of
from ml.adapters.shop.pseudonym import Pseudonym
from ml.adapters.shop.reader import Reader, reading
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


def read_new(  # noqa: PLR0913 - what a reading depends on, by keyword
    url: str,
    lake: Lake,
    folder: str,
    live: Live,
    since: datetime,
    hash_key: str,
    *,
    timezone: str = "UTC",
    as_of: datetime | None = None,
    forgotten: frozenset[str] = frozenset(),
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
    forgotten : frozenset of str
        Keyed hashes of the ids of customers whose rows are left out.

    Raises
    ------
    ContractError
        The tables do not fit the contract, or a value cannot be cast to the contract's type.
    """
    found = {name: columns for name, columns in catalog(url).items() if name in live.tables}
    tables = [table for name, table in TABLES.items() if name in live.tables]
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
        pseudonym = Pseudonym(hash_key)
        reader = Reader(
            connection,
            lake,
            shop,
            pseudonym,
            lambda table: shop.select_new(table, live, since),
            Ownership(forgotten, pseudonym.hashed),
        )
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
        known = f"read_parquet({lake.sql(history, 'clean', table.name)})"
        # The semi-join first: it hashes the few new keys and passes the snapshot's through, however many these are.
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE there AS SELECT DISTINCT {keys} FROM (SELECT {keys} FROM {known}) "
            f"SEMI JOIN (SELECT {keys} FROM {read}) USING ({keys})"
        )
        query += f" ANTI JOIN there USING ({keys})"
    reader = connection.sql(query).to_arrow_reader(100_000)
    rows, _ = lake.write_stream(lake.join(folder, "raw", table.name), reader.schema, reader)
    return int(rows)


def digests(
    connection: Any, lake: Lake, folder: str, live: Live, key: Sequence[str], tables: Sequence[str]
) -> pa.Table:
    """Give each key of a clean new row, and a digest of the new rows with it and of those that belong to them.

    Parameters
    ----------
    key : sequence of str
        Names of the key's columns in the published table.
    tables : sequence of str
        The contract tables that were read.

    Returns
    -------
    pyarrow.Table
        The key's columns and ``inputs`` (hex), sorted by key; another digest means that something was added or changed.
    """
    names = ", ".join(map(quoted, key))
    new = [name for name in live.keys if name in tables]
    parts = [_keyed(lake, folder, TABLES[name], key, live.keys[name]) for name in new]
    wanted = " UNION ALL ".join(f"SELECT {names} FROM ({part})" for part in parts)
    for child in (TABLES[name] for name in tables if name not in live.keys):
        parts += [
            _keyed(lake, folder, child, key, (column,))
            for column, parent, referred in child.references
            if parent in new and live.keys[parent] == (referred,)
        ]
    return connection.sql(
        f"SELECT {names}, md5(string_agg(digest, '' ORDER BY digest)) AS inputs FROM ({' UNION ALL '.join(parts)}) "
        f"SEMI JOIN ({wanted}) USING ({names}) GROUP BY {names} ORDER BY {names}"
    ).to_arrow_table()


def _keyed(lake: Lake, folder: str, table: Table, key: Sequence[str], columns: Sequence[str]) -> str:
    """SELECT of the key's columns and a digest of each row of ``table`` that has the key in ``columns``."""
    named = ", ".join(f"{quoted(column)} AS {quoted(name)}" for column, name in zip(columns, key, strict=True))
    whole = " AND ".join(f"{quoted(column)} IS NOT NULL" for column in columns)
    return f"SELECT {named}, {_digest(lake, folder, table)} WHERE {whole}"


def _digest(lake: Lake, folder: str, table: Table) -> str:
    fields = ", ".join(f"{quoted(name)} := {quoted(name)}" for name in table.column_names)
    source = lake.sql(folder, "clean", table.name)
    return f"md5('{table.name} ' || struct_pack({fields})::VARCHAR) AS digest FROM read_parquet({source})"
