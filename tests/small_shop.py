"""A small whole shop in Postgres that tests break in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from ml.adapters import postgres
from ml.shop import ddl

Rows = Sequence[Mapping[str, Any]]


def shop(orders: int = 60) -> dict[str, list[dict[str, Any]]]:
    """Rows of a faultless shop: one order a day from 2025-01-01, two lines each."""
    days = [f"2025-{1 + i // 28:02d}-{1 + i % 28:02d} 12:00Z" for i in range(orders)]
    return {
        "customer": [{"customer_id": f"c{i}", "email": f"c{i}@x.example", "country": "DE"} for i in range(10)],
        "product": [{"product_id": f"p{i}", "title": f"Thing {i}", "price": 1.5 + i} for i in range(12)],
        "order": [
            {"order_id": f"o{i}", "customer_id": f"c{i % 10}", "ordered_at": day, "email": f"c{i % 10}@x.example"}
            for i, day in enumerate(days)
        ],
        "order_item": [
            {"order_id": f"o{i}", "line_no": n, "product_id": f"p{(i + n) % 12}", "quantity": n, "unit_price": 2.5}
            for i in range(orders)
            for n in (1, 2)
        ],
    }


def fill(url: str, tables: Mapping[str, Rows]) -> None:
    """Create schema ``shop`` with ``tables`` and nothing else."""
    with closing(postgres.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS shop CASCADE")
        ddl.create(connection, tables=[ddl.TABLES[name] for name in ddl.TABLES if name in tables])
        for name, rows in tables.items():
            add(cursor, name, rows)


def add(cursor: Any, table: str, rows: Rows) -> None:
    """Insert rows; a column that a row does not name is null."""
    for row in rows:
        names = ", ".join(ddl.quoted(column) for column in row)
        cursor.execute(
            f"INSERT INTO shop.{ddl.quoted(table)} ({names}) VALUES ({', '.join(['%s'] * len(row))})",
            list(row.values()),
        )


def execute(url: str, *statements: str) -> None:
    """Run statements as they are."""
    with closing(postgres.connect(url)) as connection, connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
