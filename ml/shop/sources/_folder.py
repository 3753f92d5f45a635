"""Which file of a folder holds which table, and what to say of every other."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ml.contract.tables import TABLES
from ml.core.errors import NightshiftError
from ml.shop.sources._faults import Faults
from ml.shop.sources._formats import SAVE_AS

TEXT = (".csv", ".tsv", ".tab", ".txt")
ENDINGS = (*TEXT, *(f"{ending}.gz" for ending in TEXT), ".parquet")

OTHERS = {
    **dict.fromkeys((".json", ".jsonl", ".ndjson", ".xml", ".yaml", ".yml", ".html"), SAVE_AS),
    **dict.fromkeys(
        (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers"),
        "save each sheet as CSV in UTF-8, named after its table",
    ),
    **dict.fromkeys(
        (".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz", ".zst", ".lz4", ".br"),
        "unpack it here (only gzip is read as it is)",
    ),
    **dict.fromkeys(
        (
            ".avro",
            ".orc",
            ".feather",
            ".arrow",
            ".ipc",
            ".pickle",
            ".pkl",
            ".db",
            ".sqlite",
            ".duckdb",
            ".sql",
            ".dump",
            ".dat",
        ),
        SAVE_AS,
    ),
    ".pq": "rename it to .parquet",
    ".gz": "unpack it here and save it as CSV (.csv or .csv.gz)",
}
"""Ending of a file that holds data in another format -> what to do."""


SHOPIFY = "is an export of Shopify's orders: ./nightshift shop load shopify --data FILE reads it"


@dataclass
class Found:
    """The file of each table in the contract's order, and the names of what is no data and is not read."""

    files: dict[str, Path] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


def look(folder: Path, faults: Faults) -> Found:
    """Give every entry of the folder a meaning: a table's file, a fault, or unread."""
    if not folder.is_dir():
        what = "This is a file, not the folder of a shop's files." if folder.is_file() else "There is no such folder."
        raise NightshiftError(what, came=str(folder), do="name the folder in which the table files lie")
    found = Found()
    for path in sorted(folder.iterdir()):
        _place(path, found, faults)
    for table in TABLES.values():
        if table.required and table.name not in found.files:
            faults.add("", f"no file for the required table {table.name}")
    found.files = {name: found.files[name] for name in TABLES if name in found.files}
    return found


def _place(path: Path, found: Found, faults: Faults) -> None:
    lowered = path.name.lower()
    ending = next((e for e in sorted(ENDINGS, key=len, reverse=True) if lowered.endswith(e)), "")
    name = lowered.removesuffix(ending) if ending else lowered.split(".", 1)[0]
    if path.name.startswith((".", "~$", "_")) or (path.is_dir() and name not in TABLES):
        found.unread.append(path.name + "/" * path.is_dir())
    elif path.is_dir():
        faults.add(path.name, f"is a folder; one file per table is read: {name}.csv, {name}.csv.gz or {name}.parquet")
    elif not path.is_file():
        faults.add(path.name, "is no file that can be read (a broken link?)")
    elif not ending:
        _other(path, name, found, faults)
    elif name in found.files:
        faults.add(path.name, f"there is {found.files[name].name} too; keep one")
    elif name in TABLES:
        found.files[name] = path
    elif name.startswith("orders_export"):
        faults.add(path.name, SHOPIFY)
    elif ending.startswith(".txt") and not close(name, TABLES):
        found.unread.append(path.name)
    else:
        faults.add(path.name, f"the contract has no table {name}{close(name, TABLES)}")


def _other(path: Path, name: str, found: Found, faults: Faults) -> None:
    """A file of another ending: data in another format is a fault, a page of words is not."""
    do = OTHERS.get(path.suffix.lower())
    if do or name in TABLES:
        faults.add(path.name, f"a file of this ending is not read: {do or SAVE_AS}")
    else:
        found.unread.append(path.name)


def close(name: str, names: Iterable[str]) -> str:
    """Say the name that may have been meant."""
    near = difflib.get_close_matches(name, list(names), 1)
    return f"; do you mean {near[0]}?" if near else ""
