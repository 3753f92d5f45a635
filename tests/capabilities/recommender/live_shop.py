"""A small shop whose published tables are written by hand, for the tests of what it calls live."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ml.adapters import postgres
from ml.adapters.batches import sql_functions
from ml.core.spec import Published, PublishedColumn
from ml.pipeline import setup
from ml.registry import CAPABILITIES

SPEC = CAPABILITIES["recommender"]
EXTRA = {"batch_id": "bigint", "model_version": "integer", "as_of": "timestamptz"}


def _published(name: str, key: str, columns: str) -> Published:
    kinds = {"rank": "integer", "score": "number"}
    return Published(
        name,
        "",
        tuple(key.split()),
        tuple(
            PublishedColumn(c, kinds.get(c, "text"), "", nullable=True)
            for c in columns.split()  # type: ignore[arg-type]
        ),
    )


READ = (
    _published(
        "recommendation",
        "customer_id rank",
        "customer_id rank product_id score reason reason_code source_product_id category brand",
    ),
    _published(
        "discovery",
        "customer_id rank",
        "customer_id rank product_id score reason reason_code source_product_id category brand",
    ),
    _published("buy_again", "customer_id rank", "customer_id rank product_id score reason"),
    _published("cold_start", "segment rank", "segment rank product_id score reason"),
    _published("popular_product", "segment category rank", "segment category rank product_id score reason"),
    _published("bought_together", "product_id rank", "product_id rank other_product_id score reason"),
    _published("similar_product", "product_id rank", "product_id rank similar_product_id score reason"),
    *(table for table in SPEC.publishes if table.name in {"product_state", "customer_segment"}),
)
"""The columns that live.sql reads."""


class Live:
    """Products p1 to p30: category c0, c1 or c2 in turn, brand b0 or b1, price as numbered; p30 not available.

    anna (segment retail) has p1 to p10; carl has p1 to p4, p26 to p29 are new to him, p2 and p4 due again; bert none; retail newcomers see p21, p22, …, others p11, p12, …; popular are p13
    and on, in a category the products of it; together with p1 go p2 and p3, like it is p4.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        setup.migrate(url)
        with postgres.transaction(url) as cursor:
            for table in READ:
                columns = [f'"{c.name}" {postgres.TYPES[c.kind]}' for c in table.columns]
                columns += [f"{name} {kind}" for name, kind in EXTRA.items()]
                cursor.execute(
                    f"CREATE TABLE ml.{table.name} ({', '.join(columns)}, PRIMARY KEY ({', '.join(table.key)}))"
                )
            self._fill(cursor)
        self.make()

    def _fill(self, cursor: Any) -> None:
        def put(table: str, rows: Iterable[tuple[Any, ...]]) -> None:
            for row in rows:
                marks = ", ".join(["%s"] * (len(row) + 2))
                cursor.execute(f"INSERT INTO ml.{table} VALUES ({marks}, '2026-01-01')", (*row, 7, 3))

        def kind(i: int) -> tuple[str, str]:
            return f"c{i % 3}", f"b{i % 2}"

        products = range(1, 31)
        put("product_state", ((f"p{i}", *kind(i), float(i), f"Thing {i}", i != 30) for i in products))
        put("customer_segment", [("anna", "retail")])
        put(
            "recommendation",
            (("anna", r, f"p{r}", 1 / r, f"why {r}", "because", f"p{r + 1}", *kind(r)) for r in range(1, 11)),
        )
        put(
            "recommendation", (("carl", r, f"p{r}", 1 / r, f"why {r}", "again", f"p{r}", *kind(r)) for r in range(1, 5))
        )
        put(
            "discovery",
            (("carl", r, f"p{25 + r}", 1 / r, f"new {r}", "popular", None, *kind(25 + r)) for r in range(1, 5)),
        )
        put("buy_again", (("carl", r, f"p{2 * r}", 1 / r, f"due {r}") for r in (1, 2)))
        put("cold_start", (("", r, f"p{10 + r}", 1 / r, "new here") for r in range(1, 9)))
        put("cold_start", (("retail", r, f"p{20 + r}", 1 / r, "new in retail") for r in range(1, 5)))
        put("popular_product", (("", "", r, f"p{12 + r}", 1 / r, "popular") for r in range(1, 18)))
        for c in range(3):
            put("popular_product", (("", f"c{c}", r, f"p{3 * r + c}", 1 / r, "popular there") for r in range(1, 9)))
        put("bought_together", (("p1", r, f"p{r + 1}", 1 / r, f"with {r}") for r in (1, 2)))
        put("bought_together", [("p5", 1, "p3", 0.9, "with five"), ("p5", 2, "p1", 0.1, "no")])
        put("similar_product", [("p1", 1, "p4", 0.5, "like one"), ("p1", 2, "p2", 0.4, "like one")])

    def make(self, timezone: str = "UTC") -> None:
        """Make the functions, as a publication does."""
        with postgres.transaction(self.url) as cursor:
            sql_functions.create(cursor, SPEC.script(), timezone)

    def run(self, *statements: str) -> None:
        """Run statements as the shop's owner."""
        with postgres.transaction(self.url) as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rule(self, **columns: Any) -> None:
        """Write a rule as the staff does."""
        with postgres.transaction(self.url, role="nightshift_staff") as cursor:
            names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
            cursor.execute(f"INSERT INTO ml_config.rule ({names}) VALUES ({marks})", list(columns.values()))

    def call(self, function: str, *given: Any, **named: Any) -> list[dict[str, Any]]:
        """Call a function as the shop does."""
        marks = [*(["%s"] * len(given)), *(f"{name} => %s" for name in named)]
        with postgres.transaction(self.url, role="shop_reader", readonly=True) as cursor:
            cursor.execute(f"SELECT * FROM ml.{function}({', '.join(marks)})", [*given, *named.values()])
            return [dict(row) for row in cursor.fetchall()]

    def shown(self, *given: Any, **named: Any) -> list[int]:
        """Numbers of the products that ml.recommend shows, in order; ranks count from 1 without a gap."""
        rows = self.call("recommend", *given, **named)
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
        return [int(row["product_id"][1:]) for row in rows]

    def with_shop(self, key: str = "text", *, index: bool = True) -> None:
        """Let the shop's own products be on the same database, ids of type ``key``."""
        cast = {"text": "'p' || i", "bigint": "i"}[key]
        self.run(
            "CREATE SCHEMA shop",
            f"CREATE TABLE shop.product AS SELECT ({cast})::{key} AS product_id, true AS active FROM generate_series(1, 30) AS i",
            *(["CREATE INDEX ON shop.product (product_id)"] if index else []),
        )
        if key == "bigint":  # then our tables hold their text
            for table in READ:
                for column in (c.name for c in table.columns if c.name.endswith("product_id")):
                    self.run(f"UPDATE ml.{table.name} SET {column} = ltrim({column}, 'p')")
        self.make()
