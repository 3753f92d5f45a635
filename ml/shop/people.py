"""One person under several ids: customers, and orders of guests, with one e-mail address."""

# ruff: noqa: S608 (names are ours, never from outside)
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ml.adapters.postgres import query

_PAGE = "docs/connect-your-shop.md, 'One person, one customer'"
_ADDRESSES = "SELECT lower(trim(email::text)) AS address FROM shop.customer WHERE trim(email::text) <> ''"
_SHARED = (
    "SELECT coalesce(sum(n) FILTER (WHERE n > 1), 0)::bigint AS shared, coalesce(sum(n), 0)::bigint AS known "
    f"FROM (SELECT count(*) AS n FROM ({_ADDRESSES}) a GROUP BY address) g"
)
_GUESTS = (
    "SELECT count(*) AS n FROM shop.\"order\" WHERE nullif(trim(customer_id::text), '') IS NULL "
    f"AND lower(trim(email::text)) IN (SELECT address FROM ({_ADDRESSES}) a)"
)


def one_person(url: str, columns: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Say how many share an address, whatever its capitals. ``columns`` are those of each table of the shop.

    Asked of the shop itself: what a night reads are hashes, which know no capitals.
    """
    if "email" not in columns.get("customer", ()):
        return
    (row,) = query(url, _SHARED)
    if row["shared"]:
        yield (
            f"shop.customer: {row['shared']:,} customers share an e-mail with another ({row['known']:,} have one), as guests "
            f"do who open an account later: each has a part of one history. {_PAGE}, has the view that joins them."
        )
    if {"email", "customer_id"} <= set(columns.get("order", ())):
        (row,) = query(url, _GUESTS)
        if row["n"]:
            yield (
                f"shop.order: orders without a customer that have the e-mail of one: {row['n']:,}. Nobody's taste is learnt from "
                f"them. {_PAGE}, has the view that joins them."
            )
