"""One at a time, across processes and machines: advisory locks of the database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from ml.adapters import postgres
from ml.core.errors import Busy

_SPACE = 0x4E53
"""First half of our lock keys ("NS"), so that they never meet the shop's own advisory locks."""


@contextmanager
def exclusive(url: str, name: str, wait_s: float = 0, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock ``name`` on this database; it is gone when the block, the process or the machine ends.

    Parameters
    ----------
    wait_s : float
        How long to wait for somebody else who holds it.
    shared : bool
        Hold it beside others who share it; who holds it alone waits for all of them, and they for that one.

    Raises
    ------
    Busy
        Somebody else still holds it; says who and since when.
    """
    application = f"{postgres.APPLICATION} {name}"
    with (
        closing(postgres.connect(url, application_name=application)) as connection,
        connection.cursor() as cursor,
    ):
        connection.autocommit = True
        deadline, pause = time.monotonic() + wait_s, 0.02
        # Asked again and again: a waiting pg_advisory_lock would hold back vacuum for as long as it waits.
        while not _taken(cursor, name, shared=shared):
            if time.monotonic() >= deadline:
                raise Busy(
                    f"Somebody else is at it: {name}.",
                    came=_holder(cursor, name),
                    do="wait for it to end, or end that process if it hangs",
                )
            time.sleep(pause)
            pause = min(1.0, pause * 1.5)
        yield


def _taken(cursor: Any, name: str, *, shared: bool) -> bool:
    function = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
    cursor.execute(f"SELECT {function}(%s, hashtext(%s))", (_SPACE, name))
    return bool(cursor.fetchone()[0])


def _holder(cursor: Any, name: str) -> str:
    cursor.execute(
        """
        SELECT a.pid, a.application_name, coalesce(a.client_addr::text, 'this machine'), a.backend_start
        FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND l.classid::bigint = %s AND l.objid::bigint = (hashtext(%s)::bigint & 4294967295)
        """,
        (_SPACE, name),
    )
    row = cursor.fetchone()
    if row is None:
        return "it ended just now"
    pid, application, client, since = row
    return f"{application} (database process {pid}, from {client}) since {since:%Y-%m-%d %H:%M:%S %Z}"
