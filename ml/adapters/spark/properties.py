"""Spark's properties: ours, and those of a person's file."""

from __future__ import annotations

import re
from pathlib import Path

from ml.core.errors import WrongUse

DEFAULTS = {
    "spark.app.name": "nightshift",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    "spark.scheduler.listenerbus.eventqueue.capacity": "100000",
}
OURS = ("spark.sql.session.timeZone", "spark.sql.parquet.outputTimestampType")
"""What the results depend on: a person's file does not change it."""


def properties(path: Path | None) -> dict[str, str]:
    """Read a file as ``spark-defaults.conf``: a name, white space or ``=``, a value; ``#`` begins a comment."""
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise WrongUse(
            "The file of Spark's properties cannot be read.",
            came=f"NIGHTSHIFT_SPARK_PROPERTIES={path} ({error.strerror})",
            do="name a file as spark-defaults.conf",
        ) from error
    found, wrong = {}, []
    for number, line in enumerate(map(str.strip, lines), 1):
        if line and not line.startswith("#"):
            name, _, value = re.sub(r"\s*=\s*|\s+", "\0", line, count=1).partition("\0")
            if not name.startswith("spark.") or not value:
                wrong.append(f"line {number}: {line}")
            elif name in OURS and value != DEFAULTS[name]:
                wrong.append(f"line {number}: {line} (the results rest on {DEFAULTS[name]})")
            else:
                found[name] = value
    if wrong:
        raise WrongUse(
            "The file of Spark's properties has lines that are none.",
            came=f"{path}\n" + "\n".join(wrong),
            do="write a name that begins with spark., a space, and its value on each line",
        )
    return found
