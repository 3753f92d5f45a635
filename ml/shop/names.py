"""Names in schema ``shop`` that the contract does not have: nothing reads them, and one may be a slip of the pen."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator

from ml.adapters.postgres import query
from ml.contract.tables import TABLES

_NAMES = """
SELECT c.relname::text AS "table", array_agg(a.attname::text ORDER BY a.attnum) AS columns
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = to_regnamespace('shop') AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND NOT c.relispartition
GROUP BY c.relname ORDER BY c.relname
"""


def unknown_names(url: str) -> Iterator[str]:
    """Say each table and column of the schema that the contract does not have, with the nearest name that it has."""
    found = {row["table"]: row["columns"] for row in query(url, _NAMES)}
    for table, columns in found.items():
        if table not in TABLES:
            yield f"shop.{table}: the contract has no such table, and nothing reads it{_meant(table, TABLES, found)}"
            continue
        names = TABLES[table].column_names
        for column in columns:
            if column not in names:
                meant = _meant(column, names, columns)
                yield f"shop.{table}.{column}: the contract has no such column, and nothing reads it{meant}"


def nearest(name: str, names: Iterable[str], taken: Collection[str] = ()) -> str:
    """Find the name that is most like ``name``, one that is not ``taken`` already before others; empty: none is like it.

    Examples
    --------
    >>> nearest("is_active", ["price", "active"]), nearest("colour", ["title"])
    ('active', '')
    """
    names = list(names)
    plain = name.lower()
    for among in ([n for n in names if n not in taken], names):
        if close := difflib.get_close_matches(plain, among, 1):
            return close[0]
    return ""


def _meant(name: str, names: Iterable[str], taken: Collection[str]) -> str:
    close = nearest(name, names, taken)
    if not close:
        return "."
    return f": do you mean {close}?" if close not in taken else f" (there is {close} beside it)."
