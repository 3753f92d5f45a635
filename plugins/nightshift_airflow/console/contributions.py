"""What raised and lowered the score of each product in the shop window, as the ranker that served added it up."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from psycopg2 import sql

from ml.core import console
from ml.core.spec import Published
from ml.registry import CAPABILITIES
from nightshift_airflow.console.database import Reader, Row

LEAST = 0.005
"""In log-odds: less is not shown, but counted."""
NOT_YET = "What made the scores is published with the next night."
NOBODY = "This list is for strangers: it is by what new customers begin with, and no ranker made its scores."
UNRANKED = "No ranker chose this product: a rule put it here, or it makes the list full, or no ranker serves."
ANOTHER = "Another version made this place than the one whose scores are explained: the next night brings both."


@dataclass(frozen=True)
class Part:
    """What one kind of knowledge did to a score, in log-odds; ``meaning`` is that of its column."""

    meaning: str
    value: float


@dataclass(frozen=True)
class Why:
    """What made one score; with ``silence`` why that is not known."""

    base: float = 0.0
    parts: tuple[Part, ...] = ()
    log_odds: float = 0.0
    silence: str = ""

    @property
    def chance(self) -> float:
        """What the log-odds are as a chance, 0 to 1."""
        return 1 / (1 + math.exp(-self.log_odds))


def of(reader: Reader, customer: str, shown: Iterable[Row]) -> dict[str, Why]:
    """By product of a list, what made its score: one row of one table, found by its key."""
    found = _row(reader, customer)
    return {row["product_id"]: found if isinstance(found, Why) else _why(*found, row) for row in shown}


def _row(reader: Reader, customer: str) -> Why | tuple[Published, console.Contributions, Row]:
    if not customer:
        return Why(silence=NOBODY)
    for spec in CAPABILITIES.values():
        explained = console.of(spec).contributions
        if explained is None or not reader.has(f"ml.{explained.table}"):
            continue
        table = next(table for table in spec.publishes if table.name == explained.table)
        statement = sql.SQL("SELECT * FROM {} WHERE customer_id = %s").format(sql.Identifier("ml", table.name))
        rows, fault = reader.attempt(statement, (customer,))
        return (table, explained, rows[0]) if rows else Why(silence=fault or UNRANKED)
    return Why(silence=NOT_YET)


def _why(table: Published, explained: console.Contributions, row: Row, place: Row) -> Why:
    if place.get("model_version") not in (None, row["model_version"]):
        return Why(silence=ANOTHER)
    products = row[explained.products] or []
    if place["product_id"] not in products:
        return Why(silence=UNRANKED)
    at = products.index(place["product_id"])
    parts = [Part(column.meaning, float(row[column.name][at])) for column in table.columns if column.kind == "numbers"]
    log_odds = float(row[explained.base]) + sum(part.value for part in parts)
    seen = sorted((part for part in parts if abs(part.value) >= LEAST), key=lambda part: -abs(part.value))
    return Why(float(row[explained.base]), tuple(seen), log_odds)
