"""Take the customers' rows out of Postgres: every batch that is there, the lane's rows, quarantine, and words in our books."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from typing import Any

import psycopg2
import pyarrow as pa
from psycopg2 import sql
from psycopg2.extras import RealDictCursor

from ml.adapters import postgres
from ml.adapters.batches.batch_table import SCHEMA
from ml.adapters.erasure import requests
from ml.adapters.erasure.lake_rows import rows_owners
from ml.adapters.erasure.needles import Needles, strike_json
from ml.adapters.erasure.ownership import OTHER, OWNED, WHO, Ownership, count
from ml.adapters.erasure.quotes import WHAT, Quotes
from ml.adapters.erasure.traces import Traces
from ml.contract.tables import TABLES

BOOKS = "ml_ops"
_COLUMNS = """
SELECT c.relname AS "table", a.attname AS "column", format_type(a.atttypid, NULL) AS kind
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum
"""
_FORGET_STATISTICS = """
SELECT pg_clear_attribute_stats(schemaname, tablename, attname, inherited) FROM pg_stats
WHERE schemaname = %(schema)s AND tablename = %(table)s AND NOT EXISTS (
    SELECT FROM pg_class WHERE oid = to_regclass(format('%%I.%%I', %(schema)s, %(table)s)) AND reltuples > 0)
"""
"""ANALYZE leaves the statistics of a table that became empty as they were; Postgres 18 lets its owner clear them."""

_OTHERS = {name for table in TABLES.values() if table.name not in OWNED for name in table.key}
"""Columns that name what is no customer's: a product may have the number of one."""

_TEXTS = ("text", "character varying", "json", "jsonb")


def tables(cursor: Any, schema: str) -> dict[str, dict[str, str]]:
    """Types by column of each table of a schema."""
    cursor.execute(_COLUMNS, (schema,))
    found: dict[str, dict[str, str]] = {}
    for row in cursor.fetchall():
        found.setdefault(row["table"], {})[row["column"]] = row["kind"]
    return found


class DatabaseErasure:
    """One run over the database at ``url``: one transaction, so that a reader sees all of it or none, and whole batches."""

    def __init__(self, url: str, ownership: Ownership, traces: Traces, needles: Needles, quotes: Quotes) -> None:
        self.url, self.ownership, self.traces, self.needles, self.quotes = url, ownership, traces, needles, quotes
        self.removed: dict[str, dict[str, int]] = {}
        self._touched: set[tuple[str, str]] = set()

    def run(self) -> dict[str, dict[str, int]]:
        """Delete, and add to the receipts what was deleted; returns rows by place and owner."""
        with closing(postgres.connect(self.url)) as connection:
            with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
                for name, columns in tables(cursor, SCHEMA).items():
                    self._batch(cursor, name, columns)
                self._quarantine(cursor)
                for name, columns in tables(cursor, BOOKS).items():
                    if WHO in columns:
                        self._named(cursor, name)
                    elif name not in ("erasure", "quarantine", "migration"):
                        self._book(cursor, name, [c for c, kind in columns.items() if kind in _TEXTS])
                requests.add(cursor, self.removed)
            self._vacuum(connection)
        return self.removed

    def _batch(self, cursor: Any, name: str, columns: Mapping[str, str]) -> None:
        texts = [column for column, kind in columns.items() if kind == "text"]
        if not (condition := self._condition(texts)):
            return
        names = sql.SQL(", ").join(map(sql.Identifier, texts))
        statement = sql.SQL("DELETE FROM {} AS t WHERE {} RETURNING {}")
        cursor.execute(statement.format(sql.Identifier(SCHEMA, name), condition, names))
        self._count(f"ml.{_product(name)}", (SCHEMA, name), [dict(row) for row in cursor.fetchall()])
        if cursor.rowcount:
            cursor.execute(
                "UPDATE ml_ops.batch SET rows = rows - %s WHERE table_name = %s AND batch_id::text = %s",
                (cursor.rowcount, _product(name), name.rpartition("_")[2]),
            )
        self._quotes(cursor, name, columns)

    def _named(self, cursor: Any, name: str) -> None:
        """Delete the rows of a table of ours that name the customer."""
        cursor.execute(
            sql.SQL("DELETE FROM {} WHERE {who} = ANY(%s) RETURNING {who}").format(
                sql.Identifier(BOOKS, name), who=sql.Identifier(WHO)
            ),
            (list(self.traces.ids.get(WHO, {})),),
        )
        self._count(f"{BOOKS}.{name}", (BOOKS, name), [dict(row) for row in cursor.fetchall()])

    def _condition(self, texts: Iterable[str]) -> sql.Composable | None:
        """Which rows may be a customer's; who names another customer is none of them."""
        texts = list(texts)
        by_id = {column: list(owners) for column, owners in self.traces.ids.items() if column in texts and owners}
        conditions = [sql.SQL("t.{} = ANY({})").format(sql.Identifier(c), sql.Literal(ids)) for c, ids in by_id.items()]
        hashes = list(self.traces.hashes)
        others = [c for c in texts if c not in self.traces.ids and c not in {WHO, OTHER}]
        if hashes:
            conditions += [sql.SQL("t.{} = ANY({})").format(sql.Identifier(c), sql.Literal(hashes)) for c in others]
        customers = sql.Literal(list(self.traces.ids.get(WHO, {})))
        second = sql.SQL("t.{} = ANY({}::text[])").format(sql.Identifier(OTHER), customers) if OTHER in texts else None
        if not conditions:
            return second
        condition = sql.SQL("({})").format(sql.SQL(" OR ").join(conditions))
        if WHO not in texts:
            return condition
        own = sql.SQL("{} AND (t.{who} IS NULL OR t.{who} = ANY({customers}::text[]))").format(
            condition, who=sql.Identifier(WHO), customers=customers
        )
        return sql.SQL("({}) OR {}").format(own, second) if second else own

    def _quotes(self, cursor: Any, name: str, columns: Mapping[str, str]) -> None:
        """Empty the quotes in rows that are about a product."""
        quoting = [c for c in self.quotes.columns.get(_product(name), ()) if c in columns]
        if not quoting or WHAT not in columns:
            return
        table = sql.Identifier(SCHEMA, name)
        for column in quoting:
            cursor.execute(
                sql.SQL("SELECT DISTINCT {}, {} AS quote FROM {} WHERE coalesce({}, '') = ANY(%s)").format(
                    sql.Identifier(WHAT), sql.Identifier(column), table, sql.Identifier(WHAT)
                ),
                (self.quotes.products,),
            )
            for row in cursor.fetchall():
                if owner := self.quotes.owner(row[WHAT], row["quote"]):
                    cursor.execute(
                        sql.SQL(
                            "UPDATE {} SET {column} = '' WHERE {} IS NOT DISTINCT FROM %s AND {column} = %s"
                        ).format(table, sql.Identifier(WHAT), column=sql.Identifier(column)),
                        (row[WHAT], row["quote"]),
                    )
                    self._note("quotes", {owner: cursor.rowcount})
                    self._touched.add((SCHEMA, name))

    def _quarantine(self, cursor: Any) -> None:
        """Delete refused rows: every one that holds an id or hash is read, and whose it is told as everywhere."""
        values = [*self.traces.hashes, *(id_ for owners in self.traces.ids.values() for id_ in owners)]
        cursor.execute(
            """
            SELECT ctid::text AS place, "row" FROM ml_ops.quarantine AS q WHERE EXISTS (
                SELECT FROM jsonb_each_text(CASE jsonb_typeof("row") WHEN 'object' THEN "row" ELSE '{}' END) AS e
                WHERE e.value = ANY(%s))
            """,
            (values,),
        )
        rows = cursor.fetchall()
        owners = rows_owners([row["row"] for row in rows], self.ownership, self.traces.hashes)
        places = [row["place"] for row, owner in zip(rows, owners.to_pylist(), strict=True) if owner]
        if places:
            cursor.execute("DELETE FROM ml_ops.quarantine WHERE ctid = ANY(%s::tid[])", (places,))
            self._note("ml_ops.quarantine", count(owners))
            self._touched.add((BOOKS, "quarantine"))

    def _book(self, cursor: Any, name: str, texts: list[str]) -> None:
        """Strike the customers out of the messages and reports of a table of ours."""
        if not texts:
            return
        select = sql.SQL("SELECT ctid::text AS place, {} FROM {}").format(
            sql.SQL(", ").join(sql.SQL("{0}::text AS {0}").format(sql.Identifier(t)) for t in texts),
            sql.Identifier(BOOKS, name),
        )
        kinds = tables(cursor, BOOKS)[name]
        cursor.execute(select)
        for row in cursor.fetchall():
            for column in texts:
                struck, owners = self._struck(row[column], is_json=kinds[column].startswith("json"))
                if owners:
                    cursor.execute(
                        sql.SQL("UPDATE {} SET {} = %s WHERE ctid = %s::tid RETURNING ctid::text AS place").format(
                            sql.Identifier(BOOKS, name), sql.Identifier(column)
                        ),
                        (struck, row["place"]),
                    )
                    if not (now := cursor.fetchone()):  # somebody wrote to it just now: the search will tell
                        break
                    row["place"] = now["place"]
                    self._note(f"ml_ops.{name}", dict(Counter(owners)))
                    self._touched.add((BOOKS, name))

    def _struck(self, text: str | None, *, is_json: bool) -> tuple[str, list[str]]:
        if not text:
            return "", []
        if not is_json:
            return self.needles.strike(text)
        document, owners = strike_json(json.loads(text), self.needles, self.traces)
        return json.dumps(document), owners

    def _count(self, place: str, touched: tuple[str, str], rows: list[dict[str, Any]]) -> None:
        if rows:
            columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in rows[0]}
            self._note(place, count(self.ownership.owners(columns, self.traces.hashes)))
            self._touched.add(touched)

    def _note(self, place: str, found: Mapping[str, int]) -> None:
        known = self.removed.setdefault(place, {})
        for owner, rows in found.items():
            known[owner] = known.get(owner, 0) + rows

    def _vacuum(self, connection: Any) -> None:
        """Clear the deleted rows away, and the statistics that quote values."""
        connection.autocommit = True
        with connection.cursor() as cursor:
            for schema, name in sorted(self._touched):
                cursor.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(schema, name)))
                with suppress(psycopg2.errors.InsufficientPrivilege, psycopg2.errors.UndefinedFunction):
                    cursor.execute(_FORGET_STATISTICS, {"schema": schema, "table": name})


def kept(url: str, ownership: Ownership, traces: Traces) -> dict[str, int]:
    """Rows of ``ml_config`` that name a customer's value, by table: what the staff decided stays until they delete it.

    Their values are no longer looked for: every night copies these rows.
    """
    found: dict[str, int] = {}
    with postgres.transaction(url, readonly=True) as cursor:
        for name, columns in tables(cursor, "ml_config").items():
            texts = [column for column, kind in columns.items() if kind == "text" and column not in _OTHERS]
            if not texts:
                continue
            statement = sql.SQL("SELECT {} FROM {}").format(
                sql.SQL(", ").join(map(sql.Identifier, texts)), sql.Identifier("ml_config", name)
            )
            cursor.execute(statement)
            for row in cursor.fetchall():
                values = [value for value in row.values() if value]
                hashes = ownership.hashed(pa.array(values, pa.string())).to_pylist()
                theirs = [v for v in (*values, *hashes) if v in traces.hashes or v in traces.plain]
                if theirs or any(value in traces.ids.get(WHO, {}) for value in values):
                    found[f"ml_config.{name}"] = found.get(f"ml_config.{name}", 0) + 1
                traces.leave([*theirs, *hashes])
    return found


def _product(name: str) -> str:
    """The published table that a table of ``ml_batch`` belongs to."""
    return name.rpartition("_")[0]
