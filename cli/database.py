"""The commands ``database check`` and ``psql``: whether a server fits, and a way in."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.markup import escape

from cli import postgres as programs
from cli.environment import Stack, given
from cli.home import Home
from cli.output import err, out
from cli.urls import admin_url, check_url, database_urls, reader_url
from ml.core.errors import WrongUse

MARKS = {"fits": "[green]✓[/]", "note": "[yellow]·[/]", "fault": "[red]✗[/]"}

database = typer.Typer(help="A PostgreSQL server of your own: look whether it fits.", no_args_is_help=True)


@database.command()
def check(
    url: Annotated[str, typer.Argument(metavar="[URL]", help="Without it: NIGHTSHIFT_DATABASE_URL.")] = "",
) -> None:
    """Look at a server before anything is made there; prints the SQL that its administrator has to run.

    Changes nothing. Exit code 2: it cannot be used as it is. A URL on the command line can be seen by others of this
    machine; NIGHTSHIFT_DATABASE_URL cannot.
    """
    from ml.adapters.postgres.database import examine, script

    home = Home.find(os.environ)
    chosen = url or given(home, os.environ).get("NIGHTSHIFT_DATABASE_URL", "")
    if not chosen:
        raise WrongUse(
            "There is no server to look at.",
            came="no URL, and NIGHTSHIFT_DATABASE_URL is not set: the embedded server is used, which needs no check",
            do="./nightshift database check postgresql://user:password@host:5432/database",
        )
    check_url(chosen)
    findings = examine(database_urls(Stack({}, {"NIGHTSHIFT_DATABASE_URL": chosen}, None), {}))
    for finding in findings:
        out.print(f"{MARKS[finding.state]} {escape(finding.text)}", soft_wrap=True)
    if sql := script(findings):
        out.print("\nFor the server's administrator, in psql:\n")
        out.print(sql, markup=False, soft_wrap=True)
    if any(finding.state == "fault" for finding in findings):
        raise typer.Exit(2)
    err.print("[dim]It can be used: ./nightshift up makes the rest.[/]")


def psql(
    context: typer.Context,
    read_only: Annotated[bool, typer.Option("--read-only", help="As the login of ./nightshift sql.")] = False,
    admin: Annotated[bool, typer.Option("--admin", help="As the superuser of the embedded server.")] = False,
) -> None:
    """Open psql on the database as the login that owns it; arguments are handed on to it."""
    from psycopg2.extensions import make_dsn, parse_dsn

    home = Home.find(os.environ)
    stack = Stack.last(home)
    secrets = home.secrets()
    if admin and (stack.postgres is None or read_only):
        raise WrongUse(
            "There is no such login.",
            came="--admin with " + ("--read-only" if read_only else "a server of your own"),
            do="use one of --admin and --read-only; on your own server log in as its administrator yourself",
        )
    make = admin_url if admin else reader_url if read_only else _owner
    parts = parse_dsn(make(stack, secrets))
    # Where others of the machine can see it, on the command line, there is no password.
    environ = os.environ | {"PGPASSWORD": parts.pop("password", "")}
    program = programs.psql_program(stack.postgres)
    os.execve(program, [program, make_dsn(**parts), *context.args], environ)  # noqa: S606  # no shell, our program


def _owner(stack: Stack, secrets: dict[str, str]) -> str:
    return database_urls(stack, secrets)["nightshift"]
