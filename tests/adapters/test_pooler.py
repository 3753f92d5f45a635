"""Behind a pooler that gives a connection to others after each transaction (PgBouncer): nothing of ours stays with it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import parse_dsn

from cli.postgres import identity
from ml.adapters import postgres
from ml.adapters.batches.publish import rollback
from ml.adapters.books import locks
from ml.adapters.postgres import database as look
from ml.core.errors import Busy, NightshiftError
from ml.settings import Settings
from tests.adapters.shelf import shelve

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SETTINGS = """
[databases]
* = host={host} port=5432 user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = 3
unix_socket_dir =
logfile = {folder}/log
pidfile = {folder}/pid
"""


@pytest.fixture
def pooled(settings: Settings) -> Iterator[str]:
    """URL of a migrated database by way of PgBouncer in transaction mode."""
    if PROGRAM is None:
        pytest.skip("there is no pgbouncer on this machine")
    parts = parse_dsn(settings.database_url)
    folder = Path(tempfile.mkdtemp(prefix="nightshift-pooler-"))
    owner = pwd.getpwuid(Path(parts["host"]).stat().st_uid).pw_name if os.geteuid() == 0 else ""
    if owner:
        shutil.chown(folder, owner)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "ini").write_text(SETTINGS.format(host=parts["host"], port=port, folder=folder))
    process = subprocess.Popen(
        [PROGRAM, "-q", folder / "ini"],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **identity(owner),
    )
    url = f"postgresql://postgres@127.0.0.1:{port}/{parts['dbname']}"
    try:
        for _ in range(1000):
            try:
                postgres.connect(url).close()
                break
            except NightshiftError:
                assert process.poll() is None
        yield url
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_lock_holds_and_leaves_nothing(pooled: str, settings: Settings) -> None:
    """It holds as long as its block and no longer: after it no connection of the pool has it, and the next gets it."""
    for _ in range(5):
        with locks.exclusive(pooled, "the night") as held:
            held.check()
            with pytest.raises(Busy, match="nightshift the night"):
                locks.exclusive(pooled, "the night").__enter__()
    held_locks = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory'"
    assert postgres.query(settings.database_url, held_locks) == [{"n": 0}]


def test_a_role_ends_with_its_transaction(pooled: str) -> None:
    """Whoever gets the connection next acts as himself, and may write."""
    for _ in range(5):
        with postgres.transaction(pooled, role="shop_reader", readonly=True) as cursor:
            cursor.execute("SELECT current_user::text AS me")
            assert cursor.fetchall() == [{"me": "shop_reader"}]
    with closing(psycopg2.connect(pooled)) as connection, connection.cursor() as cursor:
        for _ in range(5):
            cursor.execute("SELECT current_user::text, current_setting('transaction_read_only')")
            assert cursor.fetchone() == ("postgres", "off")
            connection.rollback()


def test_a_batch_is_published_and_taken_back(pooled: str, settings: Settings) -> None:
    """Migration, publishing and rollback do what they do without a pooler, and leave no lock with it."""
    assert postgres.migrate(pooled) == ()
    for day in (1, 2):
        shelve(pooled, settings.lake_uri, day=day)
    rollback(pooled, "recommendation")
    shown = "SELECT DISTINCT as_of::date::text AS day FROM ml.recommendation"
    assert postgres.query(settings.database_url, shown) == [{"day": "2026-01-01"}]
    left = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory'"
    assert postgres.query(settings.database_url, left) == [{"n": 0}]


def test_a_pooler_is_seen(pooled: str, settings: Settings) -> None:
    """The look at a server tells what the pooler has to allow; without one it says nothing of it."""
    for url, seen in ((pooled, True), (settings.database_url, False)):
        texts = [one.text for one in look.examine(dict.fromkeys(("nightshift", "airflow", "mlflow"), url))]
        assert any("a pooler stands before the server" in text for text in texts) == seen
