"""From numpy to Arrow columns, without a loop over rows."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml.contract.table import Table
from ml.core.batches import ARROW

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = tuple[str, Any]
"""Name of a table and a record batch of it."""


@cache
def words(name: str) -> Any:
    """The vocabulary ``words/<name>.json``."""
    return json.loads((Path(__file__).parent / "words" / f"{name}.json").read_text(encoding="utf-8"))


def rows(table: Table, **columns: Any) -> Rows:
    """The table's name and a batch of its rows; optional columns that are not given are null."""
    unknown = set(columns) - set(table.column_names)
    missing = {c.name for c in table.columns if c.required} - set(columns)
    if unknown or missing:
        raise ValueError(f"{table.name}: unknown {sorted(unknown)}, missing {sorted(missing)}")
    count = len(next(iter(columns.values())))
    arrays = [
        _as(columns[c.name], ARROW[c.kind]) if c.name in columns else pa.nulls(count, ARROW[c.kind])
        for c in table.columns
    ]
    return table.name, pa.RecordBatch.from_arrays(arrays, schema=schema(table))


def schema(table: Table) -> pa.Schema:
    """The Arrow schema of ``table``."""
    return pa.schema([(c.name, ARROW[c.kind]) for c in table.columns])


def _as(values: Any, kind: Any) -> Any:
    array = values if isinstance(values, pa.Array) else pa.array(values)
    return array if array.type == kind else array.cast(kind)


def ids(prefix: str, numbers: Ints, where: Bools | None = None) -> Any:
    """``prefix`` and the number, padded to ten digits; null where ``where`` is false."""
    digits = pa.array(numbers, mask=None if where is None else ~where).cast(pa.string())
    return pc.binary_join_element_wise(prefix, pc.utf8_lpad(digits, 10, "0"), "")


def tokens(prefix: str, numbers: Ints, where: Bools | None = None) -> Any:
    """Like :func:`ids`, but nothing is told of the order, nor of which tokens of two prefixes belong together.

    Mixed by splitmix64 (Steele et al. 2014).
    """
    z = (numbers.astype(np.uint64) ^ np.uint64(zlib.crc32(prefix.encode()) << 32)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    digits = pa.array(z ^ (z >> np.uint64(31)), mask=None if where is None else ~where).cast(pa.string())
    return pc.binary_join_element_wise(prefix, digits, "")


def times(seconds: Ints, where: Bools | None = None) -> Any:
    """Seconds since 1970 as a timestamp; null where ``where`` is false."""
    mask = None if where is None else ~where
    return pa.array(seconds.astype(np.int64) * 1_000_000, mask=mask).cast(ARROW["timestamp"])


def pick(choices: Sequence[str] | Any, index: Ints, where: Bools | None = None) -> Any:
    """``choices[index]``; null where ``where`` is false."""
    values = choices if isinstance(choices, pa.Array) else pa.array(list(choices), pa.string())
    return values.take(pa.array(index, mask=None if where is None else ~where))


def join(*parts: Any, by: str = "") -> Any:
    """Concatenates texts; a null part makes the whole null."""
    return pc.binary_join_element_wise(*parts, by)


def number_of(rng: np.random.Generator, shares: Sequence[float], rows: int) -> Ints:
    """``rows`` draws from 0 … len(shares) - 1 with the given shares."""
    edges = np.cumsum(np.asarray(shares, float))
    return np.searchsorted(edges / edges[-1], rng.random(rows), side="right").astype(np.int64)
