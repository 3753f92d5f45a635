"""The command ``sql``: a look into the database, read only."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from cli.output import err, out
from ml.core.errors import NightshiftError

SHOWN = 200
"""Rows that the table shows at most; --csv and --json give all."""
SCHEMAS = """
SELECT n.nspname AS schema, c.relname AS "table",
       CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END AS kind,
       nullif(greatest(c.reltuples, 0), 0)::bigint AS "rows, about",
       pg_size_pretty(nullif(pg_total_relation_size(c.oid), 0)) AS size, obj_description(c.oid) AS meaning
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'ml_batch')
ORDER BY array_position(ARRAY['ml', 'ml_ops', 'shop', 'demo_truth'], n.nspname::text), 1, 2
"""


def sql(
    statement: Annotated[
        str, typer.Argument(metavar="[STATEMENT]", help="What to ask; without it: which tables there are.")
    ] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, all rows.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, all rows.")] = False,
) -> None:
    """Run a SELECT on the database and print its rows. Nothing can be changed."""
    from cli.environment import settings
    from ml.adapters import postgres

    chosen = settings()[1]
    with closing(postgres.connect(chosen.database_url, readonly=True)) as connection:
        names, rows = _ask(connection, statement.strip() or SCHEMAS)
        if as_csv:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(names)
            writer.writerows(rows)
        elif as_json:
            _json(names, rows)
        else:
            _table(names, rows)


def _ask(connection: Any, statement: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Names and rows of a statement; the rows of a SELECT come in portions, however many there are."""
    portions = statement.split(None, 1)[0].lower() in {"select", "with", "values", "table"}
    # A cursor with a name lives in the server.
    cursor = connection.cursor("sql") if portions else connection.cursor()
    cursor.itersize = 5000
    try:
        cursor.execute(statement.rstrip(";"))
        first = cursor.fetchmany(SHOWN) if portions or cursor.description else []
    except Exception as error:
        if getattr(error, "pgcode", None) is None:
            raise
        raise NightshiftError(
            "The database refused the statement.",
            came=str(error).strip(),
            do="./nightshift sql (without a statement) lists the tables; only reading is allowed",
        ) from None
    names = [column[0] for column in cursor.description or ()]

    def rows() -> Iterator[tuple[Any, ...]]:
        yield from first
        if names:
            yield from cursor

    return names, rows()


def _json(names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    between = "[\n"
    for row in rows:
        sys.stdout.write(between + json.dumps(dict(zip(names, row, strict=True)), default=str, ensure_ascii=False))
        between = ",\n"
    sys.stdout.write("[]\n" if between == "[\n" else "\n]\n")


def _table(names: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    if not names:
        err.print("The statement gives no rows.")
        return
    table, count, more = Table(box=None, pad_edge=False), 0, False
    for name in names:
        table.add_column(escape(name), overflow="fold")
    for row in rows:
        if count == SHOWN:
            more = True
            break
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
        count += 1
    out.print(table)
    err.print(f"[dim]The first {SHOWN} rows; --csv or --json gives all.[/]" if more else f"[dim]{count} rows[/]")
