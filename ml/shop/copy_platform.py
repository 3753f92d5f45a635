"""Fill the shop from a platform on MySQL or MariaDB: what ``shop connect`` does where views cannot be made for us."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from ml.settings import Settings
from ml.shop.connect import STATUSES, Connected, words
from ml.shop.ddl import quoted
from ml.shop.load import LoadReport, Progress, load
from ml.shop.noticed import noticed
from ml.shop.platforms._choices import Choices
from ml.shop.platforms._copy import Copied, Tables, by_prefix
from ml.shop.platforms._recognise import recognise

SCHEMES = ("mysql", "mariadb")


def is_mysql(url: str) -> bool:
    """Whether a URL names a database of MySQL or MariaDB."""
    return urlsplit(url).scheme.partition("+")[0] in SCHEMES


def copied(
    tables: Tables, name: str | None, prefix: str | None, choices: Choices, options: dict[str, Any]
) -> tuple[Copied, Connected]:
    """Recognise and read a platform's tables; give the source, and what was found.

    Raises
    ------
    ContractError
        No platform, or no version of it, that is known.
    """
    choices.check()
    columns = by_prefix(tables.columns())
    platform, where, version = recognise(columns, name, prefix, mysql=True)
    choices.fit(platform)
    source = Copied.of(platform, tables, where, choices, options)
    absent = tuple(t for t, optional, _ in platform.columns() if optional and t not in columns[where])
    statuses: Iterable[tuple[str | None, int]] = source.db.execute(STATUSES.format(quoted("contract order"))).fetchall()
    release = source.db.execute(platform.sql["release"]).fetchall() if "release" in platform.sql else []
    described = source.db.execute(f"DESCRIBE {quoted('contract order')}").fetchall()
    seen = noticed(
        lambda sql: source.db.execute(sql).fetchall(),
        [row[0] for row in described],
        lambda table: quoted(f"contract {table}"),
    )
    return source, Connected(
        platform,
        version,
        f"{options.get('database', '')} (prefix {where or 'none'})",
        str(release[0][0]) if release else "",
        source.counts(),
        absent,
        words(statuses),
        (),
        (),
        (),
        tuple(seen),
    )


def connect_mysql(
    url: str,
    settings: Settings | None,
    name: str | None = None,
    *,
    prefix: str | None = None,
    choices: Choices | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> tuple[Connected, LoadReport | None]:
    """Read a platform's tables and fill schema ``shop`` with what they mean; only look without ``settings``.

    Parameters
    ----------
    url : str
        ``mysql://user:password@host:3306/database``; a login that may read is enough, a replica will do: how
        far it is behind is among the notes, where the login may ask (``REPLICATION CLIENT``).
    settings : Settings, optional
        Whose shop is filled.
    prefix : str, optional
        What the platform's table names begin with (``wp_``); found if not given.
    """
    from ml.adapters.mysql import database

    parts = urlsplit(url)
    with database(url) as tables:
        options = {"database": f"{parts.hostname}{parts.path}", "prefix": prefix or ""}
        source, found = copied(tables, name, prefix, choices or Choices(), options)
        if late := tables.replica():
            found = dataclasses.replace(found, notes=(*found.notes, late))
    if settings is None:
        return found, None
    return found, load(settings, source, replace=replace, again=True, progress=progress)
