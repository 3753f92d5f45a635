"""The batches that were published: show one, go back to the one before, drop the old ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import psycopg2

from ml.adapters import postgres
from ml.adapters.batches import batch_table, view
from ml.adapters.postgres.acting import publishing
from ml.core.errors import NightshiftError, unknown
from ml.core.spec import Published

DONE = ("published", "superseded", "rolled_back")
"""Status of the batches whose table is there."""


def show(
    cursor: postgres.Cursor, shown: Mapping[str, int], before: str, meanings: Mapping[str, Published] | None = None
) -> None:
    """Point each table's view to its batch; the batch seen until now becomes ``before``."""
    for name in sorted(shown):
        view.point(cursor, name, shown[name], (meanings or {}).get(name))
    cursor.execute(
        """
        UPDATE ml_ops.batch SET status = %s, ended_at = clock_timestamp()
        WHERE table_name = ANY(%s) AND status = 'published' AND batch_id <> ALL(%s)
        """,
        (before, list(shown), list(shown.values())),
    )
    # Going back keeps the time of first publication: going back again then finds the batch before that.
    cursor.execute(
        """
        UPDATE ml_ops.batch SET status = 'published', ended_at = NULL,
            published_at = CASE WHEN %s = 'rolled_back' THEN published_at ELSE clock_timestamp() END
        WHERE batch_id = ANY(%s) AND status <> 'published'
        """,
        (before, list(shown.values())),
    )


def newer(url: str, capability: str, shop: str, as_of: datetime) -> list[dict[str, Any]]:
    """Batches of ``capability`` that ``shop`` reads and that know more than ``as_of``: a night of then is of the past.

    Where the shop reads nothing of the capability yet, those of the other capabilities tell. What was published for a
    future night (there was such a thing) or for another shop that lay here before counts for nothing.
    """
    rows = postgres.query(
        url,
        """
        SELECT b.batch_id, b.table_name, b.capability, b.night, b.as_of, v.shop FROM ml_ops.batch AS b
        LEFT JOIN ml_ops.version AS v ON (v.capability, v.version) = (b.capability, b.model_version)
        WHERE b.status = 'published' AND b.as_of <= clock_timestamp() ORDER BY b.table_name
        """,
    )
    rows = [row for row in rows if row["shop"] is None or _source(row["shop"]) == _source(shop)]
    own = [row for row in rows if row["capability"] == capability]
    return [row for row in own or rows if row["as_of"] > as_of]


def _source(shop: str) -> str:
    """Which shop it is, whatever the state of the data that Nightshift loaded into it."""
    return shop.rpartition("-")[0] if "/" in shop else shop


def named(rows: Iterable[Mapping[str, Any]]) -> str:
    """Batches in words, a night at a time.

    Examples
    --------
    >>> named([{"table_name": "order_risk", "batch_id": 4, "night": "2026-01-02"}])
    'of the night of 2026-01-02 ml.order_risk (batch 4)'
    """
    nights: dict[Any, dict[str, None]] = {}
    for row in rows:
        nights.setdefault(row["night"], {})[f"ml.{row['table_name']} (batch {row['batch_id']})"] = None
    return "; ".join(f"of the night of {night} {', '.join(tables)}" for night, tables in sorted(nights.items()))


def rollback(url: str, table: str, *, patience_s: float = 30) -> dict[str, Any]:
    """Show the batch before again, for ``table`` and for the tables that were published with it.

    A re-run of the night that was rolled back does not bring it back (unless forced); another night's batch, or one of
    the same night with other inputs, is published as ever.

    Returns
    -------
    dict
        ``table``, and ``tables``: by name, the batch ``from`` which and ``to`` which the view went, and ``to``'s
        ``night`` and ``model_version``.

    Raises
    ------
    NightshiftError
        The shop sees no batch of ``table``, or there is none before it.
    """
    with publishing(url) as cursor:
        moves: dict[str, dict[str, Any]] = {}

        def go() -> None:
            moves.clear()
            moves.update(_moves(cursor, table))
            show(cursor, {name: move["to"] for name, move in moves.items()}, "rolled_back")

        view.Patience(view.LOCK_TIMEOUT_S, patience_s).run(cursor, [table], go)
    return {"table": table, "tables": moves}


def _moves(cursor: postgres.Cursor, table: str) -> dict[str, dict[str, Any]]:
    """From which to which batch each table published together with ``table`` goes back."""
    cursor.execute("SELECT table_name FROM ml_ops.batch WHERE status = 'published' ORDER BY 1")
    names = [row["table_name"] for row in cursor.fetchall()]
    if table not in names:
        raise unknown("published table", table, names)
    # The target's inputs choose its companions' batches, so that tables that belong together stay together.
    cursor.execute(
        """
        WITH target AS (
            SELECT o.night, o.inputs_sha256, n.capability, n.night AS from_night, n.inputs_sha256 AS from_inputs
            FROM ml_ops.batch AS n JOIN ml_ops.batch AS o USING (table_name)
            WHERE table_name = %s AND n.status = 'published' AND o.status = 'superseded'
            ORDER BY o.published_at DESC LIMIT 1)
        SELECT o.table_name, n.batch_id AS "from", o.batch_id AS "to", o.night, o.model_version
        FROM target AS t
        JOIN ml_ops.batch AS n ON n.status = 'published' AND n.capability = t.capability
             AND (n.night, n.inputs_sha256) = (t.from_night, t.from_inputs)
        JOIN ml_ops.batch AS o ON o.table_name = n.table_name AND o.status = 'superseded'
             AND (o.night, o.inputs_sha256) = (t.night, t.inputs_sha256)
        """,
        (table,),
    )
    moves = {row["table_name"]: {k: row[k] for k in ("from", "to", "night", "model_version")} for row in cursor}
    if table not in moves:
        raise NightshiftError(
            f"There is no batch of {table} before the one that the shop sees.",
            came="no superseded batch whose table is still there",
            do="SELECT * FROM ml_ops.batch ORDER BY batch_id tells their story; run a night for new ones",
        )
    return moves


def retention(url: str, keep: int = 7) -> list[str]:
    """Drop the tables of old batches; ``keep`` of each table stay, and always the visible one and the one before it.

    A table that somebody reads at this moment, or that a view of the shop depends on, is left for the next time.

    Returns
    -------
    list of str
        Names of the tables dropped.
    """
    old = postgres.query(
        url,
        """
        SELECT batch_id, table_name FROM (
            SELECT batch_id, table_name, status,
                row_number() OVER (PARTITION BY table_name ORDER BY published_at DESC) AS age,
                row_number() OVER (PARTITION BY table_name, status ORDER BY published_at DESC) AS age_in_status
            FROM ml_ops.batch WHERE status = ANY(%s)) AS batches
        WHERE age > %s AND status <> 'published' AND NOT (status = 'superseded' AND age_in_status = 1)
        ORDER BY batch_id
        """,
        (list(DONE), keep),
    )
    dropped = []
    for batch in old:
        with (
            suppress(psycopg2.errors.LockNotAvailable, psycopg2.errors.DependentObjectsStillExist),
            publishing(url) as cursor,
        ):
            if view.drop(cursor, batch["table_name"], batch["batch_id"]):
                dropped.append(batch_table.name_of(batch["table_name"], batch["batch_id"]))
    return dropped
