"""Which platform a database belongs to, and of which version, by its tables and columns."""

from __future__ import annotations

from ml.core.errors import ContractError, WrongUse, unknown
from ml.shop.platforms import PLATFORMS, platform
from ml.shop.platforms._platform import Columns, Platform, Version


def recognise(
    columns: Columns, name: str | None = None, schema: str | None = None, *, mysql: bool
) -> tuple[Platform, str, Version]:
    """Find the platform, the schema of its tables and its version.

    Parameters
    ----------
    columns : mapping
        The database's schemas with their tables and columns.
    name, schema : str, optional
        What a user said; found if not given.
    mysql : bool
        Whether the database is MySQL or MariaDB.

    Raises
    ------
    ContractError
        None or several are found, or a version that is not known.
    """
    if name is not None and name not in PLATFORMS:
        raise unknown("platform", name, PLATFORMS)
    if schema is not None and schema not in columns:
        raise WrongUse(
            f"There is no schema {schema}.",
            came=f"schemas with tables: {', '.join(sorted(columns)) or 'none'}",
            do="leave --schema out, or name one of these",
        )
    known = [found for found in map(platform, [name] if name else PLATFORMS) if found.mysql == mysql]
    if not known:
        raise WrongUse(
            f"{platform(str(name)).title} keeps its tables in another kind of database.",
            came=f"{name}",
            do="give the URL of the platform's own database (mysql://… or postgresql://…)",
        )
    places = [schema] if schema else sorted(columns)
    found = [(mapped, place) for mapped in known for place in places if mapped.version(columns[place])]
    if len(found) > 1:
        raise ContractError(
            "Several shops are in this database.",
            came=", ".join(f"{mapped.name} in schema {place}" for mapped, place in found),
            do="name the platform, and its schema with --schema",
        )
    if not found and name and places:
        # Which of its schemas comes nearest, so that the message names what is missing there.
        mapped = known[0]
        place = min(places, key=lambda p: min(len(v.missing(columns[p])) for v in mapped.versions))
        mapped.identified(place, columns[place])
    if not found:
        raise ContractError(
            "No platform that is known has these tables.",
            came=f"{sum(map(len, columns.values())):,} tables in {len(columns)} schemas: "
            + ", ".join(sorted(table for place in places for table in columns[place])[:8]),
            do="name the right database; known are "
            + "; ".join(f"{mapped.name} ({mapped.title} {mapped.known()})" for mapped in known)
            + ". Any other shop: docs/connect-your-shop.md",
        )
    ((mapped, place),) = found
    return mapped, place, mapped.identified(place, columns[place])
