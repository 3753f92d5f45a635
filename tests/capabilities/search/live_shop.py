"""The sample shop's index in a database, asked as the shop asks it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from bench._search_database import publish
from ml.adapters import postgres
from ml.registry import CAPABILITIES
from tests.contract.cases import Case

SPEC = CAPABILITIES["search"]


class Live:
    """The sample as it is published, and the functions over it."""

    case = Case(SPEC)

    def __init__(self, url: str, rows: dict[str, pa.Table] | None = None) -> None:
        self.url = url
        publish(url, SPEC, rows or self.case.rows)

    def call(self, function: str, *given: Any, **named: Any) -> list[dict[str, Any]]:
        """Call a function as the shop does."""
        marks = [*(["%s"] * len(given)), *(f"{name} => %s" for name in named)]
        with postgres.transaction(self.url, role="shop_reader", readonly=True) as cursor:
            cursor.execute(f"SELECT * FROM ml.{function}({', '.join(marks)})", [*given, *named.values()])
            return [dict(row) for row in cursor.fetchall()]

    def found(self, *given: Any, **named: Any) -> list[str]:
        """Titles in order; ranks count from 1 without a gap."""
        rows = self.call("search", *given, **named)
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
        return [row["title"] for row in rows]

    def rule(self, kind: str, query: str, target: str | None = None, **columns: Any) -> None:
        """Write a rule as the staff does."""
        given = {"kind": kind, "query": query, "target": target} | columns
        with postgres.transaction(self.url, role="nightshift_staff") as cursor:
            names, marks = ", ".join(given), ", ".join(["%s"] * len(given))
            cursor.execute(f"INSERT INTO ml_config.search_rule ({names}) VALUES ({marks})", list(given.values()))

    def run(self, *statements: str) -> list[dict[str, Any]]:
        """Run statements as the owner; the rows of the last."""
        with postgres.transaction(self.url) as cursor:
            for statement in statements:
                cursor.execute(statement)
            return [dict(row) for row in cursor.fetchall()] if cursor.description else []
