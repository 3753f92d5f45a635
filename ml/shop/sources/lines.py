"""Any flat file of order lines: a row per line of an order, whatever its columns are called.

A mapping says which column is what. ``./nightshift shop load lines --data FOLDER`` proposes one, shows what comes of it and
writes it to keep. Several files are parts of one export and have the same columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

import duckdb
import pyarrow as pa

from ml.core.errors import ContractError, NightshiftError
from ml.shop.ddl import literal, quoted
from ml.shop.sources import _csv, _mapping, _platform
from ml.shop.sources._exports import ENDINGS
from ml.shop.sources._faults import Faults
from ml.shop.sources._files import blocks, create_table, database
from ml.shop.sources._formats import Unreadable
from ml.shop.sources._layout import layout
from ml.shop.sources._mapping import ISO, LineMapping, number
from ml.shop.sources._moments import written
from ml.shop.sources.tables import known_zone

_TEXTS = (
    "order_id",
    "customer_id",
    "email",
    "product_id",
    "sku",
    "title",
    "currency",
    "country",
    "category",
    "brand",
    "channel",
)
_NUMBERS = ("quantity", "unit_price", "line_total", "total", "shipping")


def tables(
    data: Path, mapping: Path | None = None, timezone: str = "UTC", remarks: list[str] | None = None
) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Read the files by a mapping that was kept.

    Raises
    ------
    NightshiftError
        There is no mapping, or it does not fit the files.
    """
    if mapping is None:
        raise NightshiftError(
            "Which column is what is not said.",
            came="no mapping",
            do=f"./nightshift shop load lines --data {data} proposes one; then give it with --mapping",
        )
    with opened(data, timezone) as (db, header):
        yield from read(db, _mapping.read(mapping, header), data, remarks if remarks is not None else [])


@contextmanager
def opened(data: Path, timezone: str = "UTC") -> Iterator[tuple[duckdb.DuckDBPyConnection, list[str]]]:
    """Open the files as table ``raw`` of a DuckDB, with the names of their columns."""
    known_zone(timezone)
    with database() as db:
        db.execute(f"SET TimeZone = '{timezone}'")
        yield db, _raw(db, Path(data))


def read(
    db: duckdb.DuckDBPyConnection, mapping: LineMapping, data: Path, remarks: list[str]
) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Read table ``raw`` by a mapping into the contract's tables."""
    _parse(db, mapping, data)
    own = blocks(Path(__file__).with_suffix(".sql"))
    notes, returned = db.execute(own["credit notes"]).fetchall()[0]
    if notes:
        remarks.append(
            f"{notes:,} orders have no line of a positive quantity ({returned:,} lines): taken as credit notes, they are no orders"
        )
    _platform.stage(db, [own], remarks, data)
    yield from _platform.staged(db)


def _raw(db: duckdb.DuckDBPyConnection, data: Path) -> list[str]:
    faults = Faults(
        "These are no order lines that can be read.", "give CSV files with the same header, a row per line of an order"
    )
    paths = (
        [data]
        if data.is_file()
        else sorted(
            p for p in data.iterdir() if p.name.lower().endswith(ENDINGS) and not p.name.startswith((".", "_", "~"))
        )
    )
    if not paths:
        raise ContractError(
            "There are no order lines.", came=f"{data} holds no CSV file", do="name the file or its folder"
        )
    header: tuple[str, ...] = ()
    batches: list[tuple[str, pa.RecordBatch]] = []
    for path in paths:
        try:
            form = layout(path)
            if "" in form.names or len(set(form.names)) != len(form.names) or len(form.names) < 3:
                faults.add(
                    path.name,
                    f"its header has too few columns, one without a name, or a name twice: {', '.join(form.names)[:120]}",
                )
                continue
            if header and form.names != header:
                faults.add(path.name, f"has other columns than {paths[0].name}; a mapping is of one kind of file")
                continue
            header = form.names
            batches += [(path.name, found.batch) for found in _csv.rows(path, form, _fault(faults, path))]
        except Unreadable as error:
            faults.add(path.name, str(error))
    faults.check(data)
    if not batches:
        raise ContractError("There are no order lines.", came=f"{paths[0].name} holds no row", do="export it again")
    at = list(accumulate((batch.num_rows for _, batch in batches), initial=0))
    create_table(db, "raw", (_placed(batch, name, start) for (name, batch), start in zip(batches, at, strict=False)))
    return list(header)


def _fault(faults: Faults, path: Path) -> _csv.OnFault:
    return lambda problem, line, text: faults.add(path.name, problem, where=f"line {line}", came=text)


def _placed(batch: pa.RecordBatch, name: str, at: int) -> pa.RecordBatch:
    """Put a row's number and file before its columns; no file has columns of these names."""
    numbers = pa.array(range(at, at + batch.num_rows), pa.int64())
    return pa.RecordBatch.from_arrays(
        [numbers, pa.array([name] * batch.num_rows, pa.string()), *batch.columns],
        ["nightshift n", "nightshift file", *batch.schema.names],
    )


def _parse(db: duckdb.DuckDBPyConnection, mapping: LineMapping, data: Path) -> None:
    """Make table ``flat`` of the roles; what cannot be read is a fault with its order."""
    columns = mapping.columns
    terms = {role: f"nullif(trim({quoted(columns[role])}), '')" for role in (*_TEXTS, "status") if role in columns}
    terms |= {role: number(columns[role], mapping.decimal) for role in _NUMBERS if role in columns}
    value = f"trim({quoted(columns['ordered_at'])})"
    iso = blocks(Path(__file__).with_name("tables.sql"))["timestamp"].replace("$value", value)
    terms["ordered_at"] = iso if mapping.time == ISO else written(value, mapping.time.replace("'", "''"))
    if "status" in terms:
        terms["status"] = _status(terms["status"], mapping.status)
    kinds = {**dict.fromkeys(_NUMBERS, "DOUBLE"), "ordered_at": "TIMESTAMPTZ"}
    roles = (*_TEXTS, "status", *_NUMBERS, "ordered_at")
    shown = ", ".join(f"{terms.get(role, 'NULL')}::{kinds.get(role, 'VARCHAR')} AS {role}" for role in roles)
    try:
        db.execute(f'CREATE TABLE flat AS SELECT "nightshift n" AS n, "nightshift file" AS file, {shown} FROM raw')  # noqa: S608  # quoted names
    except duckdb.Error:
        raise NightshiftError(
            "The mapping's way of writing a time is not known.",
            came=repr(mapping.time),
            do="write it as %d.%m.%Y %H:%M",
        ) from None
    if "quantity" not in columns:
        db.execute("UPDATE flat SET quantity = 1")
    faults = Faults("The files do not fit their mapping.", "correct the mapping (time, decimal, columns) or the files")
    for role in (*_NUMBERS, "ordered_at"):
        if role not in columns:
            continue
        name = quoted(columns[role])
        unread = f"""
            SELECT f.file, f.order_id, r.{name} FROM flat f JOIN raw r ON r."nightshift n" = f.n
            WHERE trim(r.{name}) <> '' AND f.{role} IS NULL ORDER BY f.n
        """  # noqa: S608  # quoted names
        for file, order, came in db.execute(unread).fetchall():
            faults.add(
                file,
                "expected a time" if role == "ordered_at" else "expected a number",
                column=columns[role],
                where=f"order {order}",
                came=came,
            )
    faults.check(data)


def _status(term: str, words: Mapping[str, str]) -> str:
    cases = " ".join(f"WHEN {literal(word)} THEN {literal(meaning)}" for word, meaning in words.items() if meaning)
    return f"CASE {term} {cases} ELSE {term} END" if cases else term
