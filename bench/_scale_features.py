"""Make every capability's features of a snapshot (or that of those named), on the engine of the settings: a process that a benchmark starts."""

from __future__ import annotations

import json
import logging
import os
import sys
import time

import pyarrow as pa
import pyarrow.compute as pc

from bench.scale import REF
from ml.core.errors import NightshiftError
from ml.pipeline.context import Night
from ml.pipeline.features import make
from ml.registry import CAPABILITIES
from ml.settings import Settings

HASHES = ("product", "second", "basket", "goods_set", "kinds_set")
"""Of risk: the engine's own hashes."""


def main() -> None:
    """Print as JSON the seconds by capability, and sums of what was made by table and column."""
    logging.getLogger("py4j").setLevel(logging.ERROR)
    night = Night.open(Settings.from_env(os.environ), REF)
    seconds: dict[str, float] = {}
    sums: dict[str, list[float]] = {}
    for name, capability in CAPABILITIES.items():
        if night.missing(capability) or (sys.argv[1:] and name not in sys.argv[1:]):
            continue
        start = time.perf_counter()
        folder = night.path("features", name, "serve")
        make(night, capability, folder, night.as_of)
        seconds[name] = time.perf_counter() - start
        sys.stderr.write(f"{night.settings.engine} {name} {seconds[name]:.1f} s\n")
        for file in night.lake.names(folder):
            if file.endswith(".parquet"):
                table = night.lake.read_parquet(folder, file)
                sums |= {f"{name} {file} {column}": _sum(name, column, table[column]) for column in table.column_names}
    sys.stdout.write(json.dumps({"seconds": seconds, "sums": sums}) + "\n")


def _sum(capability: str, name: str, column: pa.ChunkedArray) -> list[float]:
    """Numbers that another row, or another value, changes, and the order of the rows does not."""
    there = [len(column), column.null_count]
    if capability == "risk" and name in HASHES:
        return [*there, pc.count_distinct(column).as_py()]
    if pa.types.is_string(column.type):
        return [*there, pc.count_distinct(column).as_py(), pc.sum(pc.utf8_length(column)).as_py() or 0]
    if pa.types.is_boolean(column.type) or pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        numbers = pc.abs(
            pc.cast(pc.cast(column, pa.int8()) if pa.types.is_boolean(column.type) else column, pa.float64())
        )
        finite = pc.filter(numbers, pc.is_finite(numbers))
        return [*there, len(finite), pc.sum(finite).as_py() or 0.0]
    return there


if __name__ == "__main__":
    try:
        main()
    except NightshiftError as error:
        sys.exit(str(error))
