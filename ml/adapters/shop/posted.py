"""Events that were posted to ``./nightshift serve``, of a shop in another database, whose views cannot name them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ml.adapters import postgres
from ml.adapters.erasure.ownership import Ownership
from ml.adapters.lake import Lake
from ml.adapters.shop.pseudonym import Pseudonym
from ml.adapters.shop.reader import Reader, reading
from ml.adapters.shop.select import Shop
from ml.contract.table import Table
from ml.contract.tables import TABLES

VIEWS = {"event": "posted_event", "search": "posted_search"}
"""Of schema ``ml_ops``, by the table of the contract whose columns they have."""
_COLUMNS = """
SELECT a.attname::text AS name, t.typname::text AS type FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
"""


def read(
    url: str,
    lake: Lake,
    place: Callable[[str], str],
    hash_key: str,
    timezone: str,
    as_of: datetime,
    forgotten: frozenset[str],
    names: list[str],
) -> dict[str, dict[str, Any]]:
    """Read what was posted, as it was known at ``as_of``, for the tables of ``names`` that the shop does not have.

    Returns
    -------
    dict
        The manifest's entries; none where nothing was posted.
    """
    wanted = [name for name in names if name in VIEWS]
    if not wanted or not postgres.query(url, "SELECT FROM ml_ops.posted LIMIT 1"):
        return {}
    found = {
        name: {row["name"]: (row["type"], True) for row in postgres.query(url, _COLUMNS, (f"ml_ops.{VIEWS[name]}",))}
        for name in wanted
    }
    catalogue, pseudonym = Shop.of(found), Pseudonym(hash_key)

    def select(table: Table) -> str:
        return catalogue.select(table).replace(f'shop."{table.name}"', f"ml_ops.{VIEWS[table.name]}")

    with reading(url, timezone, as_of) as connection:
        reader = Reader(connection, lake, catalogue, pseudonym, select, Ownership(forgotten, pseudonym.hashed))
        return {name: reader.read(TABLES[name], place(name)) for name in wanted}
