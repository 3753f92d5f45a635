"""A replica that lags is not read as if nothing had been bought."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml.adapters import postgres
from ml.adapters.lake import Lake
from ml.adapters.shop import extract
from ml.adapters.shop.replica import refuse_lagging
from ml.core.errors import Unreachable
from tests.small_shop import fill, shop

NIGHT = datetime(2025, 4, 1, tzinfo=UTC)


def say(url: str, *, replayed: str | None, receiver: bool = False) -> None:
    """Let the server's functions say that it is a replica."""
    name = url.partition("?")[0].rpartition("/")[2]
    at = "NULL" if replayed is None else f"'{replayed}'"
    with postgres.transaction(url) as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS replica CASCADE")
        cursor.execute("CREATE SCHEMA replica")
        cursor.execute("CREATE FUNCTION replica.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'")
        cursor.execute(
            f"CREATE FUNCTION replica.pg_last_xact_replay_timestamp() RETURNS timestamptz LANGUAGE sql AS $$SELECT {at}::timestamptz$$"
        )
        cursor.execute(f"CREATE VIEW replica.pg_stat_wal_receiver AS SELECT 1 AS pid WHERE {receiver}")
        cursor.execute(f"ALTER DATABASE {name} SET search_path = replica, pg_catalog, public")


def test_a_replica_that_lags_is_refused_before_anything_is_kept(database: str, tmp_path: Path) -> None:
    """The message says up to when it has the shop, and the night tries again by itself: it may catch up."""
    fill(database, shop())
    say(database, replayed="2025-03-31 20:00Z")
    with pytest.raises(Unreachable, match=r"(?s)lags.*2025-03-31 20:00:00 UTC.*2025-04-01 00:00:00 UTC.*primary"):
        extract.extract(database, Lake(str(tmp_path)), "n/001", NIGHT, "key")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("replayed", "receiver"), [("2025-04-01 00:00Z", False), ("2025-03-31 20:00Z", True), (None, False)]
)
def test_a_replica_that_has_it_all_is_read(database: str, replayed: str | None, receiver: bool) -> None:
    """It is beyond the night's beginning, or follows a primary where nothing happened since, or does not say."""
    say(database, replayed=replayed, receiver=receiver)
    refuse_lagging(database, NIGHT)


def test_a_primary_is_read(database: str) -> None:
    """It does not replay anything."""
    refuse_lagging(database, NIGHT)
