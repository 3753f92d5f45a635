"""``status --steps``: what each step of the last nights needed, beside the limit of its pod."""

from __future__ import annotations

import json
import os
import sys

from rich.table import Table

from cli.output import out


def show(*, as_json: bool) -> None:
    """Print cores and memory by step; needs the database."""
    from cli import stack as stacks
    from cli.backups import OWN
    from ml import pipeline

    _, settings = stacks.start_database(os.environ, may_differ=OWN)
    rows = pipeline.needs(settings.database_url)
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return
    if not rows:
        out.print("No night has been measured yet: ./nightshift night runs one.")
        return
    table = Table("step", "runs", "seconds", "cores", "memory, MiB", "pod", box=None, pad_edge=False)
    for row in rows:
        name = f"{row['capability']}.{row['step']}".lstrip(".")
        verdict = f"{row['pod']}: " + ("enough" if row["fits"] else f"too small, give it {row['wanted_gib']:.1f} GiB")
        table.add_row(
            name,
            str(row["runs"]),
            f"{row['seconds']:.1f}",
            f"{row['cores'] or 0:.1f}",
            f"{row['peak_mib']:,.0f}",
            verdict,
        )
    out.print(table)
