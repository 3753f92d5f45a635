"""Ibis on Spark with DuckDB's meaning of each expression, over the lake's Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ibis
import ibis.expr.operations as ops
import pyarrow as pa
import sqlglot.expressions as sge
from ibis.backends.pyspark import Backend
from ibis.backends.pyspark.datatypes import PySparkSchema
from ibis.backends.sql.compilers.pyspark import PySparkCompiler


class Compiler(PySparkCompiler):  # type: ignore[misc]
    """SQL of Spark that gives what DuckDB gives where the two differ."""

    __slots__ = ()

    def visit_ExtractEpochSeconds(self, op: Any, *, arg: Any) -> Any:  # noqa: ARG002, N802  # ibis' name
        """With the fraction of the second; Spark's own cuts it off."""
        return self.f.unix_micros(arg) / self.f.double(sge.convert(1_000_000))

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802
        """To a whole number: the nearest, of two the even; Spark's own cuts off."""
        if to.is_integer():
            if op.arg.dtype.is_decimal():
                arg = self.f.round(arg)
            elif op.arg.dtype.is_floating():
                arg = self.f.rint(arg)
            elif op.arg.dtype.is_integer() and op.arg.find(ops.ExtractEpochSeconds):
                arg = self.f.anon.bround(arg)
        return super().visit_Cast(op, arg=arg, to=to)

    def visit_Divide(self, op: Any, *, left: Any, right: Any) -> Any:  # noqa: ARG002, N802
        """By zero: infinite, or no number; Spark's own ends the night."""
        nought = self.f.double(left) * self.f.double(sge.convert("Infinity"))
        return self.if_(right.eq(0), nought, self.f.double(left) / right)

    def visit_Hash(self, op: Any, *, arg: Any) -> Any:  # noqa: ARG002, N802
        """Of 64 bits; Spark's own has 32."""
        return self.f.anon.xxhash64(arg)

    def visit_Strip(self, op: Any, *, arg: Any) -> Any:  # noqa: ARG002, N802
        r"""White space; Ibis' own takes the letters v and f as well: Spark reads ``'\v'`` and ``'\f'`` as these."""
        return self.f.anon.btrim(arg, self.f.concat(" \t\n\r", self.f.anon.char(11), self.f.anon.char(12)))


class SparkBackend(Backend):  # type: ignore[misc]
    """Ibis' backend for PySpark: tables keep the types that the lake's files have, Arrow goes both ways."""

    compiler = Compiler()

    @classmethod
    def of(cls, session: Any, scratch: str) -> SparkBackend:
        """The backend of a session; ``scratch``, a folder that all executors reach, holds what is computed once."""
        backend = cls()
        backend.register_options()
        backend.do_connect(session)
        backend.scratch = scratch
        return backend

    def scanned(self, files: Sequence[str], schema: pa.Schema) -> Any:
        """Parquet files as a table of these columns; they go by their names, one that a file lacks is null there."""
        name, columns = ibis.util.gen_name("lake"), ibis.Schema.from_pyarrow(schema)
        frame = self._session.read.schema(PySparkSchema.from_ibis(columns)).parquet(*map(_uri, files))
        frame.createOrReplaceTempView(name)
        return self._typed(name, columns)

    def write_parts(self, table: Any, folder: str) -> None:
        """Let the executors write a table as Parquet files into a new folder; the types are the expression's."""
        _cast(self._frame(table), table.schema()).write.mode("overwrite").parquet(_uri(folder))

    def in_groups(self, table: Any, by: str, function: Callable[[pa.Table], pa.Table], schema: pa.Schema) -> Any:
        """What a function makes on the executors of partitions in which rows of one value of ``by`` lie together, computed.

        Rows where it is null belong to no group and lie anywhere.
        """
        from pyspark.sql import functions as f

        def grouped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            if rows := list(batches):
                yield from function(pa.Table.from_batches(rows)).cast(schema).to_batches()

        frame, columns = self._frame(table), ibis.Schema.from_pyarrow(schema)
        place = f.when(frame[by].isNull(), f.xxhash64(*frame.columns)).otherwise(f.xxhash64(frame[by]))
        return self._stored(frame.repartition(place).mapInArrow(grouped, PySparkSchema.from_ibis(columns)), columns)

    def to_pyarrow(self, expr: Any, /, **kwargs: Any) -> Any:  # noqa: ARG002
        """Read a result by Arrow, without pandas in between, which knows no whole number that is null."""
        table = expr.as_table()
        rows = self._frame(table).toArrow().cast(table.schema().to_pyarrow())
        return expr.__pyarrow_result__(rows)

    def _frame(self, table: Any) -> Any:
        self._run_pre_execute_hooks(table)
        return self._session.sql(self.compile(table))

    def _register_in_memory_table(self, op: Any) -> None:
        rows = op.data.to_pyarrow(op.schema)
        frame = self._session.createDataFrame(rows, schema=PySparkSchema.from_ibis(op.schema))
        frame.createOrReplaceTempView(op.name)

    def stored(self, table: Any) -> Any:
        """The rows of a table, computed now; what is made of them begins at files, not at the plan that gave them."""
        return self._stored(self._frame(table), table.schema())

    def _stored(self, frame: Any, schema: Any) -> Any:
        folder = f"{self.scratch}/{ibis.util.gen_name('rows')}"
        _cast(frame, schema).write.parquet(_uri(folder))
        return self.scanned([folder], schema.to_pyarrow())

    def _typed(self, name: str, schema: Any) -> Any:
        return ops.DatabaseTable(name=name, schema=schema, source=self, namespace=ops.Namespace()).to_expr()


def _cast(frame: Any, schema: Any) -> Any:
    """A frame's columns with the types of an expression."""
    return frame.select(*(frame[f"`{c.name}`"].cast(c.dataType) for c in PySparkSchema.from_ibis(schema)))


def _uri(path: str) -> str:
    """A path as Hadoop reads it: any letter of a name is a letter, not a pattern."""
    return path.replace("s3://", "s3a://", 1) if "://" in path else f"file://{path}"
