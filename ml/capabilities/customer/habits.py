"""What a customer usually does, in words: categories, channel, hour. Of several that are equal the first by name."""

from __future__ import annotations

import ibis

PREFERRED = 3


def habits(lines: ibis.Table, placed: ibis.Table) -> ibis.Table:
    """``customer_id``, ``preferred`` (categories by money, comma between), ``channel``, ``hour`` (of the day, UTC)."""
    named = lines.filter(lines["category"] != "")
    money = named.group_by("customer_id", "category").aggregate(n=named["cents"].sum())
    best = _ranked(money, "category", PREFERRED)
    places = {f"_{place}": best["category"].max(where=best["place"] == place) for place in range(PREFERRED)}
    preferred = best.group_by("customer_id").aggregate(**places)
    first, *others = (preferred[name] for name in places)
    for other in others:
        first = first + (ibis.literal(", ") + other).fill_null("")
    preferred = preferred.select("customer_id", preferred=first)
    rows = placed.select("customer_id").distinct()
    hours = placed.mutate(hour=((placed["at"] // 3600) % 24).cast("int64"))
    parts = [preferred, _most(placed, "channel"), _most(hours, "hour")]
    for part in parts:
        rows = rows.left_join(part, "customer_id").drop("customer_id_right")
    return rows


def _most(rows: ibis.Table, column: str) -> ibis.Table:
    filled = rows.filter(rows[column].notnull())
    counted = filled.group_by("customer_id", column).aggregate(n=filled.count())
    return _ranked(counted, column, 1).select("customer_id", column)


def _ranked(counted: ibis.Table, column: str, most: int) -> ibis.Table:
    line = ibis.window(group_by="customer_id", order_by=[ibis.desc("n"), column])
    placed = counted.mutate(place=ibis.row_number().over(line))
    return placed.filter(placed["place"] < most)
