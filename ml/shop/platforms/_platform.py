"""What a mapping declares: the tables that it reads, the versions that it knows, and the SQL of each contract table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ml.contract.tables import TABLES
from ml.core.errors import ContractError
from ml.shop.sources._files import blocks

Columns = Mapping[str, Mapping[str, frozenset[str]]]
"""Schema -> table -> the names of its columns."""

TOGETHER, EACH = "together", "each"
"""The variants of a product are one product of the contract, or each is one of its own."""

HELP = ("custom", "release")
"""Blocks of a mapping that are no view: fields of the shop's own, and what the platform says of its version."""


@dataclass(frozen=True)
class Version:
    """A version of a platform, told by tables and columns (``table`` or ``table.column``) that it ``has`` and ``lacks``.

    ``why`` is set where it is recognised and not mapped: what a user should do.
    """

    name: str
    has: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    why: str = ""

    def missing(self, tables: Mapping[str, frozenset[str]]) -> list[str]:
        """Name what a schema would need to be of this version."""
        return [name for name in self.has if not _there(name, tables)] + [
            f"no {name}" for name in self.lacks if _there(name, tables)
        ]


@dataclass(frozen=True)
class Platform:
    """The mapping of one platform.

    ``reads`` names the tables with their columns: ``id`` must be there; ``note?text`` may be missing and is then null, of
    that type. A table whose name ends in ``?`` may be missing, and is then empty; each of its columns has its type.
    """

    name: str
    title: str
    reads: Mapping[str, str]
    versions: tuple[Version, ...]
    remarks: tuple[str, ...] = ()
    checked: str = ""
    """Against what the names of tables and columns were held: a version, and where its schema stands."""
    variants: str = ""
    """What its variants are where the shop does not say: :data:`TOGETHER` or :data:`EACH`; empty: it has no choice."""
    mysql: bool = False
    only: Mapping[str, str] = field(default_factory=dict)
    """On MySQL: the condition under which rows of a table are read."""
    sql: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, file: str, title: str, *, people: bool = False, **declared: object) -> Platform:
        """Make the mapping of a module, whose ``file`` has its SQL beside it.

        With ``people`` its ``account`` and ``buyer`` are followed by the blocks of ``_people.sql``.
        """
        path = Path(file)
        sql = blocks(path.with_suffix(".sql"))
        if people:
            sql = {name: sql[name] for name in ("account", "buyer")} | blocks(path.with_name("_people.sql")) | sql
        return cls(path.stem, title, sql=sql, **declared)  # type: ignore[arg-type]

    @property
    def views(self) -> tuple[str, ...]:
        """The contract's tables that the mapping gives."""
        return tuple(name for name in self.sql if name in TABLES)

    @property
    def helpers(self) -> tuple[str, ...]:
        """The views that these share."""
        return tuple(name for name in self.sql if name not in TABLES and name not in HELP)

    def known(self) -> str:
        """The versions that are mapped, in words."""
        return ", ".join(version.name for version in self.versions if not version.why)

    def version(self, tables: Mapping[str, frozenset[str]]) -> Version | None:
        """Find the version of a schema's tables; None: it is not this platform's."""
        return next((version for version in self.versions if not version.missing(tables)), None)

    def columns(self) -> Iterator[tuple[str, bool, list[tuple[str, str]]]]:
        """Yield each table that is read, whether it may be missing, and its columns with their types if these may."""
        for table, text in self.reads.items():
            parts = [word.partition("?") for word in text.split()]
            yield table.removesuffix("?"), table.endswith("?"), [(name, kind) for name, _, kind in parts]

    def lacking(self, tables: Mapping[str, frozenset[str]]) -> list[str]:
        """Name the tables and columns that must be there and are not."""
        found = []
        for table, optional, columns in self.columns():
            if table not in tables and not optional:
                found.append(table)
            elif table in tables:
                found += [f"{table}.{name}" for name, kind in columns if not kind and name not in tables[table]]
        return found

    def identified(self, schema: str, tables: Mapping[str, frozenset[str]]) -> Version:
        """Give the version; one that is not known, or not mapped, is an error that says which are."""
        version = self.version(tables)
        if version is None:
            nearest = min(self.versions, key=lambda v: len(v.missing(tables)))
            came = f"in schema {schema}: lacks {', '.join(nearest.missing(tables)[:5])}"
            raise ContractError(
                f"This is no {self.title} of a version that is known.",
                came=came,
                do=f"name the right database, or the schema with --schema; known: {self.known()}",
            )
        if version.why:
            raise ContractError(
                f"This is {self.title} {version.name}, which is not mapped.",
                came=f"schema {schema} with {', '.join(version.has[:4])}",
                do=f"{version.why}; known: {self.known()}",
            )
        if lacking := self.lacking(tables):
            raise ContractError(
                f"This {self.title} is of a version that is not known: what the mapping reads is not there.",
                came=f"in schema {schema}: no {', '.join(lacking[:8])}",
                do=f"known: {self.known()}. Write the views by hand for it (docs/connect-your-shop.md)",
            )
        return version


def _there(name: str, tables: Mapping[str, frozenset[str]]) -> bool:
    table, _, column = name.partition(".")
    return table in tables and (not column or column in tables[table])
