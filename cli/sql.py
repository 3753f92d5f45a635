"""The command ``sql``: a look into the database. Nothing can be changed, whatever the statement is."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table

from cli.output import err, out
from ml.core.errors import NightshiftError, WrongUse

SHOWN = 200
"""Rows that the table shows at most; --csv and --json give all."""
PORTION = 5000
TIMEOUT_S = 60
SCHEMAS = """
SELECT n.nspname AS schema, c.relname AS "table",
       CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END AS kind,
       nullif(greatest(c.reltuples, 0), 0)::bigint AS "rows, about",
       pg_size_pretty(nullif(pg_total_relation_size(c.oid), 0)) AS size, obj_description(c.oid) AS meaning
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'ml_batch')
  AND has_table_privilege(c.oid, 'SELECT')
ORDER BY array_position(ARRAY['ml', 'ml_ops', 'shop', 'demo_truth'], n.nspname::text), 1, 2
"""
_OPEN = """
DO $$ DECLARE rows refcursor := 'sql'; BEGIN OPEN rows FOR EXECUTE current_setting('nightshift.statement'); END $$
"""
"""A cursor is opened for one statement that gives rows: the server itself refuses COMMIT, DO, COPY and two at once."""

_RIGHTS = """
SELECT rolsuper OR EXISTS (
           SELECT FROM pg_roles AS o WHERE pg_has_role(o.oid, 'MEMBER')
           AND o.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
       ) AS mighty,
       EXISTS (SELECT FROM pg_roles WHERE rolname = %s) AS reader,
       coalesce((SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = 'nightshift_viewer'), false) AS viewer
FROM pg_roles WHERE rolname = current_user
"""


def sql(
    statement: Annotated[
        str, typer.Argument(metavar="[STATEMENT]", help="What to ask; without it: which tables there are.")
    ] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, all rows.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, all rows.")] = False,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that the database may work on it.")] = TIMEOUT_S,
) -> None:
    """Run one SELECT on the database and print its rows. Nothing can be changed, no file or program be reached."""
    from cli.environment import Stack, settings
    from ml.adapters import postgres

    home, chosen = settings()
    url, role = _login(Stack.last(home), home.secrets(), chosen.database_url)
    with closing(postgres.connect(url, readonly=True)) as connection:
        names, rows = ask(connection, statement.strip() or SCHEMAS, role=role, timeout=timeout)
        if as_csv:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(names)
            writer.writerows(rows)
        elif as_json:
            _json(names, rows)
        else:
            _show(names, rows, as_table=not statement.strip())


def _login(stack: Any, secrets: Mapping[str, str], own: str) -> tuple[str, str]:
    """URL and role of the one who reads: a login that can nothing else, else the stack's own as the viewers' role."""
    from cli.urls import reader_login, reader_url
    from ml.adapters import postgres

    reader = reader_url(stack, secrets)
    if stack.postgres:
        return reader, ""
    rights = postgres.query(own, _RIGHTS, (reader_login(stack, secrets),))[0]
    if rights["reader"]:
        try:
            postgres.connect(reader).close()
        except NightshiftError:
            pass  # the server, or a pooler before it, lets only some logins in
        else:
            return reader, ""
    if rights["mighty"]:
        raise WrongUse(
            "./nightshift sql runs nothing as a login that may reach the server's files and programs.",
            came="the login of NIGHTSHIFT_DATABASE_URL is a superuser, and its login for reading does not get in",
            do="name an ordinary login (docs/your-database.md), or use ./nightshift psql",
        )
    return own, "nightshift_viewer" if rights["viewer"] else ""


def ask(connection: Any, statement: str, *, role: str, timeout: int) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Names and rows of one statement; the rows come in portions, however many there are.

    Raises
    ------
    WrongUse
        The database refused the statement, or it took longer than ``timeout`` seconds.
    """
    import psycopg2

    cursor = connection.cursor()
    fetch = _portions(cursor, timeout)
    try:
        limits = "SELECT set_config('nightshift.statement', %s, true), set_config('statement_timeout', %s, true)"
        cursor.execute(limits, (statement, f"{timeout}s"))
        if role:
            cursor.execute("SELECT set_config('role', %s, true)", (role,))
        cursor.execute(_OPEN)
        first = next(fetch)
    except (psycopg2.Error, ValueError) as error:
        raise _refusal(error, timeout) from None
    names = [column[0] for column in cursor.description or ()]

    def rows() -> Iterator[tuple[Any, ...]]:
        yield from first
        try:
            for portion in fetch:
                yield from portion
        except (psycopg2.Error, ValueError) as error:
            raise _refusal(error, timeout) from None

    return names, rows()


def _portions(cursor: Any, timeout: int) -> Iterator[list[tuple[Any, ...]]]:
    size = SHOWN + 1
    while True:
        cursor.execute(f'FETCH {size} FROM "sql"')
        rows = cursor.fetchall()
        yield rows
        if len(rows) < size:
            return
        size = PORTION
        # Again: the statement itself may have lifted the limit for what follows.
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", (f"{timeout}s",))


def _refusal(error: Exception, timeout: int) -> Exception:
    code, came = getattr(error, "pgcode", None), str(error).split("\nCONTEXT:")[0].strip()
    if code is None and not isinstance(error, ValueError):
        return error
    if code == "57014":
        return WrongUse(
            "The database was stopped: the statement took too long.",
            came=f"more than {timeout} s",
            do="ask for less, or give it more time with --timeout SECONDS",
        )
    return WrongUse(
        "The database refused the statement.",
        came=came,
        do="give one statement that reads (SELECT, WITH, VALUES, TABLE, EXPLAIN, SHOW); "
        "./nightshift sql without a statement lists the tables, ./nightshift psql may change them",
    )


def _json(names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    between = "[\n"
    for row in rows:
        sys.stdout.write(between + json.dumps(dict(zip(names, row, strict=True)), default=str, ensure_ascii=False))
        between = ",\n"
    sys.stdout.write("[]\n" if between == "[\n" else "\n]\n")


def _show(names: list[str], rows: Iterator[tuple[Any, ...]], *, as_table: bool = False) -> None:
    """Print a table, or a block per row where the table is wider than the terminal, as psql does in its mode auto."""
    shown = [["" if value is None else str(value) for value in row] for row in islice(rows, SHOWN)]
    more = next(rows, None) is not None
    if as_table or _width(names, shown) <= (shutil.get_terminal_size().columns if sys.stdout.isatty() else out.width):
        table = Table(box=None, pad_edge=False)
        for name in names:
            table.add_column(escape(name), overflow="fold")
        for row in shown:
            table.add_row(*map(escape, row))
        out.print(table)
    else:
        _blocks(names, shown)
    count = f"{len(shown)} row{'s' if len(shown) != 1 else ''}"
    err.print(f"[dim]The first {SHOWN} rows; --csv or --json gives all.[/]" if more else f"[dim]{count}[/]")


def _width(names: list[str], rows: list[list[str]]) -> int:
    columns = zip(names, *rows, strict=True)
    return sum(max(cell_len(line) for value in column for line in value.split("\n")) + 2 for column in columns) - 2


def _blocks(names: list[str], rows: list[list[str]]) -> None:
    wide = max(map(cell_len, names))
    for number, row in enumerate(rows, 1):
        out.print(f"[dim]── row {number}[/]")
        for name, value in zip(names, row, strict=True):
            first, *others = value.split("\n")
            out.print(f"[bold]{escape(name)}[/]{' ' * (wide - cell_len(name))}  {escape(first)}", soft_wrap=True)
            for line in others:
                out.print(f"{' ' * wide}  {escape(line)}", soft_wrap=True)
