"""Exports of shops as hypothesis strategies: whole ones in every writing that is allowed, and broken ones."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st
from pyarrow import parquet

from bench._export_cells import BAD, GOOD, IDS
from bench._harm import HARM
from bench._plain_reader import value as read_value
from ml.contract.table import Column, Table
from ml.contract.tables import TABLES

REQUIRED = tuple(table for table in TABLES.values() if table.required)
OTHERS = tuple(TABLES[name] for name in ("review", "payment", "stock", "event", "erasure"))


@dataclass
class Export:
    """The files of a folder. ``rows`` is how many rows each table was written with, ``columns`` what Parquet files hold."""

    files: dict[str, bytes] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    parquet: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    """What was done to it beyond the allowed writings."""
    hopeless: bool = False
    """A Parquet column means nothing to the contract: it must be refused."""


@st.composite
def exports(draw: st.DrawFn) -> Export:
    """A folder of files; half of them broken in one or two ways."""
    export = Export()
    tables = [*REQUIRED, *draw(st.lists(st.sampled_from(OTHERS), max_size=2, unique=True))]
    harm = draw(st.sampled_from([None, None, None, "value", "bytes", "bytes", "bytes", "name", "type", "header"]))
    victim = draw(st.sampled_from(tables)).name if harm else ""
    for table in tables:
        way = harm if table.name == victim else None
        if way == "type" or (way != "header" and draw(st.integers(0, 5)) == 0):
            _parquet_file(draw, export, table, way)
        else:
            _text_file(draw, export, table, way)
    if harm == "name":
        _renamed(draw, export, victim)
    if draw(st.integers(0, 4)) == 0:
        export.files[draw(st.sampled_from(["README.md", ".DS_Store", "_SUCCESS", "notes.txt"]))] = b"words"
    return export


def _columns(draw: st.DrawFn, table: Table) -> list[Column]:
    columns = [c for c in table.columns if c.required or draw(st.booleans())]
    return draw(st.permutations(columns))


def _cells(draw: st.DrawFn, table: Table, columns: list[Column]) -> list[list[str]]:
    """Rows as they are written; keys are identifiers, so that a line of a text is none of them."""
    rows = draw(st.integers(1, 5))

    def cell(column: Column) -> str:
        if column.name in table.key and column.kind == "text":
            return draw(IDS)
        if not column.required and draw(st.integers(0, 3)) == 0:
            return draw(st.sampled_from(["", "", " "])) if column.kind != "text" else ""
        return draw(IDS if column.references or (column.required and column.kind == "text") else GOOD[column.kind])

    return [[cell(column) for column in columns] for _ in range(rows)]


def _text_file(draw: st.DrawFn, export: Export, table: Table, harm: str | None) -> None:
    columns = _columns(draw, table)
    cells = _cells(draw, table, columns)
    if harm == "value" and (spots := [n for n, c in enumerate(columns) if c.kind in BAD]):
        spot = draw(st.sampled_from(spots))
        cells[draw(st.integers(0, len(cells) - 1))][spot] = draw(BAD[columns[spot].kind])
        export.broken.append("value")
    names = [column.name for column in columns]
    if harm == "header":
        names, cells = _bad_header(draw, names, cells)
        export.broken.append("header")
    text = _written(draw, names, cells)
    data = (b"\xef\xbb\xbf" if draw(st.booleans()) else b"") + text.encode()
    ending = draw(st.sampled_from([".csv", ".csv", ".csv", ".CSV", ".tsv", ".txt", ".tab"]))
    export.rows[table.name] = len(cells)
    if harm == "bytes":
        data = _harmed(draw, data, export)
    if draw(st.integers(0, 4)) == 0:
        data, ending = gzip.compress(data, mtime=0), ending + ".gz"
        if harm == "bytes" and draw(st.booleans()):
            data = _damaged(draw, data)
            export.broken.append("gzip")
    export.files[table.name + ending] = data


def _written(draw: st.DrawFn, names: list[str], cells: list[list[str]]) -> str:
    mark = draw(st.sampled_from(",,,;\t|"))
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    if end == "\r" and any("\n" in cell for row in cells for cell in row):
        end = "\n"
    buffer = io.StringIO(newline="")
    quoting: Any = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    writer = csv.writer(buffer, delimiter=mark, lineterminator=end, quoting=quoting)
    if draw(st.integers(0, 6)) == 0:
        buffer.write(f"sep={mark}{end}")
    writer.writerow([name + " " * draw(st.integers(0, 1)) for name in names])
    for row in cells:
        if draw(st.integers(0, 9)) == 0:
            buffer.write(end)
        writer.writerow(row)
    text = buffer.getvalue()
    return text if draw(st.booleans()) else text.removesuffix(end)


def _bad_header(draw: st.DrawFn, names: list[str], cells: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    spot = draw(st.integers(0, len(names) - 1))
    ways = {
        "unknown": ([*names, "colour"], [[*row, "red"] for row in cells]),
        "twice": ([*names, names[spot]], [[*row, row[spot]] for row in cells]),
        "gone": (names[:spot] + names[spot + 1 :], [row[:spot] + row[spot + 1 :] for row in cells]),
        "blanks": ([" " * (n > 0) + name for n, name in enumerate(names)], cells),
        "case": ([name.upper() for name in names], cells),
        "none": (cells[0], cells[1:]),
        "empty": ([*names, ""], [[*row, ""] for row in cells]),
    }
    return ways[draw(st.sampled_from(sorted(ways)))]


def _harmed(draw: st.DrawFn, data: bytes, export: Export) -> bytes:
    """Break a file of text once or twice."""
    for _ in range(draw(st.integers(1, 2))):
        way = draw(st.sampled_from(sorted(HARM)))
        data = HARM[way](data, draw(st.integers(0, max(0, len(data) - 1))))
        export.broken.append(way)
    return data


def _damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut off, or one bit turned."""
    spot = draw(st.integers(0, len(data) - 1))
    if draw(st.booleans()):
        return data[:spot]
    return data[:spot] + bytes([data[spot] ^ 1 << draw(st.integers(0, 7))]) + data[spot + 1 :]


def _parquet_file(draw: st.DrawFn, export: Export, table: Table, harm: str | None) -> None:
    columns = _columns(draw, table)
    cells = _cells(draw, table, columns)
    values = [[read_value(cell, c.kind, "UTC") for c, cell in zip(columns, row, strict=True)] for row in cells]
    arrays = [_array(draw, c, [row[n] for row in values]) for n, c in enumerate(columns)]
    if harm == "type":
        spot = draw(st.integers(0, len(columns) - 1))
        arrays[spot] = draw(st.sampled_from(_others(len(cells))))
        export.broken.append(f"type {arrays[spot].type} of {columns[spot].name}")
        meant = _meant(columns[spot].kind, arrays[spot])
        export.hopeless = meant is None
        for row, meaning in zip(values, meant or [], strict=False):
            row[spot] = meaning
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(arrays, [c.name for c in columns]), buffer, write_page_checksum=True)
    data = buffer.getvalue()
    if harm == "bytes":
        data = _damaged(draw, data)
        export.broken.append("Parquet")
    export.files[f"{table.name}.parquet"] = data
    export.rows[table.name] = len(cells)
    export.parquet[table.name] = [dict(zip([c.name for c in columns], row, strict=True)) for row in values]


def _others(rows: int) -> list[pa.Array]:
    """Columns of types that most columns are not."""
    return [
        pa.array([["a"]] * rows),
        pa.array([{"a": 1}] * rows),
        pa.array([1.5] * rows),
        pa.array([float("nan")] * rows),
        pa.array([10**18 + n for n in range(rows)]),
        pa.array([10**12] * rows, pa.timestamp("s")),
        pa.array([b"\xff\xfe"] * rows),
        pa.array([7] * rows, pa.duration("s")),
        pa.array([1] * rows, pa.time32("s")),
        pa.nulls(rows),
    ]


def _meant(kind: str, array: pa.Array) -> list[object] | None:
    """What such a column means to the contract; None: nothing."""
    if pa.types.is_null(array.type):
        return [None] * len(array)
    if pa.types.is_int64(array.type) and kind in ("text", "integer", "number"):
        return [{"text": str, "integer": int, "number": float}[kind](n) for n in array.to_pylist()]
    if array.type == pa.float64() and kind == "number" and array[0].as_py() == 1.5:
        return list(array.to_pylist())
    return None


def _array(draw: st.DrawFn, column: Column, values: list[Any]) -> pa.Array:
    """The values in one of the types that a writer may choose."""
    kinds: dict[str, list[pa.DataType]] = {
        "text": [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())],
        "integer": [pa.int64(), pa.decimal128(38, 0), pa.string()],
        "number": [pa.float64(), pa.string()],
        "boolean": [pa.bool_(), pa.int8()],
        "timestamp": [pa.timestamp("us", "UTC"), pa.timestamp("us"), pa.timestamp("us", "Asia/Kolkata")],
    }
    kind = draw(st.sampled_from(kinds[column.kind]))
    if pa.types.is_timestamp(kind) and kind.tz is None:
        values = [value and value.replace(tzinfo=None) for value in values]
    if pa.types.is_string(kind) and column.kind != "text":
        values = [None if value is None else repr(value) for value in values]
    if pa.types.is_binary(kind):
        values = [None if value is None else value.encode() for value in values]
    if pa.types.is_int8(kind):
        values = [None if value is None else int(value) for value in values]
    return pa.array(values, kind)


def _renamed(draw: st.DrawFn, export: Export, victim: str) -> None:
    """Give a table's file a name of another format, another table's or nobody's; or lose it."""
    name = next(n for n in export.files if n.split(".")[0] == victim)
    ending = draw(
        st.sampled_from(
            [".json", ".xlsx", ".zip", ".gz", ".parquet", ".csv.gz", "s.csv", ".old.csv", ".csv.bz2", "", "gone"]
        )
    )
    data = export.files.pop(name)
    export.broken.append(f"{name} is now {victim}{ending}")
    if ending != "gone":
        export.files[victim + ending] = data
