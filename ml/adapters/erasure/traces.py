"""What there is of a customer: ids, keyed hashes and texts that nobody else has, found in the lake's snapshots and the shop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from psycopg2 import sql

from ml.adapters import postgres
from ml.adapters.erasure.ownership import KEYS, OTHER, OWNED, WHO, Columns, Owners, Ownership, needed, owned
from ml.adapters.lake import Lake
from ml.contract.table import Table

SHORTEST = 6
"""Characters of the shortest text that is looked for: shorter ones stand everywhere."""


@dataclass
class Traces:
    """What to look for; each value with its owner (the keyed hash of the customer's id).

    Parameters
    ----------
    ids : dict of str to dict
        By column (``customer_id``, ``order_id``, …).
    hashes, texts, plain : dict
        Values of personal columns as the lake has them; of the other text columns; and personal values as the shop has
        them.
    said : list
        ``(owner, product or empty, text)`` of each text, to find quotes of it.
    shared : list of str
        Pieces of the texts that others wrote too.
    """

    ids: dict[str, Owners] = field(default_factory=dict)
    hashes: Owners = field(default_factory=dict)
    texts: Owners = field(default_factory=dict)
    plain: Owners = field(default_factory=dict)
    said: list[tuple[str, str, str]] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)

    def take_up(self, table: Table, columns: Columns, owners: pa.Array, *, plain: bool = False) -> None:
        """Take up the values of rows of a contract table that have an owner."""
        for column in table.columns:
            if column.kind != "text" or column.name not in columns:
                continue
            values = owned(columns[column.name], owners)
            if column.name == OTHER or (column.name == WHO and OTHER in columns):
                continue  # one of the two is somebody else, and stays
            if column.name == WHO or column.name in KEYS:
                self.ids.setdefault(column.name, {}).update(values)
            elif column.personal:
                (self.plain if plain else self.hashes).update(values)
            else:
                self.texts.update({text: owner for text, owner in values.items() if len(text) >= SHORTEST})
        self._say(table, columns, owners)

    def _say(self, table: Table, columns: Columns, owners: pa.Array) -> None:
        rows = pa.table({"owner": owners, **{name: columns[name] for name in columns}}).filter(pc.is_valid(owners))
        texts = [c.name for c in table.columns if c.kind == "text" and not c.personal and not c.references]
        texts = [name for name in texts if name in columns and name not in table.key]
        for row in rows.to_pylist():
            product = str(row.get("product_id") or "")
            self.said += [(row["owner"], product, row[name]) for name in texts if len(row[name] or "") >= SHORTEST]

    def leave(self, others: Iterable[str]) -> None:
        """Forget the values that somebody else has, too."""
        for value in others:
            for known in (self.hashes, self.texts, self.plain):
                known.pop(value, None)

    def merge(self, other: Traces) -> None:
        """Take up what another found."""
        self.shared = sorted({*self.shared, *other.shared})
        for column, owners in other.ids.items():
            self.ids.setdefault(column, {}).update(owners)
        for own, theirs in ((self.hashes, other.hashes), (self.texts, other.texts), (self.plain, other.plain)):
            own.update(theirs)
        self.said = sorted({(owner, product, text) for owner, product, text in (*self.said, *other.said)})

    def as_json(self) -> dict[str, Any]:
        """As plain values; ``Traces(**…)`` reads them."""
        return asdict(self)


def snapshots(lake: Lake) -> list[str]:
    """The refs of all snapshots, complete or not, oldest first."""
    return [f"{night}/{number}" for night in lake.names("snapshot") for number in lake.names("snapshot", night)]


def folders(lake: Lake) -> list[str]:
    """Every folder that holds the contract's tables of a whole snapshot."""
    whole = [ref for ref in snapshots(lake) if lake.exists("snapshot", ref, "manifest.json")]
    return [lake.join("snapshot", ref, kind) for ref in whole for kind in ("raw", "clean")]


def files(lake: Lake, *parts: str) -> list[str]:
    """The whole Parquet files of a folder."""
    names = (name for name in lake.names(*parts) if name.endswith(".parquet") and not name.startswith("."))
    return [lake.join(*parts, name) for name in names]


def row_groups(lake: Lake, path: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Row groups of a Parquet file; with ``columns`` only those of them that it has."""
    with lake.open(path) as file, pq.ParquetFile(file) as parquet:
        present = parquet.schema_arrow.names
        chosen = present if columns is None else [name for name in present if name in columns]
        for number in range(parquet.num_row_groups):
            yield parquet.read_row_group(number, columns=chosen)


def in_lake(lake: Lake, ownership: Ownership) -> Traces:
    """Look through every snapshot: teaches ``ownership`` the keys of the customers' rows, and gives their values."""
    traces = Traces()
    for table in OWNED.values():
        paths = [path for folder in folders(lake) for path in files(lake, folder, table.name)]
        # Twice: what an order of a later snapshot tells holds for the same order of an earlier one.
        with_owners = []
        for path in paths:
            for part in row_groups(lake, path, needed(table.column_names)):
                owners = ownership.owners(columns_of(part))
                ownership.learn(table, columns_of(part), owners)
                if owners.null_count < len(owners):
                    with_owners.append(path)
        for path in dict.fromkeys(paths if any(name in KEYS for name in table.key) else with_owners):
            for part in row_groups(lake, path, needed(table.column_names)):
                if (owners := ownership.owners(columns_of(part))).null_count < len(owners):
                    break
            else:
                continue
            for part in row_groups(lake, path):
                traces.take_up(table, columns_of(part), ownership.owners(columns_of(part)))
    return traces


def in_shop(url: str, ownership: Ownership, customers: Iterable[str]) -> Traces:
    """Look at the customers' rows in the shop, where they still are; as :func:`in_lake`."""
    traces = Traces()
    ids = {WHO: list(customers), OTHER: list(customers)}
    with closing(postgres.connect(url, readonly=True)) as connection, connection.cursor() as cursor:
        for table in OWNED.values():
            if rows := _shop_rows(cursor, table, ids):
                columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in rows[0]}
                hashed = {n: ownership.hashed(c) if table[n].personal else c for n, c in columns.items()}
                owners = ownership.owners(hashed)
                ownership.learn(table, hashed, owners)
                traces.take_up(table, hashed, owners)
                traces.take_up(table, columns, owners, plain=True)
                for name in table.key:
                    if name in KEYS:
                        ids.setdefault(name, []).extend(owned(columns[name], owners))
    return traces


def _shop_rows(cursor: Any, table: Table, ids: Mapping[str, list[str]]) -> list[dict[str, str | None]]:
    cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
        (f'shop."{table.name}"',),
    )
    present = {row[0] for row in cursor.fetchall()}
    names = [column.name for column in table.columns if column.kind == "text" and column.name in present]
    by = [name for name in names if ids.get(name)]
    if not by:
        return []
    cursor.execute(
        sql.SQL("SELECT {} FROM {} WHERE {}").format(
            sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in names),
            sql.Identifier("shop", table.name),
            sql.SQL(" OR ").join(sql.SQL("{}::text = ANY(%s)").format(sql.Identifier(name)) for name in by),
        ),
        [ids[name] for name in by],
    )
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def columns_of(part: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Columns by name."""
    return {name: part[name] for name in part.column_names}
