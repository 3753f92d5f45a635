"""A shop that is read from a replica: what it has not replayed yet, a night must not take for nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ml.adapters import postgres
from ml.core.errors import Unreachable

_STATE = """
SELECT pg_is_in_recovery() AS replica, pg_last_xact_replay_timestamp() AS replayed_at,
       pg_last_wal_replay_lsn() IS NOT DISTINCT FROM pg_last_wal_receive_lsn()
       AND EXISTS (SELECT FROM pg_stat_wal_receiver) AS caught_up
"""


def refuse_lagging(url: str, as_of: datetime) -> None:
    """Refuse a replica that may lack what the shop did before ``as_of``; some time later it may have it.

    Raises
    ------
    Unreachable
        The last transaction that it replayed is older, and it does not follow a primary from which nothing is missing.
    """
    state: dict[str, Any] = postgres.query(url, _STATE)[0]
    replayed: datetime | None = state["replayed_at"]
    if not state["replica"] or replayed is None or replayed >= as_of or state["caught_up"]:
        return
    raise Unreachable(
        "The shop is read from a replica that lags: what was done before this night began may be missing in it.",
        came=f"it has what was done up to {replayed:%Y-%m-%d %H:%M:%S %Z}; the night begins at {as_of:%Y-%m-%d %H:%M:%S %Z}",
        do="wait until it has caught up (pg_last_xact_replay_timestamp()), or name the primary in NIGHTSHIFT_SHOP_URL",
    )
