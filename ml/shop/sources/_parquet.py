"""Reading Parquet so that a damaged file, or a column of a type that means something else, is told in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet, types

from ml.core.spec import Kind
from ml.shop.sources._csv import BATCH_ROWS
from ml.shop.sources._formats import Unreadable, format_of, reading

SMALLEST = 12
"""Bytes of a Parquet file without a footer: its mark twice, and the footer's length."""

DAMAGED = "is damaged or cut off"


def names_and_types(path: Path) -> dict[str, pa.DataType]:
    """Read the columns from the footer; a name that stands there twice is refused.

    Raises
    ------
    Unreadable
        The file is no Parquet, or its footer is damaged.
    """
    schema = _opened(path).schema_arrow
    names = [name.strip() for name in schema.names]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Unreadable(f"has the column {', '.join(twice)} twice; keep one")
    return dict(zip(names, (_plain(kind) for kind in schema.types), strict=True))


def rows(path: Path) -> Iterator[pa.RecordBatch]:
    """Read all rows, with the pages' checksums where the writer made them; bytes are text only if they are UTF-8.

    Raises
    ------
    Unreadable
        A page is damaged, or there are not as many rows as the footer says.
    """
    file = _opened(path)
    n_read = 0
    try:
        with reading():
            for batch in file.iter_batches(BATCH_ROWS):
                checked = _checked(batch, n_read)
                n_read += batch.num_rows
                yield checked
    except (pa.ArrowException, ValueError, OverflowError, MemoryError) as error:
        raise Unreadable(f"{DAMAGED} after row {n_read:,} ({_short(error)}); copy or export it again") from None
    if n_read != file.metadata.num_rows:
        raise Unreadable(
            f"{DAMAGED}: {n_read:,} rows, but its footer names {file.metadata.num_rows:,}; export it again"
        )


def accepted(kind: Kind, came: pa.DataType) -> bool:
    """Whether a column of this type can hold values of the contract's kind."""
    if types.is_null(came) or types.is_string(came) or types.is_large_string(came):
        return True
    whole, decimal = types.is_integer(came), types.is_decimal(came)
    if kind == "text":
        return bool(whole or types.is_date(came) or types.is_boolean(came) or isinstance(came, pa.UuidType))
    if kind == "timestamp":
        return bool(types.is_timestamp(came) or types.is_date(came))
    if kind == "boolean":
        return bool(types.is_boolean(came) or whole)
    return bool(whole or decimal or types.is_floating(came))


def _opened(path: Path) -> parquet.ParquetFile:
    with reading():
        size, came = path.stat().st_size, format_of(path)
    if came == "encrypted Parquet":
        raise Unreadable("is encrypted; write it without encryption")
    if came != "Parquet":
        kind = came or ("text" if size else "empty")
        do = f"rename it {path.stem}.csv, or export it again" if kind == "text" else "export it again"
        raise Unreadable(f"is named .parquet but is {kind}; {do}")
    try:
        with reading():
            return parquet.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, ValueError, OverflowError, MemoryError) as error:
        raise Unreadable(f"{DAMAGED} ({_short(error)}); copy or export it again") from None


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type of the values, whatever they are packed in."""
    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    if types.is_timestamp(kind) and kind.unit in ("s", "ms"):
        return pa.timestamp("us", kind.tz)
    text = (
        types.is_binary(kind) or types.is_large_binary(kind) or types.is_string_view(kind) or types.is_binary_view(kind)
    )
    return pa.string() if text else kind


def _checked(batch: pa.RecordBatch, n_read: int) -> pa.RecordBatch:
    """Unpack dictionaries and bytes; Arrow itself does not look whether text is UTF-8."""
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            plain = column if _plain(column.type) == column.type else column.cast(_plain(column.type))
            plain.validate(full=True)
        except pa.ArrowInvalid as error:
            rows = f"rows {n_read + 1:,} to {n_read + batch.num_rows:,}"
            raise Unreadable(f"column {name.strip()} holds a value in {rows} that is none ({_short(error)})") from None
        columns.append(plain)
    return pa.RecordBatch.from_arrays(columns, [name.strip() for name in batch.schema.names])


def _short(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:160] or type(error).__name__
