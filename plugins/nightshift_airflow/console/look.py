"""What the capabilities publish about a customer, product or order: found in their specs, asked by index only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from psycopg2 import sql

from ml.core import console
from ml.core.platform import PLATFORM
from ml.core.spec import Capability, ConfigTable, Published, PublishedColumn
from ml.registry import CAPABILITIES
from nightshift_airflow.console.database import Reader, Row

PAGES = {"customer_id": "customer", "product_id": "product", "order_id": "orders", "review_id": "review"}
"""A column that names something -> the page that shows it."""
ROWS = 12
"""Rows of a table that a page shows at first."""
STAMP = ("batch_id", "model_version", "as_of")


@dataclass
class Block:
    """Some rows of one table, and how to read them."""

    title: str
    meaning: str
    columns: Sequence[PublishedColumn]
    rows: list[Row] = field(default_factory=list)
    note: str = ""
    capability: str = ""
    table: str = ""
    more: bool = False
    given: Mapping[str, str] = field(default_factory=dict)
    """What holds for every row: the query that it answers."""
    back: str = ""

    @property
    def actions(self) -> tuple[console.Action, ...]:
        """What can be done with a row."""
        spec = CAPABILITIES.get(self.capability)
        return console.of(spec).actions.get(self.table, ()) if spec else ()

    def path(self, action: console.Action, row: Row) -> str:
        """The address of the form that does it, filled in."""
        known = {**row, **self.given}
        taken = {name: str(known.get(column) or "") for name, column in action.taken.items()}
        return f"rules/{action.config}?" + urlencode({**action.values, **taken, "back": self.back})

    @property
    def owner(self) -> str:
        """The title of the capability."""
        return CAPABILITIES[self.capability].title if self.capability in CAPABILITIES else self.capability

    @property
    def stamp(self) -> Row:
        """Batch, version and time of the rows, where they say so."""
        return {name: self.rows[0][name] for name in STAMP if name in self.rows[0]} if self.rows else {}


def of(column: str) -> str:
    """The page of what a column names: ``similar_product_id`` is a product; empty if it names nothing of ours."""
    return next((page for name, page in PAGES.items() if column == name or column.endswith(f"_{name}")), "")


def title(table: str) -> str:
    """The name of a table as a heading."""
    return table.replace("_", " ").capitalize()


def published() -> Iterable[tuple[Capability, Published]]:
    """Every published table, with its capability."""
    for spec in CAPABILITIES.values():
        for table in spec.publishes:
            yield spec, table


def config() -> Iterable[tuple[str, ConfigTable]]:
    """Every table that the staff edits, with the title of whom it is for."""
    for table in PLATFORM:
        yield "All capabilities", table
    for spec in CAPABILITIES.values():
        for table in spec.config:
            yield spec.title, table


def led_by(table: Published, column: str) -> bool:
    """Whether rows can be found by this column without looking at all of them."""
    return table.key[0] == column or any(index[0] == column for index in table.indexes)


def about(reader: Reader, column: str, value: str, limit: int = ROWS) -> list[Block]:
    """What every published table says of a customer, product or order."""
    found = []
    for spec, table in published():
        explained = console.of(spec).contributions
        if explained is not None and explained.table == table.name:
            continue  # it stands beside each product of the window, in words
        if column in table.column_names and led_by(table, column) and reader.has(f"ml.{table.name}"):
            found.append(rows_of(reader, spec, table, {column: value}, limit=limit))
    return [block for block in found if block.rows or block.note]


def rows_of(
    reader: Reader, spec: Capability, table: Published, where: Mapping[str, Any], *, order: str = "", limit: int = ROWS
) -> Block:
    """Rows of a published table; best first where it has ranks."""
    order = order or ("rank" if "rank" in table.column_names else "")
    statement = sql.SQL("SELECT * FROM {} WHERE {} {} LIMIT {}").format(
        sql.Identifier("ml", table.name),
        sql.SQL(" AND ").join([sql.SQL("{} = %s").format(sql.Identifier(name)) for name in where] or [sql.SQL("true")]),
        sql.SQL("ORDER BY {}").format(sql.Identifier(order)) if order else sql.SQL(""),
        sql.Literal(limit + 1),
    )
    rows, fault = reader.attempt(statement, list(where.values()))
    columns = [column for column in table.columns if column.name not in where]
    return Block(
        title(table.name), table.meaning, columns, rows[:limit], fault, spec.name, table.name, len(rows) > limit
    )


def panels(reader: Reader, place: console.Place, key: str | None = None) -> list[Block]:
    """What the capabilities add to a page by themselves."""
    found = []
    for spec in CAPABILITIES.values():
        for panel in console.of(spec).panels:
            if panel.place != place:
                continue
            rows, fault = reader.attempt(panel.sql, {"key": key})
            names = list(rows[0]) if rows else []
            columns = [PublishedColumn(name, "text", "") for name in names if name not in STAMP]
            found.append(Block(panel.title, "", columns, rows, fault, spec.name))
    return [block for block in found if block.rows or block.note]


def titles(reader: Reader, blocks: Iterable[Block], more: Iterable[str | None] = ()) -> dict[str, str]:
    """Titles of the products that the rows name, by their ids, as the night saw them."""
    ids = {value for value in more if value}
    for block in blocks:
        names = [column.name for column in block.columns if of(column.name) == "product"]
        ids |= {row[name] for row in block.rows for name in names if isinstance(row.get(name), str)}
    if not ids or not reader.has("ml.product_state"):
        return {}
    rows, _ = reader.attempt(
        "SELECT product_id, title FROM ml.product_state WHERE product_id = ANY(%s)", (sorted(ids),)
    )
    return {row["product_id"]: row["title"] for row in rows if row.get("title")}


def waiting(tables: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """By capability, the contract's tables that it needs and that are not among ``tables``."""
    there = set(tables)
    missing = {name: tuple(t for t in spec.needs if t not in there) for name, spec in CAPABILITIES.items()}
    return {name: names for name, names in missing.items() if names}
