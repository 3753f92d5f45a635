"""The view that the shop reads: point it to another batch while readers read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql

from ml.adapters.batches.batch_table import SCHEMA, live_of, name_of
from ml.adapters.postgres import READERS, TYPES
from ml.adapters.postgres.acting import as_login
from ml.core.errors import Busy, NightshiftError
from ml.core.spec import Published

LOCK_TIMEOUT_S = 0.5
"""Below Postgres' deadlock_timeout of 1 s: when a reader and the swap wait for each other, the swap gives way."""

PATIENCE_S = 300.0
_ADDED = {
    "batch_id": (
        "bigint",
        "Batch of the row; its story is in ml_ops.batch. Negative: a run between nights, in ml_ops.live.",
    ),
    "model_version": ("integer", "Version of the model that made it; its story is in ml_ops.promotion."),
    "as_of": ("timestamptz", "It uses only what was known before this."),
}


_OTHERS = """
DELETE FROM {} AS l USING ml_ops.batch AS b, ml_ops.version AS mine, ml_ops.version AS other
WHERE b.batch_id = %s AND (mine.capability, mine.version) = (b.capability, b.model_version)
  AND (other.capability, other.version) = (b.capability, l.model_version) AND other.shop <> mine.shop
"""

_KEY = """
SELECT a.attname FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indisprimary AND i.indrelid = to_regclass(%s)
"""


@dataclass(frozen=True)
class Patience:
    """Tries of a swap: each waits for locks for ``lock_timeout_s``, all together for ``total_s``.

    While a try waits, new reads of the view queue behind it; between tries they run.
    """

    lock_timeout_s: float
    total_s: float
    check: Callable[[], None] = lambda: None
    """Raises where the change may not be made any more; called once nobody else can change views."""

    def run(self, cursor: Any, tables: Sequence[str], action: Callable[[], None]) -> None:
        """Do ``action`` alone among all who change views; its locks are held until the transaction ends."""
        deadline, pause = time.monotonic() + self.total_s, 0.05
        while True:
            cursor.execute("SAVEPOINT swap")
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{int(self.lock_timeout_s * 1000)}ms",))
            try:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('nightshift swap', 0))")
                self.check()
                return action()
            except (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected):
                cursor.execute("ROLLBACK TO SAVEPOINT swap; RELEASE SAVEPOINT swap")
            if time.monotonic() > deadline:
                raise Busy(
                    f"Somebody reads {', '.join(tables)} and does not end; the shop still sees the batch before.",
                    came=_readers(cursor, tables),
                    do="let that session end its transaction (SELECT pg_terminate_backend(…)) and publish again",
                )
            time.sleep(pause)
            pause = min(5.0, pause * 2)


def _readers(cursor: Any, tables: Sequence[str]) -> str:
    as_login(cursor)  # which may see what others do
    cursor.execute(
        """
        SELECT DISTINCT a.pid, a.usename, a.application_name, a.state, a.xact_start
        FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
        WHERE l.granted AND a.pid <> pg_backend_pid()
          AND l.relation IN (SELECT to_regclass(format('ml.%%I', name)) FROM unnest(%s) AS name)
        """,
        (list(tables),),
    )
    rows = [
        f"process {row['pid']} of {row['usename']} ({row['application_name'] or 'no application name'})" + _since(row)
        for row in cursor.fetchall()
    ]
    return "\n".join(rows) or "the reader has just ended"


def _since(row: Mapping[str, Any]) -> str:
    # Of another login's session a login without pg_read_all_stats sees the process and the name alone.
    return f", {row['state']}, transaction since {row['xact_start']:%Y-%m-%d %H:%M:%S %Z}" if row["xact_start"] else ""


def point(cursor: Any, table: str, batch_id: int, meaning: Published | None = None, *, live: bool = True) -> None:
    """Let ``ml.<table>`` show the batch; its grants stay. ``meaning`` gives the comments.

    The rows of the lane between nights stand beside it, where there are any (not if ``live`` is False, and not while
    they have other columns than the batch).
    """
    columns = _columns(cursor, SCHEMA, name_of(table, batch_id))
    wanted = columns | {name: kind for name, (kind, _) in _ADDED.items()}
    now = _columns(cursor, "ml", table)
    wanted_types = list(_typed(cursor, wanted).items())
    if now and list(now.items()) != wanted_types:
        _refuse_dependents(cursor, table, now, dict(wanted_types))
        grants = _grants(cursor, table)
        cursor.execute(sql.SQL("DROP VIEW {}").format(sql.Identifier("ml", table)))
    else:
        grants = []
    beside = live and list(_columns(cursor, SCHEMA, live_of(table)).items())[: len(columns)] == list(columns.items())
    if beside:
        # Its time would not hide what the lane made of another shop.
        cursor.execute(sql.SQL(_OTHERS).format(sql.Identifier(SCHEMA, live_of(table))), (batch_id,))
    cursor.execute(_view(cursor, table, batch_id, list(columns), live=beside))
    if not now:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", (list(READERS),))
        grants = [(row["rolname"], "SELECT", False) for row in cursor.fetchall()]
    for grantee, privilege, grantable in grants:
        _grant(cursor, table, grantee, privilege, grantable=grantable)
    if meaning:
        _comment(cursor, meaning)


def _view(cursor: Any, table: str, batch_id: int, columns: Sequence[str], *, live: bool) -> sql.Composed:
    """The batch's rows and, with ``live``, those of the lane that know more than the batch: one row a key.

    A row of the lane is never taken away when a batch covers it: it is hidden by its time, in the same instant in which
    the batch is seen, and a rollback shows it again.
    """
    cursor.execute(
        "SELECT model_version, as_of, least(as_of, read_at) AS known FROM ml_ops.batch WHERE batch_id = %s", (batch_id,)
    )
    facts = {"batch_id": batch_id} | dict(cursor.fetchone())
    known = sql.SQL("{}::timestamptz").format(sql.Literal(facts.pop("known")))
    constants = [
        sql.SQL("{}::{} AS {}").format(sql.Literal(facts[name]), sql.SQL(kind), sql.Identifier(name))
        for name, (kind, _) in _ADDED.items()
    ]
    names = [sql.SQL("b.{}").format(sql.Identifier(name)) for name in columns]
    batch = sql.SQL("SELECT {} FROM {} AS b").format(
        sql.SQL(", ").join([*names, *constants]), sql.Identifier(SCHEMA, name_of(table, batch_id))
    )
    view = sql.SQL("CREATE OR REPLACE VIEW {} AS ").format(sql.Identifier("ml", table))
    if not live:
        return view + batch
    beside = sql.Identifier(SCHEMA, live_of(table))
    cursor.execute(_KEY, (f'{SCHEMA}."{live_of(table)}"',))
    same = sql.SQL(" AND ").join(
        sql.SQL("l.{0} = b.{0}").format(sql.Identifier(row["attname"])) for row in cursor.fetchall()
    )
    return view + sql.SQL(
        "{batch} WHERE NOT EXISTS (SELECT FROM {live} AS l WHERE {same} AND l.as_of > {known}) "
        "UNION ALL SELECT {names}, - b.run, b.model_version, b.as_of FROM {live} AS b WHERE b.as_of > {known}"
    ).format(batch=batch, live=beside, same=same, known=known, names=sql.SQL(", ").join(names))


def _columns(cursor: Any, schema: str, name: str) -> dict[str, str]:
    """Types by column in order; empty if there is no such table."""
    cursor.execute(
        """
        SELECT attname, format_type(atttypid, atttypmod) AS kind FROM pg_attribute
        WHERE attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) AND attnum > 0 AND NOT attisdropped
        ORDER BY attnum
        """,
        (schema, name),
    )
    return {row["attname"]: row["kind"] for row in cursor.fetchall()}


def same_columns(cursor: Any, schema: str, name: str, wanted: dict[str, str]) -> bool:
    """Whether a table is there and has these columns, with these types, in this order."""
    return list(_columns(cursor, schema, name).items()) == list(_typed(cursor, wanted).items())


def _typed(cursor: Any, columns: dict[str, str]) -> dict[str, str]:
    """The same with each type's full name (timestamptz is timestamp with time zone)."""
    cursor.execute(
        "SELECT kind, format_type(to_regtype(kind), NULL) AS full FROM unnest(%s) AS kind", (list(columns.values()),)
    )
    full = {row["kind"]: row["full"] for row in cursor.fetchall()}
    return {name: full[kind] for name, kind in columns.items()}


def check_dependents(cursor: Any, table: Published) -> None:
    """Raise if the columns of ``table`` changed while views of the shop depend on it."""
    wanted = {c.name: TYPES[c.kind] for c in table.columns} | {name: kind for name, (kind, _) in _ADDED.items()}
    now, then = _columns(cursor, "ml", table.name), _typed(cursor, wanted)
    if now and list(now.items()) != list(then.items()):
        _refuse_dependents(cursor, table.name, now, then)


def _refuse_dependents(cursor: Any, table: str, now: dict[str, str], then: dict[str, str]) -> None:
    cursor.execute(
        """
        SELECT DISTINCT format('%%I.%%I', n.nspname, c.relname) AS name
        FROM pg_depend AS d JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        JOIN pg_class AS c ON c.oid = r.ev_class JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE d.refobjid = to_regclass(format('ml.%%I', %s::text)) AND c.oid <> d.refobjid ORDER BY 1
        """,
        (table,),
    )
    names = [row["name"] for row in cursor.fetchall()]
    if names:
        changed = sorted(set(now.items()) ^ set(then.items())) or [("order of columns", "changed")]
        raise NightshiftError(
            f"ml.{table} gets other columns, and views of the shop depend on it.",
            came=f"depending: {', '.join(names)}; columns: " + ", ".join(f"{n} {k}" for n, k in changed),
            do="drop those views, publish, and create them again; until then the shop sees the batch before",
        )


def _grants(cursor: Any, table: str) -> list[tuple[str, str, bool]]:
    """``(grantee, privilege, grantable)`` of the view beside its owner's own."""
    cursor.execute(
        """
        SELECT coalesce(r.rolname, '') AS grantee, a.privilege_type AS privilege, a.is_grantable AS grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a LEFT JOIN pg_roles AS r ON r.oid = a.grantee
        WHERE c.oid = to_regclass(format('ml.%%I', %s::text)) AND a.grantee <> c.relowner
        """,
        (table,),
    )
    return [(row["grantee"], row["privilege"], row["grantable"]) for row in cursor.fetchall()]


def _grant(cursor: Any, table: str, grantee: str, privilege: str, *, grantable: bool) -> None:
    cursor.execute(
        sql.SQL("GRANT {} ON {} TO {}{}").format(
            sql.SQL(privilege),
            sql.Identifier("ml", table),
            sql.Identifier(grantee) if grantee else sql.SQL("PUBLIC"),
            sql.SQL(" WITH GRANT OPTION" if grantable else ""),
        )
    )


def _comment(cursor: Any, table: Published) -> None:
    """Write the meanings into the catalogue where they are not there yet: each statement prolongs the swap."""
    wanted = {c.name: f"{c.meaning} [{c.unit}]" if c.unit else c.meaning for c in table.columns}
    wanted |= {name: meaning for name, (_, meaning) in _ADDED.items()}
    cursor.execute(
        """
        SELECT attname, col_description(attrelid, attnum) AS said, obj_description(attrelid, 'pg_class') AS about
        FROM pg_attribute WHERE attrelid = to_regclass(format('ml.%%I', %s::text)) AND attnum > 0
        """,
        (table.name,),
    )
    rows = cursor.fetchall()
    view = sql.Identifier("ml", table.name)
    if rows[0]["about"] != table.meaning:
        cursor.execute(sql.SQL("COMMENT ON VIEW {} IS {}").format(view, sql.Literal(table.meaning)))
    for row in rows:
        name = row["attname"]
        if row["said"] != wanted[name]:
            column = sql.Identifier("ml", table.name, name)
            cursor.execute(sql.SQL("COMMENT ON COLUMN {} IS {}").format(column, sql.Literal(wanted[name])))


def drop(cursor: Any, table: str, batch_id: int) -> bool:
    """Drop a batch's table if the shop does not see it; whether it was dropped."""
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{int(LOCK_TIMEOUT_S * 1000)}ms",))
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('nightshift swap', 0))")
    cursor.execute(
        """
        UPDATE ml_ops.batch SET status = 'dropped', ended_at = coalesce(ended_at, clock_timestamp())
        WHERE batch_id = %s AND status IN ('superseded', 'rolled_back')
        """,
        (batch_id,),
    )
    if not cursor.rowcount:
        return False
    cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(SCHEMA, name_of(table, batch_id))))
    return True
