"""The commands ``backup`` and ``restore``."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.home import Home, write_private
from cli.output import Steps, err, out, size, steps
from ml.core.errors import NightshiftError, WrongUse

if TYPE_CHECKING:
    from ml.settings import Settings

HELP = "A folder, or an address as s3://bucket/backups; NIGHTSHIFT_BACKUP_URI where it is not given."
OWN = ("NIGHTSHIFT_BACKUP_URI", "NIGHTSHIFT_BACKUP_KEY", "NIGHTSHIFT_BACKUP_KEEP")
"""Settings that a stack may have been started without."""


def backup(
    to: Annotated[str, typer.Argument(help=HELP)] = "",
    keep: Annotated[
        str,
        typer.Option(
            metavar="7d,4w,12m", help="How many are kept: the newest of each of so many days, weeks and months."
        ),
    ] = "",
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Make none: read every file of those that are there; exit code 8 if one is damaged."
        ),
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Make none: list those that are there.")] = False,
) -> None:
    """Keep everything that the shop would miss, at one instant; nights may run meanwhile.

    In it: the published tables with views and rights, ml_ops, ml_config, MLflow with all models, and what the lake needs to make the
    last night again; schema shop where Nightshift filled it; the hash key. Not in it: Airflow's history and passwords, logs.
    With NIGHTSHIFT_BACKUP_KEY (32 letters or more) it is encrypted; keep that key elsewhere.
    """
    from cli import stack as stacks
    from ml import pipeline

    to, key, kept = _given(to)
    if check or list_:
        _list(to, key, check=check)
        return
    start, rule = time.monotonic(), pipeline.Keep.parse(keep or kept or "7d,4w,12m")
    settings = stacks.start_database(os.environ, may_differ=OWN)[1]
    with steps("Making a backup …") as progress:
        report = pipeline.backup(settings, to, key=key, keep=rule, progress=progress.begin)
    for note in report["notes"]:
        err.print(f"[yellow]·[/] {escape(note)}", soft_wrap=True)
    night = f"the night of {report['night']}" if report["night"] else "no night yet"
    out.print(
        f"[bold]{report['backup']}[/]  {night}, {report['files']:,} files, {size(report['bytes'])}; "
        f"{size(report['written'])} of it new",
        soft_wrap=True,
    )
    if report["thinned"]:
        out.print(f"Thinned: {', '.join(report['thinned'])} ({size(report['freed'])} freed)", soft_wrap=True)
    err.print(f"[dim]Done after {time.monotonic() - start:.1f} s.[/]")


def _given(to: str) -> tuple[str, str, str]:
    """The address, the key and the rule of thinning: of the command, else as the person sets them."""
    from cli.environment import given

    known = given(Home.find(os.environ), os.environ)
    address = to or known.get(OWN[0], "")
    if not address:
        raise WrongUse(
            "It is not said where the backups lie.", do="name a folder or address, or set NIGHTSHIFT_BACKUP_URI"
        )
    return address, known.get(OWN[1], ""), known.get(OWN[2], "")


def _list(to: str, key: str, *, check: bool) -> None:
    from ml import pipeline
    from ml.core.errors import DamagedFile

    table, faults = Table("backup", "last night", "version", "files", "size", box=None, pad_edge=False), []
    for row in pipeline.backups(to, key=key, check=check):
        state = f" [red]{len(row['faults'])} damaged[/]" if row["faults"] else ""
        table.add_row(row["backup"] + state, row["night"], row["version"], f"{row['files']:,}", size(row["bytes"]))
        faults += [f"{row['backup']}: {fault}" for fault in row["faults"]]
    if not table.row_count:
        out.print(f"There is no backup in {escape(to)}.")
        return
    out.print(table)
    if faults:
        raise DamagedFile(
            "Backups are damaged.",
            came="\n".join(faults),
            do="make a new one; a file that is damaged is written anew by it",
        )
    if check:
        out.print("Every file is as it was written.")


def restore(
    source: Annotated[str, typer.Argument(help=HELP)] = "",
    night: Annotated[str, typer.Option(metavar="D", help="The newest backup whose last night this is.")] = "",
    replace_data: Annotated[
        bool, typer.Option("--replace", help="Let it take the place of the data that this stack has.")
    ] = False,
) -> None:
    """Put a backup back: the newest one, or that of a night.

    Every file is read and checked first; a damaged backup changes nothing. Yesterday's tables stay readable until the last moment.
    """
    from cli import stack as stacks
    from ml import pipeline

    start, (source, key, _) = time.monotonic(), _given(source)
    home, settings = stacks.start_database(os.environ, may_differ=OWN)
    with steps("Restoring …") as progress:
        report = pipeline.restore(
            settings,
            source,
            night=night,
            key=key,
            replace_data=replace_data,
            adopt=lambda hash_key: _adopted(home, settings, hash_key, progress),
            progress=progress.begin,
        )
    table = Table("schema", "tables", "rows", box=None, pad_edge=False)
    for schema in dict.fromkeys(name.split(".")[0] for name in report["rows"]):
        rows = [count for name, count in report["rows"].items() if name.startswith(f"{schema}.")]
        table.add_row(schema, f"{len(rows):,}", f"{sum(rows):,}")
    out.print(table)
    serve = ", ".join(f"{name} {version}" for name, version in report["champions"].items()) or "none yet"
    out.print(f"[bold]{report['backup']}[/] is back: the night of {report['night']}; serving: {serve}.", soft_wrap=True)
    err.print(f"[dim]Done after {time.monotonic() - start:.1f} s.[/]")


def _adopted(home: Home, settings: Settings, hash_key: str, progress: Steps) -> Settings:
    """Take the hash key of the backup: the stack is started anew with it."""
    from cli import stack as stacks
    from cli.environment import given

    if "NIGHTSHIFT_HASH_KEY" in given(home, os.environ):
        raise NightshiftError(
            "The backup was made with another hash key, so customers would be other people in it.",
            came="NIGHTSHIFT_HASH_KEY is set, and is not that of the backup",
            do="set it to the one that the backed up stack had, or unset it: then the backup's is taken",
        )
    write_private(home.secrets_file, json.dumps(home.secrets() | {"hash_key": hash_key}, indent=1) + "\n")
    progress.note("The stack starts anew with the hash key of the backup.")
    stacks.down(home)
    stacks.up(home, os.environ, progress, wait_for=stacks.DATABASE, may_differ=OWN)
    return replace(settings, hash_key=hash_key)
