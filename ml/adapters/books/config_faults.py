"""What in the tables that the shop's staff edits has no effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ml.adapters.books.config import SCHEMA
from ml.adapters.lake import Lake
from ml.core.spec import ConfigTable


def faults(lake: Lake, ref: str, tables: Iterable[ConfigTable], shop: Iterable[str], kind: str = "clean") -> list[str]:
    """What in the staff's tables of a snapshot has no effect, row by row, in words.

    A row that names what the shop does not have (a pin of an unknown product), and one that breaks a check that came
    after it.

    Parameters
    ----------
    shop : iterable of str
        The contract tables of the snapshot.
    kind : str
        Which rows of the shop count: ``clean`` or ``raw``.

    Returns
    -------
    list of str
        ``ml_config.rule (id 7): product_id 'x' is not in shop.product``; empty: no fault.
    """
    known = set(lake.names("snapshot", ref, "config"))
    where = {name: lake.scan("snapshot", ref, kind, name) for name in shop}
    where |= {name: lake.scan("snapshot", ref, "config", name) for name in known}
    found: list[str] = []
    with lake.duckdb(threads=1, memory_gb=1) as db:
        for table in (t for t in tables if t.name in known):
            rows = db.read_parquet(where[table.name]).set_alias("mine")
            found += _broken(table, rows)
            for column in table.columns:
                other, _, name = column.references.partition(".")
                if other in where:
                    target = f"{SCHEMA if other in known else 'shop'}.{other}"
                    theirs = db.read_parquet(where[other]).set_alias("theirs")
                    found += _lost(table, column.name, rows, theirs, name, target)
    return found


def _broken(table: ConfigTable, rows: Any) -> Iterator[str]:
    for words, check in table.checks.items():
        for key in rows.filter(f"NOT coalesce(({check}), true)").select(_quoted(table.key)).fetchall():
            yield f"{_who(table, key)}: {words}"


def _lost(table: ConfigTable, column: str, rows: Any, theirs: Any, name: str, target: str) -> Iterator[str]:
    named = rows.filter(f'"{column}" IS NOT NULL').set_alias("mine")
    lost = named.join(theirs, f'mine."{column}" = theirs."{name}"', how="anti")
    for *key, value in lost.select(_quoted([*table.key, column])).fetchall():
        yield f"{_who(table, key)}: {column} {value!r} is not in {target}"


def _who(table: ConfigTable, key: Iterable[Any]) -> str:
    named = ", ".join(f"{name} {value}" for name, value in zip(table.key, key, strict=True))
    return f"{SCHEMA}.{table.name} ({named})"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
