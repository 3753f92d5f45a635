"""A large table of the shop read by ranges of its key, each by itself and all of them in one state of the shop."""

# ruff: noqa: S608 (names come from the contract, never from outside; the bounds are parameters)
from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from ml.adapters.erasure.ownership import Owners, Ownership
from ml.adapters.lake import Lake
from ml.adapters.shop import reader
from ml.adapters.shop.pseudonym import Pseudonym
from ml.adapters.shop.select import Shop, quoted
from ml.contract.table import Table
from ml.contract.tables import TABLES
from ml.core.spread import Place, Spread

ROWS_PER_RANGE = 250_000
_LOOKED_AT = 64
"""One key in so many is looked at to find the bounds."""

Bounds = tuple[str | None, str | None]
"""From (inclusive) and to (exclusive); None: no bound, and the first range has the rows without a key."""


@dataclass(frozen=True)
class Request:
    """What every range is read with: the same shop, state, times and key."""

    url: str
    lake: str
    hash_key: str
    timezone: str
    as_of: datetime
    sample: int | None
    found: Mapping[str, Mapping[str, tuple[str, bool]]]
    now: datetime
    state: str
    """Of the transaction that exported it: nobody's later change is seen."""


def exported(connection: Any) -> tuple[datetime, str]:
    """What counts as the present in a transaction, and its state of the shop for others, as long as it is open."""
    with closing(connection.cursor()) as cursor:
        cursor.execute("SELECT current_setting('nightshift.now')::timestamptz AS now, pg_export_snapshot() AS state")
        row = cursor.fetch_arrow_table().to_pylist()[0]
    return row["now"], row["state"]


def bounds(connection: Any, shop: Shop, table: Table) -> list[Bounds]:
    """Ranges of about :data:`ROWS_PER_RANGE` rows by the first column of the key; rows of one key lie in one range."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SELECT count(*) AS rows FROM shop.{quoted(table.name)}")
        count = math.ceil(cursor.fetch_arrow_table()["rows"][0].as_py() / ROWS_PER_RANGE)
        if count < 2:
            return [(None, None)]
        shares = ", ".join(f"{i / count:.6f}" for i in range(1, count))
        key = _key(shop, table)
        cursor.execute(
            f"SELECT percentile_disc(ARRAY[{shares}]) WITHIN GROUP (ORDER BY {key}) AS cuts FROM shop.{quoted(table.name)} t "
            f"WHERE mod(hashtext({key}::text), {_LOOKED_AT}) = 0"
        )
        cuts = sorted_once(cursor.fetch_arrow_table()["cuts"][0].as_py() or [])
    return list(zip([None, *cuts], [*cuts, None], strict=True))


def sorted_once(cuts: list[str | None]) -> list[str]:
    """The cuts as the database ordered them, each once."""
    return list(dict.fromkeys(cut for cut in cuts if cut is not None))


def read(
    spread: Spread, request: Request, table: Table, folder: str, within: list[Bounds], whose: Ownership
) -> dict[str, Any]:
    """Read a table by ranges; gives the manifest's entry, as :meth:`reader.Reader.read`."""
    lake = Lake(request.lake)
    lake.remove(folder)
    forgotten = (whose.customers, whose.keys, whose.contacts)
    pieces = spread(read_range, [(request, table.name, folder, n, two, forgotten) for n, two in enumerate(within)])
    nulls: Counter[str] = Counter(dict.fromkeys(table.column_names, 0))
    sums: dict[str, str] = {}
    for piece in pieces:
        nulls.update(piece["nulls"])
        sums |= piece["sums"]
        for known, learned in ((whose.keys, piece["keys"]), (whose.contacts, piece["contacts"])):
            for column, owners in learned.items():
                known.setdefault(column, {}).update(owners)
    sha256 = lake.record(folder, sums)
    entry: dict[str, Any] = pieces[0]["entry"]
    return entry | {
        "rows": sum(piece["entry"]["rows"] for piece in pieces),
        "bytes": lake.usage(folder),
        "sha256": sha256,
        "nulls": dict(nulls),
        "erased": sum(piece["entry"]["erased"] for piece in pieces),
        "seconds": max(piece["entry"]["seconds"] for piece in pieces),
    }


def read_range(
    _place: Place,
    request: Request,
    name: str,
    folder: str,
    number: int,
    within: Bounds,
    owners: tuple[frozenset[str], dict[str, Owners], dict[str, Owners]],
) -> dict[str, Any]:
    """Read one range into the lake, in the state of the shop that was exported."""
    pseudonym, shop, table = Pseudonym(request.hash_key), Shop.of(request.found), TABLES[name]
    whose = Ownership(owners[0], pseudonym.hashed, owners[1], owners[2])
    with reader.reading(
        request.url, request.timezone, request.as_of, request.now, request.sample, request.state
    ) as connection:
        where, values = _within(_key(shop, table), within)
        one = reader.Reader(
            connection,
            Lake(request.lake),
            shop,
            pseudonym,
            partial(shop.select, sample=request.sample is not None, within=where),
            whose,
            values,
        )
        entry, sums = one.read_range(table, folder, number)
    return {"entry": entry, "nulls": entry["nulls"], "sums": sums, "keys": whose.keys, "contacts": whose.contacts}


def _key(shop: Shop, table: Table) -> str:
    """The key's first column: a text as it is, so that its index serves; anything else as its text."""
    column = table.key[0]
    kind = shop.types.get(table.name, {}).get(column)
    return f"t.{quoted(column)}" + ("" if kind == "text" else "::text")


def _within(key: str, within: Bounds) -> tuple[str, tuple[str, ...]]:
    low, high = within
    values = tuple(bound for bound in within if bound is not None)
    if low is None:
        return (f"({key} < $1 OR {key} IS NULL)", values) if high is not None else ("", ())
    return f"{key} >= $1" + (f" AND {key} < $2" if high is not None else ""), values
