"""What ``shop connect`` notices of a mapped shop that a night will leave out or refuse: in words, with counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

Rows = Iterable[tuple[Any, ...]]
_CURRENCIES = (
    "SELECT currency, count(*) AS n, {rated} AS rated FROM {orders} GROUP BY currency ORDER BY n DESC, currency"
)
_LINES = """
    SELECT count(*) AS lines, count(*) FILTER (WHERE p.product_id IS NULL) AS gone,
        count(*) FILTER (WHERE i.unit_price = 0) AS free
    FROM {items} AS i LEFT JOIN {products} AS p ON p.product_id = i.product_id
"""


def noticed(run: Callable[[str], Rows], columns: Iterable[str], name: Callable[[str], str]) -> Iterator[str]:
    """Yield what stands out.

    Parameters
    ----------
    run : callable
        Runs a SELECT and gives its rows.
    columns : iterable of str
        Those of the mapped orders.
    name : callable
        How a table of the contract is named in SQL.
    """
    there = set(columns)
    if "currency" in there:
        rated = "count(exchange_rate)" if "exchange_rate" in there else "0"
        yield from _mixed(list(run(_CURRENCIES.format(rated=rated, orders=name("order")))))
    ((lines, gone, free),) = run(_LINES.format(items=name("order_item"), products=name("product")))
    if gone:
        yield (
            f"{gone:,} of {lines:,} order lines are of no product that is there (deleted since, or a charge): "
            "they are history, left out and counted"
        )
    if free:
        yield (
            f"{free:,} of {lines:,} order lines cost nothing (a part of a bundle, a gift): "
            "counted, and nothing is learned of them"
        )


def _mixed(currencies: list[tuple[Any, ...]]) -> Iterator[str]:
    """Name the currencies that would be added up as if they were one."""
    unrated = [(code, orders - rated) for code, orders, rated in currencies if orders > rated]
    if len(unrated) > 1:
        (own, _), *foreign = unrated
        counts = ", ".join(f"{code or 'none'} in {orders:,}" for code, orders in unrated)
        asked = " ".join(f"--rate {code}=…" for code, _ in foreign if code)
        yield (
            f"Orders are in several currencies ({counts}), which the check refuses to add up: "
            f"say what one unit is worth in {own or 'the own'}: {asked or 'give each order its currency'}"
        )
