"""Arrow batches into a Postgres table by binary COPY: one thread encodes while the server reads what it made before."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pgpq
import psycopg2
import psycopg2.extensions
import pyarrow as pa
from pgpq.encoders import StringEncoderBuilder
from pgpq.schema import Jsonb
from psycopg2 import sql

from ml.core.errors import ContractError, DataRefused, NightshiftError, StorageError, Unreachable
from ml.core.outages import mends

Connection = psycopg2.extensions.connection

_ARROW: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "character varying": pa.string(),
    "jsonb": pa.string(),
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "smallint": pa.int16(),
    "double precision": pa.float64(),
    "real": pa.float32(),
    "boolean": pa.bool_(),
    "timestamp with time zone": pa.timestamp("us", "UTC"),
    "timestamp without time zone": pa.timestamp("us"),
    "date": pa.date32(),
    "text[]": pa.list_(pa.string()),
    "integer[]": pa.list_(pa.int32()),
    "real[]": pa.list_(pa.float32()),
    "halfvec": pa.binary(),
}
"""Arrow type whose binary form Postgres reads into a column of each type."""

_BATCH_ROWS = 16_384
_QUEUE = 8


def copy_arrow(
    connection: Connection,
    schema: str,
    table: str,
    batches: Iterable[pa.RecordBatch],
    *,
    freeze: bool = False,
) -> int:
    """Append ``batches`` to ``schema.table`` in the connection's transaction.

    Columns go by name; types are cast to those of the table (dictionary and string views too). Not a number, infinity
    and nulls pass as they are.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        All with one schema, of which every column is in the table. Read in another thread.
    freeze : bool
        The table was created in this transaction: write rows that need no later vacuum, and that are visible to
        transactions whose snapshot is older (see ``publish``).

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    ContractError
        A column is not in the table or cannot be cast.
    DataRefused
        The server refuses a value (a NUL character in a text, a null where none may be, a duplicate key).
    """
    iterator = iter(batches)
    first = next(iterator, None)
    if first is None:
        return 0
    target = _target(connection, schema, table, first.schema)
    options = "FORMAT binary, FREEZE" if freeze else "FORMAT binary"
    statement = sql.SQL("COPY {}.{} ({}) FROM STDIN WITH ({})").format(
        sql.Identifier(schema),
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, target.names)),
        sql.SQL(options),
    )
    pipe: Any = _Pipe(_encoded(first, iterator, target))
    with connection.cursor() as cursor:
        try:
            cursor.copy_expert(statement, pipe, size=1 << 20)
        except psycopg2.Error as error:
            if pipe.error is not None:
                raise pipe.error from None
            raise _refusal(error, schema, table) from None
        finally:
            pipe.close()
        return int(cursor.rowcount)


class _Target:
    """The table's columns that the batches fill, and how their values are encoded."""

    def __init__(self, types: Mapping[str, str]) -> None:
        self.names = list(types)
        self.schema = pa.schema([(name, _ARROW[kind]) for name, kind in types.items()])
        fields = {name: self.schema.field(name) for name in types}
        self.encoders = {
            name: StringEncoderBuilder.new_with_output(fields[name], Jsonb())
            if kind == "jsonb"
            else pgpq.ArrowToPostgresBinaryEncoder.infer_encoder(fields[name])
            for name, kind in types.items()
        }

    def fit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.schema.types == self.schema.types and batch.schema.names == self.names:
            return batch
        columns = []
        for field in self.schema:
            column = batch.column(field.name)
            if pa.types.is_list(column.type) and pa.types.is_binary(field.type):
                column = halfvec(column)
            # Finer than a microsecond is cut off, not an error; numbers must fit.
            safe = not pa.types.is_timestamp(field.type)
            try:
                columns.append(column if column.type == field.type else column.cast(field.type, safe=safe))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise ContractError(
                    f"Column {field.name} does not fit its table.",
                    came=f"{column.type}: {error}",
                    do=f"give values that fit {field.type}",
                ) from None
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def halfvec(vectors: pa.ListArray) -> pa.BinaryArray:
    """Lists of float32 as pgvector's binary form: number of dimensions, two empty bytes, float16 each, big-endian.

    Examples
    --------
    >>> halfvec(pa.array([[1.0], None], pa.list_(pa.float32())))[0].as_py().hex()
    '000100003c00'
    """
    rows: list[bytes | None] = [None] * len(vectors)
    ends = vectors.offsets.to_numpy()
    values = vectors.values.to_numpy(zero_copy_only=False).astype(">f2").tobytes()
    for row in np.flatnonzero(vectors.is_valid().to_numpy(zero_copy_only=False)):
        start, end = int(ends[row]), int(ends[row + 1])
        rows[row] = (end - start).to_bytes(2, "big") + b"\0\0" + values[2 * start : 2 * end]
    return pa.array(rows, pa.binary())


def _target(connection: Connection, schema: str, table: str, given: pa.Schema) -> _Target:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT attname, regexp_replace(format_type(atttypid, NULL), '[(].*|^public[.]', '')
            FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
            """,
            (f'"{schema}"."{table}"',),
        )
        known = dict(cursor.fetchall())
    wrong = [f"{name} (not in the table)" for name in given.names if name not in known]
    wrong += [f"{n} (type {known[n]})" for n in given.names if n in known and known[n] not in _ARROW]
    if wrong or not known:
        raise ContractError(
            f"These columns cannot be loaded into {schema}.{table}.",
            came=", ".join(wrong) or "there is no such table",
            do="the table has " + ", ".join(f"{name} {kind}" for name, kind in known.items()) if known else "create it",
        )
    return _Target({name: known[name] for name in given.names})


def _encoded(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch], target: _Target) -> Iterator[bytes]:
    encoder = pgpq.ArrowToPostgresBinaryEncoder.new_with_encoders(target.schema, target.encoders)
    yield encoder.write_header()
    batch: pa.RecordBatch | None = first
    while batch is not None:
        for start in range(0, batch.num_rows, _BATCH_ROWS):
            yield encoder.write_batch(target.fit(batch.slice(start, _BATCH_ROWS)))
        batch = next(rest, None)
    yield encoder.finish()


class _Pipe:
    """What ``copy_expert`` reads: a bounded queue that a thread fills. pgpq and libpq both work without the GIL."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.error: BaseException | None = None
        self._queue: queue.Queue[bytes] = queue.Queue(_QUEUE)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._fill, args=(chunks,), name="copy-encode", daemon=True)
        self._thread.start()

    def _fill(self, chunks: Iterator[bytes]) -> None:
        try:
            for chunk in chunks:
                if not chunk:
                    continue  # an empty read would mean the end
                self._put(chunk)
                if self._closed.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the reading thread
            self.error = error
        self._put(b"")

    def _put(self, chunk: bytes) -> None:
        while not self._closed.is_set():
            with suppress(queue.Full):
                self._queue.put(chunk, timeout=0.1)
                return

    def read(self, _size: int) -> bytes:
        """Next chunk, of any size: psycopg2 passes on what it gets."""
        chunk = self._queue.get()
        if not chunk and self.error is not None:
            raise self.error
        return chunk

    def close(self) -> None:
        self._closed.set()
        self._thread.join()


def _refusal(error: psycopg2.Error, schema: str, table: str) -> NightshiftError:
    """What the server says of a value, with row and column from its context ("COPY t, line 5, column x")."""
    diagnosis = error.diag
    place = re.search(r"line (\d+)(?:, column (\S+))?", diagnosis.context or "")
    where = f"row {place[1]}" + (f", column {place[2]}" if place[2] else "") if place else ""
    column: Any = diagnosis.column_name
    where += f", column {column}" if column and "column" not in where else ""
    message = (diagnosis.message_primary or str(error)).strip()
    came = ": ".join(part for part in (where.lstrip(", "), message) if part)
    if isinstance(error, psycopg2.errors.CharacterNotInRepertoire):
        return DataRefused(
            f"Text for {schema}.{table} holds a NUL character, which Postgres cannot store.",
            came=came,
            do="replace NUL characters where the text is read",
        )
    if isinstance(error, psycopg2.IntegrityError | psycopg2.DataError):
        return DataRefused(
            f"{schema}.{table} refuses a row.",
            came=f"{came} ({diagnosis.message_detail})" if diagnosis.message_detail else came,
            do="mend what makes the rows; nothing of this load was written",
        )
    kind = (
        StorageError
        if isinstance(error, psycopg2.errors.DiskFull)
        else Unreachable
        if mends(error)
        else NightshiftError
    )
    return kind(f"Loading {schema}.{table} failed.", came=came, do="see the server's log")
