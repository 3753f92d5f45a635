"""A platform on MySQL or MariaDB as a source: its tables are read as text, and its SQL runs over them in DuckDB."""

# ruff: noqa: S608 (names are ours or quoted)
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from ml.contract.tables import TABLES
from ml.shop.ddl import quoted
from ml.shop.platforms import PLATFORMS, platform
from ml.shop.platforms._choices import Choices, chosen, select
from ml.shop.platforms._platform import Columns, Platform
from ml.shop.source import Source
from ml.shop.sources._files import create_table, database
from ml.shop.sources._files import select as stream


class Tables(Protocol):
    """What is read: the tables of a database, and their rows as text."""

    mended: int

    def columns(self) -> Mapping[str, frozenset[str]]:
        """Each table with the names of its columns."""

    def read(self, table: str, columns: Sequence[str], only: str = "") -> Iterator[pa.RecordBatch]:
        """Read columns of a table as text."""


def by_prefix(tables: Mapping[str, frozenset[str]]) -> Columns:
    """Group tables by the prefix that a platform's names have there (``wp_``); without one: under the empty prefix."""
    known = [name for found in map(platform, PLATFORMS) if found.mysql for name, *_ in found.columns()]
    prefixes = {table.removesuffix(name) for table in tables for name in known if table.endswith(name)}
    grouped = {
        prefix: {table.removeprefix(prefix): columns for table, columns in tables.items() if table.startswith(prefix)}
        for prefix in sorted(prefixes)
    }
    mapped = [found for found in map(platform, PLATFORMS) if found.mysql]
    fits = {prefix: names for prefix, names in grouped.items() if any(p.version(names) for p in mapped)}
    return fits or {"": dict(tables)}


@dataclass(frozen=True, kw_only=True)
class Copied(Source):
    """A platform's database as a source of ``shop load``: what was read is in a DuckDB that ends with it."""

    mapped: Platform
    read_from: Tables
    choices: Choices
    db: duckdb.DuckDBPyConnection

    @classmethod
    def of(cls, mapped: Platform, tables: Tables, prefix: str, choices: Choices, options: Mapping[str, Any]) -> Copied:
        """Read the tables of a platform, whose names begin with ``prefix``, and map them."""
        name = f"connect {mapped.name}"
        copied = cls(
            name,
            ModuleType(mapped.name),
            None,
            dict(options),
            mapped=mapped,
            read_from=tables,
            choices=choices,
            db=database(),
        )
        copied._fill(prefix)
        return copied

    def _fill(self, prefix: str) -> None:
        """Read the declared tables, and make the views that the mapping's SELECTs share."""
        there = self.read_from.columns()
        for table, _, columns in self.mapped.columns():
            names = [name for name, _ in columns]
            has = [name for name in names if name in there.get(prefix + table, ())]
            empty = pa.schema([(name, pa.string()) for name in names])
            if has:
                batches = self.read_from.read(prefix + table, has, self.mapped.only.get(table, ""))
                create_table(self.db, table, _widened(batches, empty))
            else:
                create_table(self.db, table, [pa.RecordBatch.from_pylist([], schema=empty)])
        for name in self.mapped.helpers:
            self.db.execute(f"CREATE TABLE {quoted(name)} AS {select(self.mapped, name, self.choices)}")
        for name in self.mapped.views:
            sql = select(self.mapped, name, self.choices)
            if name == "order":
                described = [row[0] for row in self.db.execute(f"DESCRIBE {sql}").fetchall()]
                sql = chosen(described, sql, self.choices)
            self.db.execute(f"CREATE TABLE {quoted('contract ' + name)} AS {sql}")

    def tables(self) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
        """Yield each table of the contract, in its order."""
        for name in (name for name in TABLES if name in self.mapped.views):
            yield name, stream(self.db, f"FROM {quoted('contract ' + name)}")

    def counts(self) -> dict[str, int]:
        """Rows of each contract table."""
        return {
            name: self.db.execute(f"SELECT count(*) FROM {quoted('contract ' + name)}").fetchall()[0][0]
            for name in self.mapped.views
        }

    def notes(self) -> list[str]:
        """What a user should know of what was read."""
        mended = self.read_from.mended
        return [f"{mended:,} texts in columns of latin1 held UTF-8 and were read as that"] if mended else []

    def fingerprint(self) -> str:
        """A database has none: it is read each time."""
        return ""


def _widened(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Add the columns that the table does not have, as null."""
    for batch in batches:
        columns = [
            batch.column(field.name) if field.name in batch.schema.names else pa.nulls(batch.num_rows, field.type)
            for field in schema
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
