"""The contract as DDL: empty tables of schema ``shop`` with a comment on each table and column.

Nothing is enforced: no primary key, foreign key or NOT NULL. A shop's data is broken in life, and what is broken has to
reach the validation, which says which rows and why; a constraint would refuse the whole load at its first bad row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ml.adapters.postgres import TYPES
from ml.contract.table import Column, Table
from ml.contract.tables import TABLES


def quoted(*names: str) -> str:
    """Quote an identifier, or a path of identifiers.

    Examples
    --------
    >>> quoted("shop", "order")
    '"shop"."order"'
    """
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """Quote a string.

    Examples
    --------
    >>> literal("the shop's own")
    "'the shop''s own'"
    """
    return "'" + text.replace("'", "''") + "'"


def meaning(column: Column) -> str:
    """What COMMENT ON says of a column: meaning, unit, reference, whether it is required and personal."""
    notes = [
        *([f"Unit: {column.unit}."] if column.unit else []),
        *([f"References {column.references}."] if column.references else []),
        *(["Required."] if column.required else []),
        *(["Personal: pseudonymised before it is stored."] if column.personal else []),
    ]
    return " ".join([column.meaning, *notes])


def statements(schema: str = "shop", tables: Iterable[Table] = TABLES.values()) -> Iterator[str]:
    """Yield the statements that create ``tables`` with their comments in a schema that exists."""
    for table in tables:
        name = quoted(schema, table.name)
        columns = ",\n".join(f"    {quoted(column.name)} {TYPES[column.kind]}" for column in table.columns)
        yield f"CREATE TABLE {name} (\n{columns}\n)"
        yield f"COMMENT ON TABLE {name} IS {literal(table.meaning)}"
        for column in table.columns:
            yield f"COMMENT ON COLUMN {quoted(schema, table.name, column.name)} IS {literal(meaning(column))}"


def create(connection: Any, schema: str = "shop", tables: Iterable[Table] = TABLES.values()) -> None:
    """Create ``schema``, which must not exist, and its empty tables in the connection's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {quoted(schema)}")
        for statement in statements(schema, tables):
            cursor.execute(statement)
