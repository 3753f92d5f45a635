"""A shop as nights would have left it, of any size, written by SQL from the specs: for the console's tests and bench.

Every published table of every capability has rows, so a new capability is on the pages' tables without a line here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg2 import sql

from ml.adapters import postgres
from ml.adapters.batches import sql_functions, view
from ml.adapters.batches.batch_table import SCHEMA, name_of
from ml.core.spec import Capability, Published, PublishedColumn
from ml.pipeline import setup
from ml.registry import CAPABILITIES

NIGHT = date(2026, 11, 28)
HOSTILE = "<script>alert('x')</script>"
THINGS = (
    "Teapot",
    "Candle holder",
    "Garden lantern",
    "Wool blanket",
    "Oak tray",
    "Paper lamp",
    "Copper mug",
    "Linen towel",
)
_SETS = {
    "segment": ("", "retail", "wholesale"),
    "category": ("", "home", "garden"),
    "aspect": ("delivery", "size", "quality", "price"),
    "kind": ("device", "card"),
    "horizon": ("7", "28"),
}
_PREFIX = {"customer_id": "c", "product_id": "p", "order_id": "o", "review_id": "r", "cart_id": "b", "ticket_id": "t"}
_TEXTS = {
    "reason": "'because you bought ' || (ARRAY{things})[1 + n % 8]",
    "decision": "(ARRAY['review','review','allow','block'])[1 + n % 4]",
    "label": "(ARRAY['negative','neutral','positive'])[1 + n % 3]",
    "reason_code": "(ARRAY['because','category','popular'])[1 + n % 3]",
    "language": "(ARRAY['en','de','zh'])[1 + n % 3]",
    "title": "(ARRAY{things})[1 + n % 8] || ' no. ' || n",
    "category": "(ARRAY['home','garden'])[1 + n % 2]",
    "brand": "(ARRAY['Acme','Nord','Lumen'])[1 + n % 3]",
    "quote": "'it came late and the lid is broken'",
    "segment": "(ARRAY['retail','wholesale'])[1 + n % 2]",
}


class ConsoleShop:
    """Customers ``c1`` …, products ``p1`` …, orders ``o1`` …; three nights, the last of them ``NIGHT``."""

    def __init__(
        self, url: str, customers: int = 60, products: int = 40, capabilities: Iterable[Capability] = ()
    ) -> None:
        self.url, self.customers, self.products = url, customers, products
        self.capabilities = tuple(capabilities) or tuple(CAPABILITIES.values())
        setup.migrate(url)

    def fill(self) -> ConsoleShop:
        """Write everything."""
        with postgres.transaction(self.url) as cursor:
            for ago in (7, 1, 0):
                self.night(cursor, NIGHT - timedelta(days=ago))
            for spec in self.capabilities:
                self.models(cursor, spec)
                for table in spec.publishes:
                    self.publish(cursor, spec, table)
            for spec in self.capabilities:
                if spec.functions:
                    sql_functions.create(cursor, spec.script(), "UTC")
        return self

    def publish(self, cursor: Any, spec: Capability, table: Published) -> None:
        """One batch of a published table, seen by the shop."""
        cursor.execute(
            """
            INSERT INTO ml_ops.batch (table_name, capability, night, ref, model_version, as_of, inputs_sha256, status, published_at)
            VALUES (%s, %s, %s, %s, 2, %s, 'x', 'published', clock_timestamp()) RETURNING batch_id
            """,
            (table.name, spec.name, NIGHT, f"{NIGHT}/001", _time(NIGHT)),
        )
        number = cursor.fetchone()["batch_id"]
        name = sql.Identifier(SCHEMA, name_of(table.name, number))
        kinds = {column.name: column.kind for column in table.columns}
        dims = [self._dimension(name, kinds[name], first=place == 0) for place, name in enumerate(table.key)]
        columns = [
            sql.SQL("({})::{} AS {}").format(
                sql.SQL(f"k{table.key.index(c.name)}.v" if c.name in table.key else _value(c, self.products)),
                sql.SQL(postgres.TYPES[c.kind]),
                sql.Identifier(c.name),
            )
            for c in table.columns
        ]
        keys = ", ".join(f"{dim} AS k{place} (v)" for place, dim in enumerate(dims))
        numbers = " + ".join(f"abs(hashtext(k{place}.v::text)) % 1000" for place in range(len(dims)))
        cursor.execute(
            sql.SQL("CREATE TABLE {} AS SELECT {} FROM {} CROSS JOIN LATERAL (SELECT ({})::bigint AS n) AS n").format(
                name, sql.SQL(", ").join(columns), sql.SQL(keys), sql.SQL(numbers)
            )
        )
        for index in (table.key, *table.indexes):
            kind = "ALTER TABLE {} ADD PRIMARY KEY ({})" if index == table.key else "CREATE INDEX ON {} ({})"
            cursor.execute(sql.SQL(kind).format(name, sql.SQL(", ").join(map(sql.Identifier, index))))
        cursor.execute(sql.SQL("SELECT count(*) AS n FROM {}").format(name))
        cursor.execute("UPDATE ml_ops.batch SET rows = %s WHERE batch_id = %s", (cursor.fetchone()["n"], number))
        view.point(cursor, table.name, number, table)

    def _dimension(self, column: str, kind: str, *, first: bool) -> str:
        count = {
            "customer_id": self.customers,
            "product_id": self.products,
            "order_id": self.customers,
            "rank": 12,
        }.get(column)
        if column in _PREFIX:
            count = count or self.customers
            return f"(SELECT '{_PREFIX[column]}' || i FROM generate_series(1, {count if first else 5}) AS i)"
        if column in _SETS:
            return "(VALUES " + ", ".join(f"('{word}')" for word in _SETS[column]) + ")"
        others = {
            "entity": f"(SELECT substr(md5(i::text), 1, 16) FROM generate_series(1, {self.customers}) AS i)",
            "rank": "generate_series(1, 12)",
            "timestamp": f"(SELECT timestamptz '{NIGHT}' + i * interval '1 day' FROM generate_series(1, 5) AS i)",
            "boolean": "(VALUES (true), (false))",
        }
        return others.get(column, others.get(kind, "generate_series(1, 5)"))

    def models(self, cursor: Any, spec: Capability) -> None:
        """Two versions, of which the second won."""
        metric = spec.gate.metric
        for version, decision in ((1, "baseline"), (2, "promote")):
            figures = {"challenger": {metric: 0.2 + version / 10}, "baseline": {metric: 0.25}}
            if version == 2:
                figures["champion"] = {metric: 0.3}
            cursor.execute(
                "INSERT INTO ml_ops.version (capability, version, run_id, shop, as_of, recipe, params, baseline, metrics) "
                "VALUES (%s, %s, 'run', 'test', %s, 'r', '{}', %s, %s)",
                (spec.name, version, _time(NIGHT), version == 1, json.dumps(figures)),
            )
            cursor.execute(
                "INSERT INTO ml_ops.promotion (capability, version, decision, why, metrics) VALUES (%s, %s, %s, %s, %s)",
                (spec.name, version, decision, f"{metric} 0.4 against 0.3, by more than chance", json.dumps(figures)),
            )

    def night(self, cursor: Any, night: date, failed: str = "") -> None:
        """A night with its steps, its report and what it refused; with ``failed`` it failed at publish, with these words."""
        ref, began = f"{night}/001", _time(night) + timedelta(hours=2)
        headlines = {spec.name: dict.fromkeys(spec.headlines, 100.0 + night.day) for spec in self.capabilities}
        summary = {
            "headlines": headlines,
            "waiting": {},
            "notes": [],
            "config_faults": [],
            "quarantine": {"order_item": {"quantity is above 0": night.day}},
        }
        cursor.execute(
            "INSERT INTO ml_ops.night (ref, night, status, started_at, ended_at, summary) VALUES (%s, %s, %s, %s, %s, %s)",
            (
                ref,
                night,
                "failed" if failed else "done",
                began,
                began + timedelta(minutes=4),
                json.dumps({} if failed else summary),
            ),
        )
        steps = [
            ("extract", ""),
            ("validate", ""),
            *((s, spec.name) for spec in self.capabilities for s in ("score", "publish")),
        ]
        for place, (step, capability) in enumerate(steps):
            broke = bool(failed) and place == len(steps) - 1
            cursor.execute(
                "INSERT INTO ml_ops.step (ref, step, capability, status, started_at, seconds, rows, message) "
                "VALUES (%s, %s, %s, %s, %s, 20, 100, %s)",
                (
                    ref,
                    step,
                    capability,
                    "failed" if broke else "done",
                    began + timedelta(seconds=20 * place),
                    failed if broke else None,
                ),
            )
        cursor.execute(
            """
            INSERT INTO ml_ops.quarantine (night, ref, table_name, row_key, rule, "row")
            SELECT %s, %s, 'order_item', 'o' || i || ', 1', 'quantity is above 0', jsonb_build_object('order_id', 'o' || i, 'quantity', -1, 'note', %s::text)
            FROM generate_series(1, %s) AS i
            """,
            (night, ref, HOSTILE, night.day),
        )

    def run(self, *statements: str) -> None:
        """Run statements as the owner."""
        with postgres.transaction(self.url) as cursor:
            for statement in statements:
                cursor.execute(statement)


def _time(night: date) -> datetime:
    return datetime(night.year, night.month, night.day, tzinfo=UTC)


def _value(column: PublishedColumn, products: int) -> str:
    """An expression of ``n`` (a number that differs from row to row) for a column."""
    things = "[" + ", ".join(f"'{thing}'" for thing in THINGS) + "]"
    of_kind = {
        "number": "(n % 97) / 97.0" if "to 1" in column.unit else "(n % 500) / 4.0 + 1",
        "integer": "n % 50",
        "boolean": "n % 7 > 0",
        "timestamp": f"timestamptz '{NIGHT}' - (n % 600) * interval '1 h'",
    }
    if column.unit == "log-odds" and column.kind == "numbers":
        return "(SELECT array_agg(((n + i) % 9 - 4) / 8.0) FROM generate_series(1, 20) AS i)"
    if column.name == "products" and column.kind == "texts":
        return f"(SELECT array_agg('p' || 1 + (n + i) % {products}) FROM generate_series(1, 20) AS i)"
    if column.kind != "text":
        return of_kind.get(column.kind, "NULL")
    for name, prefix in _PREFIX.items():
        if column.name == name or column.name.endswith(f"_{name}"):
            return f"'{prefix}' || 1 + n % {products}"
    return _TEXTS.get(column.name, "'word ' || n % 9").replace("{things}", things)
