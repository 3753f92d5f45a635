"""Steps of a night act with a role of their own, which can what the step needs and nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from ml.adapters import postgres
from ml.adapters.postgres import acting
from ml.adapters.postgres.acting import as_login, publishing
from ml.adapters.shop.reader import reading
from ml.settings import Settings

WHO = "SELECT current_user::text AS who"


def who_reads(url: str) -> str:
    """As whom the shop is read."""
    with reading(url, "UTC", None) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(WHO)
        return str(cursor.fetchone()[0])


def test_the_shop_is_read_as_extract_once_it_sees_what_the_login_sees(settings: Settings) -> None:
    """Before the grants, and for a table that was not granted, the login reads with its own rights; nobody is locked out."""
    url = settings.database_url
    with postgres.transaction(url) as cursor:
        cursor.execute("CREATE SCHEMA shop CREATE TABLE customer (customer_id text)")
    assert who_reads(url) == "postgres"
    postgres.migrate(url)
    assert who_reads(url) == "nightshift_extract"
    with postgres.transaction(url) as cursor:
        cursor.execute("CREATE TABLE shop.later (x int); REVOKE SELECT ON shop.later FROM nightshift_extract")
    assert who_reads(url) == "postgres"


def test_a_publication_can_neither_read_the_shop_nor_what_is_the_servers(settings: Settings) -> None:
    """It makes tables of batches; the shop's tables, server files, programs and other schemas are closed to it."""
    url = settings.database_url
    with postgres.transaction(url) as cursor:
        cursor.execute("CREATE SCHEMA shop CREATE TABLE customer (customer_id text)")
    postgres.migrate(url)
    with publishing(url) as cursor:
        cursor.execute(WHO)
        assert [row["who"] for row in cursor.fetchall()] == ["nightshift_publish"]
        cursor.execute("CREATE TABLE ml_batch.x_1 (y int); CREATE VIEW ml.x AS TABLE ml_batch.x_1")
    for statement in (
        "TABLE shop.customer",
        "DROP TABLE shop.customer",
        "COPY ml_batch.x_1 FROM PROGRAM 'echo 1'",
        "SELECT pg_read_file('/etc/hostname')",
        "UPDATE ml_ops.migration SET name = ''",
        "CREATE SCHEMA another",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege), publishing(url) as cursor:
            cursor.execute(statement)
    with publishing(url) as cursor:
        as_login(cursor)
        cursor.execute(WHO)
        assert [row["who"] for row in cursor.fetchall()] == ["postgres"]


def test_batches_of_before_are_handed_over(settings: Settings) -> None:
    """While the login owns a batch itself it publishes itself; the next migration gives the batches to the role, once."""
    url = settings.database_url
    with postgres.transaction(url) as cursor:
        cursor.execute("CREATE TABLE ml_batch.x_1 (y int); CREATE VIEW ml.x AS TABLE ml_batch.x_1")
        cursor.execute("GRANT SELECT ON ml.x TO shop_reader")
    with publishing(url) as cursor:
        cursor.execute(WHO)
        assert [row["who"] for row in cursor.fetchall()] == ["postgres"]
    assert postgres.migrate(url) == ("gave 2 tables and views of batches to nightshift_publish",)
    assert postgres.migrate(url) == ()
    with publishing(url) as cursor:
        cursor.execute("CREATE OR REPLACE VIEW ml.x AS SELECT y FROM ml_batch.x_1")
    with postgres.transaction(url, role="shop_reader") as cursor:
        cursor.execute("TABLE ml.x")


def test_a_reader_never_pays_for_the_hand_over(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a reader and the hand-over would wait for each other the hand-over gives way, before the server looks for a victim."""
    url = settings.database_url
    monkeypatch.setattr(acting, "TRIES", 1)
    with postgres.transaction(url) as cursor:
        for name in ("y", "x"):
            cursor.execute(f"CREATE TABLE ml_batch.{name}_1 (z int); CREATE VIEW ml.{name} AS TABLE ml_batch.{name}_1")
    with ThreadPoolExecutor() as pool, postgres.transaction(url) as reader:
        reader.execute("TABLE ml.x")
        notes = pool.submit(postgres.migrate, url)
        while not postgres.query(url, "SELECT FROM pg_locks WHERE NOT granted"):
            assert not notes.done()
        reader.execute("TABLE ml.y")
        assert "stay the login's own for now: canceling statement due to lock timeout" in " ".join(notes.result())
    monkeypatch.setattr(acting, "TRIES", 12)
    assert postgres.migrate(url) == ("gave 4 tables and views of batches to nightshift_publish",)


def test_a_login_without_the_roles_publishes_with_its_own_rights(settings: Settings) -> None:
    """As on a server whose administrator granted nothing."""
    url = settings.database_url
    name = "plain_" + url.split("/")[3].split("?")[0]
    with postgres.transaction(url) as cursor:
        cursor.execute(f"CREATE ROLE {name} LOGIN; GRANT USAGE, CREATE ON SCHEMA ml, ml_batch TO {name}")
    try:
        with publishing(url.replace("postgres:@", f"{name}@", 1)) as cursor:
            cursor.execute(WHO)
            assert [row["who"] for row in cursor.fetchall()] == [name]
    finally:
        with postgres.transaction(url) as cursor:
            cursor.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")
