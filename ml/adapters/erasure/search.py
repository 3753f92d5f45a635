"""Look for customers everywhere: the proof of an erasure. Nothing is changed here."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from psycopg2 import sql
from psycopg2.extras import RealDictCursor

from ml.adapters import postgres
from ml.adapters.erasure.database import tables
from ml.adapters.erasure.needles import Needles
from ml.adapters.erasure.ownership import OTHER, WHO
from ml.adapters.erasure.traces import Traces
from ml.adapters.lake import Lake

SCHEMAS = ("ml_batch", "ml_ops")
EXEMPT = {("ml_ops", "erasure")}
"""The receipts: they hold the keyed hash, by which a customer is left out."""


@dataclass(frozen=True)
class Hit:
    """A place where something of a customer stands, and how often; never the value itself."""

    place: str
    count: int


@dataclass(frozen=True)
class Search:
    """What to look for: ``ids`` by column, as whole values; and words anywhere."""

    traces: Traces
    needles: Needles
    staff: Collection[str] = ()
    """Names of the tables that the shop's staff writes; their copies in the lake are the staff's."""

    def lake(self, lake: Lake) -> Iterator[Hit]:
        """Every file below the lake's root, also what a killed process left; an erasure's own plan is gone when it ends."""
        for path in lake.walk():
            parts = path.removesuffix(".parquet").split("/")
            if parts[-1] in self.staff or parts[-2] in self.staff or path.startswith(lake.join("erasure") + "/"):
                continue
            with lake.open(path) as file:
                found = self.content(file.read(), path)
            if found:
                yield Hit(path.removeprefix(lake.uri).lstrip("/"), found)

    def folder(self, folder: Path) -> Iterator[Hit]:
        """Every file below a folder of this machine, or the one file."""
        for path in [folder] if folder.is_file() else sorted(folder.rglob("*")) if folder.is_dir() else []:
            if path.is_file() and not path.is_symlink():
                with suppress(FileNotFoundError):  # a log that was turned over just now
                    if found := self.content(path.read_bytes(), path.name):
                        yield Hit(str(path), found)

    def content(self, content: bytes, name: str) -> int:
        """How often something stands in a file: Parquet decoded, archives unpacked, everything else as it is."""
        if content[:4] == b"PAR1":
            with suppress(pa.ArrowException):
                return self._parquet(content)
        if content[:2] == b"PK":
            with suppress(zipfile.BadZipFile, zlib.error), zipfile.ZipFile(io.BytesIO(content)) as archive:
                return sum(self.content(archive.read(member), member) for member in archive.namelist())
        if content[:2] == b"\x1f\x8b":
            with suppress(zlib.error, EOFError):
                return self.content(zlib.decompress(content, wbits=31), name.removesuffix(".gz"))
        if content[:6] == b"\x93NUMPY":
            with suppress(ValueError):
                return self._array(np.load(io.BytesIO(content), allow_pickle=False))
        return self.text(content)

    def text(self, content: bytes) -> int:
        """How often a word stands in bytes, a line at a time."""
        lines = pa.array(content.split(b"\n"), pa.large_binary())
        suspicious = lines.filter(self.needles.maybe(lines))
        return sum(len(self.needles.find(line.decode("utf-8", "replace"))) for line in suspicious.to_pylist())

    def _array(self, array: npt.NDArray[Any]) -> int:
        if array.dtype.kind in "US":
            return self.text("\n".join(map(str, array.ravel().tolist())).encode())
        content: bytes = array.tobytes()
        return self.text(content) if array.dtype.itemsize == 1 else 0

    def _parquet(self, content: bytes) -> int:
        found = 0
        with pq.ParquetFile(io.BytesIO(content)) as parquet:
            for number in range(parquet.num_row_groups):
                part = parquet.read_row_group(number)
                found += sum(self.column(name, part[name]) for name in part.column_names)
        return found

    def column(self, name: str, values: pa.ChunkedArray) -> int:
        """How often one stands in a column: an id in the column of its name, a text or word in any."""
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
            return 0
        counts = pc.value_counts(values.drop_null())
        distinct, times = counts.field("values"), counts.field("counts")
        ids_of = WHO if name == OTHER else name
        whole = pa.array([*self.traces.ids.get(ids_of, ()), *self.traces.texts], pa.string())
        ids = pc.is_in(distinct, whole.cast(distinct.type))
        found: int = pc.sum(times.filter(ids)).as_py() or 0
        rest, times = distinct.filter(pc.invert(ids)), times.filter(pc.invert(ids))
        maybe = self.needles.maybe(rest)
        texts = zip(rest.filter(maybe).to_pylist(), times.filter(maybe).to_pylist(), strict=True)
        found += sum(len(self.needles.find(text)) * int(many) for text, many in texts)
        return found

    def database(self, url: str, schemas: Collection[str] = SCHEMAS) -> Iterator[Hit]:
        """Every column of every table of the schemas."""
        with (
            closing(postgres.connect(url, readonly=True)) as connection,
            connection.cursor(cursor_factory=RealDictCursor) as cursor,
        ):
            for schema in schemas:
                for table, columns in tables(cursor, schema).items():
                    if (schema, table) in EXEMPT:
                        continue
                    found = self._copied(connection, sql.Identifier(schema, table))
                    found += self._named(cursor, sql.Identifier(schema, table), columns)
                    if found:
                        yield Hit(f"{schema}.{table}", found)

    def _copied(self, connection: Any, table: sql.Identifier) -> int:
        """Words in a table as COPY gives it: all columns as text."""
        counted = _Counting(self.text)
        with connection.cursor() as cursor:
            cursor.copy_expert(sql.SQL("COPY {} TO STDOUT").format(table), counted)
        return counted.end()

    def _named(self, cursor: Any, table: sql.Identifier, columns: Collection[str]) -> int:
        """Ids in the columns of their names that are no word by themselves ('12680')."""
        found = 0
        for column in (name for name in self.traces.ids if name in columns):
            ids = [value for value in self.traces.ids[column] if value not in self.needles.words]
            if ids:
                statement = sql.SQL("SELECT count(*) AS n FROM {} WHERE {}::text = ANY(%s)")
                cursor.execute(statement.format(table, sql.Identifier(column)), (ids,))
                found += int(cursor.fetchone()["n"])
        return found


class _Counting:
    """A file that COPY writes to; whole lines are looked through as they come."""

    def __init__(self, look: Callable[[bytes], int]) -> None:
        self._look, self._rest, self._found = look, [b""], 0

    def write(self, data: bytes) -> int:
        head, end, tail = data.rpartition(b"\n")
        if end and sum(map(len, self._rest)) > 2**20:
            self._found += self._look(b"".join([*self._rest, head]))
            self._rest = [tail]
        else:
            self._rest.append(data)
        return len(data)

    def end(self) -> int:
        """Look through the last lines too; how many there are."""
        self._found += self._look(b"".join(self._rest))
        self._rest = []
        return self._found
