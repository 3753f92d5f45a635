"""``status --disk``: what is kept how long, and what a night adds."""

from __future__ import annotations

import json
import os
import shutil
import sys

from rich.table import Table

from cli.output import out, size


def show(*, as_json: bool) -> None:
    """Print each rule of the retention with its bytes; needs the database."""
    from cli import stack as stacks
    from cli.backups import OWN
    from ml import pipeline

    home, settings = stacks.start_database(os.environ, may_differ=OWN)
    rows = pipeline.costs(settings)
    free = shutil.disk_usage(home.root).free
    if as_json:
        sys.stdout.write(json.dumps({"kept": rows, "free": free}, indent=1) + "\n")
        return
    table = Table("what", "where", "kept", "now", "a night", box=None, pad_edge=False)
    for row in rows:
        beside = f"; and {row['beside']}" if row["beside"] else ""
        table.add_row(
            row["what"], row["where"], row["keep"] + beside, *map(_size, (row["bytes"], row["bytes_per_night"]))
        )
    out.print(table)
    nightly = sum(row["bytes_per_night"] or 0 for row in rows)
    out.print(
        f"{size(nightly)} a night until each limit is reached, then the same again is dropped; {size(free)} free."
    )


def _size(value: float | None) -> str:
    return "" if value is None else size(value)
