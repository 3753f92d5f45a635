"""The commands of ``./nightshift``."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from typing import Annotated

import typer
from rich.markup import escape

from cli import backups, dags, database, erasures, new, nights, pages, serve, shops, sql, tools, upgrade
from cli.home import Home
from cli.output import err, out, steps
from ml.core.errors import NightshiftError
from ml.core.outages import as_words
from ml.core.version import VERSION
from ml.settings import ENGINES

EXIT_CODES = """
Exit codes: 0 done · 1 failed, or something is down · 2 wrong use · 3 the shop does not fit the contract ·
4 data refused · 5 somebody else is at it · 6 storage refused · 7 a model file is not what was registered ·
8 a file of the lake is damaged · 9 a server does not answer · 130 interrupted.
"""

app = typer.Typer(
    name="nightshift",
    help="The night crew of an online shop: validates, learns, and leaves finished predictions in Postgres.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
LOCAL = "The local stack"
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"nightshift {VERSION}\n")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[  # noqa: ARG001 (its callback answers)
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an unexpected error.")] = False,
) -> None:
    """Options of every command."""
    if debug:
        os.environ["NIGHTSHIFT_DEBUG"] = "1"


@app.command(rich_help_panel=LOCAL)
def up(
    engine: Annotated[
        str,
        typer.Option(
            metavar="|".join(ENGINES),
            help="What a night is computed with: DuckDB in the task's process, or Apache Spark (its packages are installed; "
            "NIGHTSHIFT_SPARK_MASTER names a cluster). Learning stays on one machine.",
        ),
    ] = "",
) -> None:
    """Start PostgreSQL, Airflow and MLflow; returns when all are ready."""
    from cli import stack as stacks
    from cli.services import MODELS

    start, home = time.monotonic(), Home.find(os.environ)
    environ = os.environ | ({"NIGHTSHIFT_ENGINE": engine} if engine else {})
    with steps("Starting the stack …") as progress:
        stack = stacks.up(home, environ, progress)
    out.print(
        f"Airflow  http://127.0.0.1:{stack.ports['airflow']}  (user admin, password in {escape(str(home.passwords_file))})",
        soft_wrap=True,
    )
    out.print(f"MLflow   http://127.0.0.1:{stack.ports['mlflow']}{MODELS}")
    err.print(f"[dim]Ready after {time.monotonic() - start:.1f} s.[/]")


@app.command(rich_help_panel=LOCAL)
def down() -> None:
    """End every process of the stack; data stays."""
    from cli import stack as stacks

    start, home = time.monotonic(), Home.find(os.environ)
    with steps("Ending the stack …") as progress:
        hunted = stacks.down(home, waiting=lambda: progress.note("Another ./nightshift is at work; waiting for it."))
    if hunted:
        err.print(f"{hunted} processes had no supervisor any more and were ended.")
    err.print(f"[dim]All ended after {time.monotonic() - start:.1f} s.[/]")


@app.command(rich_help_panel=LOCAL)
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    disk: Annotated[
        bool, typer.Option("--disk", help="Show what is kept how long instead, and the bytes that a night adds.")
    ] = False,
    steps: Annotated[
        bool, typer.Option("--steps", help="Show what each step of the last nights needed: seconds, cores, memory.")
    ] = False,
) -> None:
    """Show what runs, where its log and UI are, and what is wrong if something is. Exit code 1: something is down."""
    if steps:
        from cli import needs

        needs.show(as_json=as_json)
        return
    from cli import status as states

    if disk:
        from cli import kept

        kept.show(as_json=as_json)
        return
    report = states.collect(Home.find(os.environ))
    if as_json:
        sys.stdout.write(json.dumps(report, indent=1) + "\n")
    else:
        states.show(report)
    if not report["well"]:
        raise typer.Exit(1)


@app.command("help", rich_help_panel=LOCAL)
def help_(
    command: Annotated[list[str] | None, typer.Argument(metavar="[COMMAND]", help="Of which, as: shop load.")] = None,
) -> None:
    """Print the help of a command, or of all."""
    app([*(command or []), "--help"], prog_name="./nightshift")


KEEPING = "Backups and upgrades"
NIGHTS, SHOP, TOOLS = "Nights and models", "The shop and its tables", "For those who change Nightshift"
app.command(rich_help_panel=LOCAL)(shops.demo)
app.command(rich_help_panel=NIGHTS)(nights.night)
app.command(rich_help_panel=NIGHTS)(nights.train)
app.command(rich_help_panel=NIGHTS)(nights.encoder)
app.command(rich_help_panel=NIGHTS)(nights.promote)
app.command(rich_help_panel=NIGHTS)(nights.rollback)
app.add_typer(shops.shop, name="shop", rich_help_panel=SHOP)
app.command(rich_help_panel=SHOP)(sql.sql)
app.command(rich_help_panel=SHOP)(serve.serve)
app.command(rich_help_panel=SHOP)(erasures.erase)
app.command(rich_help_panel=SHOP, context_settings=PASS_ON)(database.psql)
app.add_typer(database.database, name="database", rich_help_panel=SHOP)
app.command(rich_help_panel=KEEPING)(backups.backup)
app.command(rich_help_panel=KEEPING)(backups.restore)
app.command(rich_help_panel=KEEPING)(upgrade.upgrade)
app.command(rich_help_panel=KEEPING)(dags.dags)
app.command(rich_help_panel=TOOLS, context_settings=tools.PASS_ON)(tools.test)
app.command(rich_help_panel=TOOLS)(tools.check)
app.command(rich_help_panel=TOOLS, context_settings=tools.PASS_ON)(tools.bench)
app.add_typer(new.new, name="new", rich_help_panel=TOOLS)
app.command(rich_help_panel=TOOLS)(pages.docs)
app.command(rich_help_panel=TOOLS)(tools.lock)


def run() -> None:
    """Run the command line; errors become text for a person and an exit code for a script."""
    try:
        app(prog_name="./nightshift")
    except NightshiftError as error:
        err.print(str(error), style="red", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        err.print("Interrupted.")
        sys.exit(130)
    except Exception as error:  # noqa: BLE001  # the last resort: nobody should have to read a traceback
        if words := as_words(error):
            err.print(str(words), style="red", markup=False, soft_wrap=True)
            sys.exit(words.exit_code)
        _unexpected(error)
        sys.exit(1)


def _unexpected(error: Exception) -> None:
    text = traceback.format_exc()
    if os.environ.get("NIGHTSHIFT_DEBUG"):
        sys.stderr.write(text)
        return
    home = Home.find(os.environ)
    log = home.log("cli")
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(sys.argv[1:])}\n{text}\n")
    except OSError:
        sys.stderr.write(text)
        return
    failure = NightshiftError(
        "Something went wrong that Nightshift did not foresee.",
        came=f"{type(error).__name__}: {error}",
        do=f"read {log}, or run the command again as ./nightshift --debug …",
    )
    err.print(str(failure), style="red", markup=False, soft_wrap=True)
