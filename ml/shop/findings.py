"""What a person would want to know of a shop that breaks no rule: odd times, ids and texts, and four numbers to recognise.

All of it is asked of the tables as a night read them, in DuckDB.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from ml.adapters.shop.pseudonym import Pseudonym
from ml.contract.identities import COMMON_CUSTOMERS, COMMON_SHARE, NO_VALUE, STRUCTURED, WORDED
from ml.contract.tables import TABLES
from ml.shop.ddl import quoted
from ml.shop.report import counted
from ml.shop.sources._files import blocks

_TRACES = (
    ("order", "device_id"),
    ("order", "ip"),
    ("order", "email"),
    ("order", "shipping_address"),
    ("payment", "card"),
)
_NAMES = (("product", "category"), ("product", "brand"))
_SPANS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_STATUSES = 8
_PAGE = "docs/connect-your-shop.md"

Sql = Mapping[str, str]


class Shop(NamedTuple):
    """A connection to the tables of a shop, by their contract names; ``tables`` are those that it has."""

    db: duckdb.DuckDBPyConnection
    tables: Collection[str]

    def one(self, sql: str, **params: Any) -> tuple[Any, ...]:
        rows: list[tuple[Any, ...]] = self.db.execute(sql, params).fetchall()
        return rows[0] if rows else ()


def numbers(shop: Shop, timezone: str) -> Iterator[tuple[str, str]]:
    """Four numbers by which a person sees at once whether units, zone and words are right."""
    sql = _sql()
    median, n = shop.one(sql["median_total"])
    if n:
        yield "median order value", f"{median:,.2f}"
    if dearest := shop.one(sql["dearest"]):
        price, product, title = dearest
        yield "dearest product", f"{price:,.2f}: {_cut(title) if title else ''} ({product})".replace(":  (", ": (")
    if busiest := shop.one(sql["busiest_hour"], zone=timezone):
        hour, share = busiest
        yield "busiest hour", f"{hour:02d}:00 to {(hour + 1) % 24:02d}:00 in {timezone}, {share:.1%} of the orders"
    statuses = shop.db.execute(sql["statuses"]).fetchall()
    if statuses:
        rest = sum(share for _, share in statuses[_STATUSES:])
        shares = [f"{_cut(word)} {share:.1%}" for word, share in statuses[:_STATUSES]]
        yield (
            "order.status",
            ", ".join([*shares, *([f"{len(statuses) - _STATUSES} more words {rest:.1%}"] if rest else [])]),
        )


def findings(shop: Shop, pseudonym: Pseudonym, decide_minutes: int) -> Iterator[str]:
    """Say what is odd, what becomes of it, and what to do."""
    sql = _sql()
    if "payment" in shop.tables:
        yield from _payments(shop, sql, decide_minutes)
    yield from _early(shop, sql)
    yield from _orphans(shop, sql)
    yield from _common(shop, sql)
    yield from _no_values(shop, sql, pseudonym)
    yield from _structured(shop, sql)


def lasting(seconds: float) -> str:
    """Say how long.

    Examples
    --------
    >>> lasting(3), lasting(5400), lasting(18 * 86400)
    ('3 seconds', '90 minutes', '18 days')
    """
    size, name = next((span for span in _SPANS if seconds >= 2 * span[0]), _SPANS[-1])
    n = round(seconds / size)
    return f"{n:,} {name}{'' if n == 1 else 's'}"


def _sql() -> Sql:
    return blocks(Path(__file__).with_suffix(".sql"))


def _filled(sql: str, **names: str) -> str:
    for name, value in names.items():
        sql = sql.replace(f"${name}", quoted(value))
    return sql


def _payments(shop: Shop, sql: Sql, minutes: int) -> Iterator[str]:
    late, too_late, of_all, usual, latest = shop.one(sql["payments"], minutes=minutes)
    if late:
        more = (
            f"Later than that: {too_late:,}; of these only the card counts, for lists and entity_risk."
            if too_late
            else ""
        )
        yield (
            f"shop.payment: {late:,} of {of_all:,} payments come after their order, by {lasting(usual)} in the middle and "
            f"{lasting(latest)} at most. Up to {minutes} minutes after it a payment belongs to its order in risk. {more}"
        ).rstrip()


def _early(shop: Shop, sql: Sql) -> Iterator[str]:
    for name, lines, column, whose in (
        ("lines_before_product", "order lines", "product.listed_at", "product"),
        ("orders_before_customer", "orders", "customer.registered_at", "customer"),
    ):
        early, of_all, things, most = shop.one(sql[name])
        if early:
            yield (
                f"shop.{column}: {early:,} of {of_all:,} {lines} are older than their {whose}, by up to {lasting(most)}, as "
                f"after a move from another system. These {things:,} {whose}s count as known from their first sale; leave "
                "the column null where the date is that of the move."
            )


def _orphans(shop: Shop, sql: Sql) -> Iterator[str]:
    for table in (TABLES[name] for name in TABLES if name in shop.tables):
        for column, parent, key in table.references:
            if parent not in shop.tables:
                continue
            names = {"table": table.name, "column": column, "parent": parent, "key": key}
            rows, values, example = shop.one(_filled(sql["orphans"], **names))
            if not rows:
                continue
            otherwise = shop.one(_filled(sql["written_otherwise"], **names))
            theirs, ours = otherwise or (example, shop.one(_filled(sql["any_key"], **names))[0])
            has = f"{parent} has {_cut(ours)!r}" if ours is not None else f"{parent} has none at all"
            do = " Write both alike in the views (an id with .0 was a number with gaps in pandas)." if otherwise else ""
            yield (
                f"shop.{table.name}.{column}: {parent}.{key} does not have {values:,} of its values ({counted(rows)}), "
                f"as {_cut(theirs)!r}; {has}.{do}"
            )


def _common(shop: Shop, sql: Sql) -> Iterator[str]:
    (people,) = shop.one(sql["people"])
    for table, column in _TRACES:
        if table not in shop.tables:
            continue
        used = _filled(sql[f"used_in_{table}"], column=column)
        found = shop.one(sql["common"].replace("$used", used))
        if found and found[0] >= COMMON_CUSTOMERS and found[0] > COMMON_SHARE * people:
            yield (
                f"shop.{table}.{column}: one value stands for {found[0]:,} of {people:,} customers, as that of a proxy or a "
                "word for 'unknown' would. Risk does not use it; write null instead in the view."
            )


def _no_values(shop: Shop, sql: Sql, pseudonym: Pseudonym) -> Iterator[str]:
    hashed = dict(zip(pseudonym.hashed(pa.array(NO_VALUE)).to_pylist(), NO_VALUE, strict=True))
    for table in (TABLES[name] for name in TABLES if name in shop.tables):
        for column in (column for column in table.columns if column.kind == "text"):
            words = list(hashed) if column.personal else list(NO_VALUE)
            query = _filled(sql["no_value"], table=table.name, column=column.name)
            n, of_all, most = shop.one(query, words=words)
            if n:
                word = hashed[most] if column.personal else most
                yield (
                    f"shop.{table.name}.{column.name}: {n:,} of {of_all:,} values are a word for nothing, as {word!r}, and "
                    f"are taken as they are: nullif({column.name}, '{word}') in the view makes them null."
                )


def _structured(shop: Shop, sql: Sql) -> Iterator[str]:
    words = [(table, column) for table, columns in WORDED.items() for column in columns]
    for table, column in (*words, *_NAMES):
        if table not in shop.tables:
            continue
        n, of_all, example = shop.one(_filled(sql["structured"], table=table, column=column), pattern=STRUCTURED)
        if n:
            yield (
                f"shop.{table}.{column}: {n:,} of {of_all:,} values are no text but JSON or the like, as {_cut(example)!r}, "
                f"and are {'not used as words' if (table, column) in words else 'shown as they are'}: choose a language in the view, as {column}::jsonb ->> 'en' ({_PAGE})."
            )


def _cut(value: str) -> str:
    return value if len(value) <= 40 else value[:37] + "..."
