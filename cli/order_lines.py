"""The wizard of ``shop load lines``: which column is what, shown on ten rows of each table and written to keep."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from rich.table import Table

from cli.output import err, out

ROWS = 10


def mapping_for(data: Path, timezone: str, *, yes: bool) -> Path:
    """Propose a mapping, show what comes of it, write it; ends the program where a person has to answer first."""
    from ml.core.errors import NightshiftError
    from ml.shop.sources import _mapping
    from ml.shop.sources.lines import opened

    with opened(data, timezone) as (db, header):
        proposal = _mapping.propose(db, header)
        path = (data if data.is_dir() else data.parent) / _mapping.FILE
        if path.exists() and not yes:
            raise NightshiftError(
                "There is a mapping already.",
                came=str(path),
                do=f"load by it: --mapping {path}; or remove it, and another is proposed",
            )
        _mapping.write(proposal, path, header)
        out.print("[bold]Which column is what[/]")
        for role, column in proposal.columns.items():
            out.print(f"  {role:<12} {column:<28} {_mapping.MEANINGS[role]}", markup=False, soft_wrap=True)
        out.print(f"  times: {proposal.time or '?'} · decimals: {proposal.decimal}", markup=False)
        for word, meaning in proposal.status.items():
            out.print(f"  status {word!r} is {meaning or 'not known: no sale'}", markup=False)
        for question in proposal.open:
            out.print(f"  open: {question}", markup=False, style="yellow", soft_wrap=True)
        if not proposal.open:
            show(db, proposal, data)
    out.print(f"Written to {path}", markup=False, soft_wrap=True)
    if proposal.open or not (yes or _agreed()):
        do = "answer what is open in it, then" if proposal.open else "look through it, then"
        err.print(
            f"Nothing is loaded: {do} ./nightshift shop load lines --data {data} --mapping {path}",
            markup=False,
            soft_wrap=True,
        )
        raise typer.Exit(2 if proposal.open else 0)
    return path


def _agreed() -> bool:
    return sys.stdin.isatty() and typer.confirm("Load it so?", default=False)


def show(db: object, mapping: object, data: Path) -> None:
    """Print ten rows of each table of the contract that comes of a mapping, and what was remarked."""
    from ml.shop.sources.lines import read

    remarks: list[str] = []
    for name, batches in read(db, mapping, data, remarks):  # type: ignore[arg-type]  # what opened and propose give
        rows = [row for batch in batches for row in batch.to_pylist()]
        columns = [c for c in (rows[0] if rows else ()) if any(row[c] is not None for row in rows[:ROWS])]
        table = Table(*columns, title=f"{name}: {len(rows):,} rows", title_justify="left")
        for row in rows[:ROWS]:
            table.add_row(*("" if row[c] is None else str(row[c])[:40] for c in columns))
        out.print(table)
    for remark in remarks:
        out.print(remark, markup=False, soft_wrap=True)
