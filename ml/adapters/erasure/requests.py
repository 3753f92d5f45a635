"""Requests to be forgotten: read from the shop, kept by the keyed hash of the id, answered by a receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg2
import pyarrow as pa
from psycopg2.extras import Json, execute_values

from ml.adapters import postgres
from ml.core.errors import ContractError, DataRefused

FEW, SHARE = 100, 0.05
"""Requests at once that are always believed; and what share of the customers."""

_READ = """
SELECT customer_id::text AS customer_id, min({when}) AS requested_at FROM shop.erasure
WHERE trim(customer_id::text) <> '' GROUP BY 1 ORDER BY 1
"""
_STILL_THERE = """
SELECT c.customer_id::text AS customer_id FROM shop.customer AS c
WHERE c.customer_id::text IN (SELECT customer_id::text FROM shop.erasure)
"""
_HAS = """
SELECT a.attname AS name FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'shop' AND c.relname = 'erasure' AND a.attnum > 0 AND NOT a.attisdropped
"""


def from_shop(shop_url: str, timezone: str) -> list[tuple[str, datetime | None]]:
    """Read the shop's requests: customer's id and when; none if it has no table ``shop.erasure``."""
    columns = {row["name"] for row in postgres.query(shop_url, _HAS)}
    if "customer_id" not in columns:
        return []
    # Years that Python's calendar does not have (infinity) say nothing.
    when = "requested_at::timestamptz" if "requested_at" in columns else "NULL::timestamptz"
    when = f"CASE WHEN isfinite({when}) AND {when} BETWEEN '0002-01-01' AND '9998-01-01' THEN {when} END"
    try:
        with postgres.transaction(shop_url, readonly=True) as cursor:
            cursor.execute("SELECT set_config('TimeZone', %s, true)", (timezone,))
            cursor.execute(_READ.format(when=when))
            return [(row["customer_id"], row["requested_at"]) for row in cursor.fetchall()]
    except (psycopg2.DataError, psycopg2.ProgrammingError) as error:
        raise ContractError(
            "The requests to be forgotten in shop.erasure could not be read.",
            came=str(error).strip(),
            do="mend the table or view: customer_id, and requested_at as a timestamp; the login must be allowed to read it",
        ) from None


def refuse_many(shop_url: str, new: Sequence[tuple[str, datetime | None]]) -> None:
    """Raise if so many of the shop's customers are newly to be forgotten that the view must be wrong.

    Requests of customers whom the shop has deleted already take nothing from a night, and are not counted.
    """
    if len(new) <= FEW:
        return
    affected = {row["customer_id"] for row in postgres.query(shop_url, _STILL_THERE)} & {
        customer for customer, _ in new
    }
    customers = postgres.query(shop_url, "SELECT count(*) AS n FROM shop.customer")[0]["n"]
    if len(affected) > max(FEW, SHARE * customers):
        raise DataRefused(
            "shop.erasure asks to forget more customers at once than can be believed: that cannot be undone.",
            came=f"{len(affected):,} new requests of customers in shop.customer, which has {customers:,}; "
            f"{SHARE:.0%} are believed".replace("%", " %"),
            do="mend the view; if it is meant, ./nightshift erase --many forgets them all",
        )


def receive(
    url: str, requests: Sequence[tuple[str, datetime | None]], hashed: Callable[[pa.Array], pa.Array]
) -> list[str]:
    """Write down the requests that are new; returns the hash of each request given."""
    hashes: list[str] = hashed(pa.array([customer for customer, _ in requests], pa.string())).to_pylist()
    with postgres.transaction(url) as cursor:
        execute_values(
            cursor,
            "INSERT INTO ml_ops.erasure (customer_hash, requested_at) VALUES %s ON CONFLICT DO NOTHING",
            [(customer, when) for customer, (_, when) in zip(hashes, requests, strict=True)],
        )
    return hashes


def forgotten(url: str) -> frozenset[str]:
    """Keyed hashes of all customers who ever asked."""
    return frozenset(row["customer_hash"] for row in postgres.query(url, "SELECT customer_hash FROM ml_ops.erasure"))


def open_requests(url: str) -> frozenset[str]:
    """Keyed hashes of those whose request is not done."""
    rows = postgres.query(url, "SELECT customer_hash FROM ml_ops.erasure WHERE status = 'open'")
    return frozenset(row["customer_hash"] for row in rows)


def reopen(url: str, customers: Iterable[str]) -> None:
    """Ask again for those who are done: something of them may have come up since."""
    with postgres.transaction(url) as cursor:
        cursor.execute(
            """
            UPDATE ml_ops.erasure AS e SET status = 'open' WHERE customer_hash = ANY(%s) AND status = 'done'
              AND requested_at IS NOT DISTINCT FROM (
                  SELECT max(requested_at) FROM ml_ops.erasure AS o WHERE o.customer_hash = e.customer_hash)
            """,
            (list(customers),),
        )


def begin(url: str, customers: Iterable[str]) -> None:
    """Note when the erasure of these began."""
    with postgres.transaction(url) as cursor:
        cursor.execute(
            "UPDATE ml_ops.erasure SET started_at = coalesce(started_at, clock_timestamp()) "
            "WHERE customer_hash = ANY(%s) AND status = 'open'",
            (list(customers),),
        )


def add(cursor: Any, removed: Mapping[str, Mapping[str, int]]) -> None:
    """Add to the receipts, by place and customer, what was removed; in the transaction that removed it where it can be."""
    for place, by_customer in removed.items():
        for customer, rows in by_customer.items():
            cursor.execute(
                """
                UPDATE ml_ops.erasure SET removed = removed || jsonb_build_object(
                    %(place)s::text, coalesce((removed ->> %(place)s)::bigint, 0) + %(rows)s)
                WHERE customer_hash = %(customer)s AND status = 'open'
                """,
                {"place": place, "rows": rows, "customer": customer},
            )


def close(
    url: str, customers: Iterable[str], models: Sequence[Mapping[str, Any]], kept: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Close the requests; returns their receipts."""
    with postgres.transaction(url) as cursor:
        cursor.execute(
            """
            UPDATE ml_ops.erasure SET status = 'done', done_at = clock_timestamp(), models = models || %s, kept = %s
            WHERE customer_hash = ANY(%s) AND status = 'open' RETURNING *
            """,
            (Json(list(models)), Json(dict(kept)), list(customers)),
        )
        return [dict(row) for row in cursor.fetchall()]
