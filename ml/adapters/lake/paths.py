"""Paths as DuckDB and Ibis read them: any letter of a name is a letter, not a pattern or the end of a text."""

from __future__ import annotations

import re
from collections.abc import Iterable


def pattern(path: str) -> str:
    """A path as the pattern that matches it alone.

    Examples
    --------
    >>> pattern("/shop [a]/*.parquet")
    '/shop [[]a]/[*].parquet'
    """
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def literal(paths: Iterable[str]) -> str:
    """Paths as a list in DuckDB's SQL."""
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"


class Quoted(str):
    """A path that Ibis writes into SQL as a literal of SQL; it takes Python's ``repr`` of the path."""

    __slots__ = ()

    def __str__(self) -> str:
        return self

    def __repr__(self) -> str:
        return "'" + self.replace("'", "''") + "'"
