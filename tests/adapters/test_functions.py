"""Functions that come with a batch: made in its transaction, called by the shop alone."""

from __future__ import annotations

from threading import Thread

import psycopg2
import pytest

from ml.adapters import postgres
from ml.adapters.batches import sql_functions
from ml.core.errors import NightshiftError
from ml.settings import Settings
from tests.adapters.shelf import shelve

SCRIPT = """
CREATE OR REPLACE FUNCTION ml.marks() RETURNS TABLE (mark text, zone text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone FROM CURRENT AS $$
BEGIN
    RETURN QUERY SELECT DISTINCT r.reason, current_setting('timezone') FROM ml.recommendation AS r;
END $$;
CREATE OR REPLACE FUNCTION ml_ops.inner() RETURNS integer LANGUAGE sql AS 'SELECT 100 % 7';
"""


def marks(url: str) -> list[tuple[str, str]]:
    """What the shop gets from the function."""
    with postgres.transaction(url, role="shop_reader") as cursor:
        cursor.execute("SELECT * FROM ml.marks()")
        return [(row["mark"], row["zone"]) for row in cursor.fetchall()]


def test_functions_come_with_the_first_batch_and_follow_the_next(settings: Settings) -> None:
    """After a publication the shop calls them; they read what it sees, in the shop's time zone."""
    url = settings.database_url
    shelve(url, settings.lake_uri, day=1, functions=SCRIPT, timezone="Asia/Tokyo")
    assert marks(url) == [("day1", "Asia/Tokyo")]
    shelve(url, settings.lake_uri, day=2, functions=SCRIPT)
    assert marks(url) == [("day2", "UTC")]


def test_nobody_else_may_call_them(settings: Settings) -> None:
    """Neither other logins, nor the shop what is meant for the functions only."""
    url = settings.database_url
    shelve(url, settings.lake_uri, day=1, functions=SCRIPT)
    for role, statement in (("nightshift_staff", "SELECT ml.marks()"), ("shop_reader", "SELECT ml_ops.inner()")):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege), postgres.transaction(url, role=role) as cursor:
            cursor.execute(statement)


def test_functions_that_cannot_be_made_leave_the_batch_before(settings: Settings) -> None:
    """An error in the file stops the publication, whole; the former functions and tables stay."""
    url = settings.database_url
    shelve(url, settings.lake_uri, day=1, functions=SCRIPT)
    with pytest.raises(NightshiftError, match="syntax error"):
        shelve(url, settings.lake_uri, day=2, functions=SCRIPT + "CREATE FUNCTION;")
    assert marks(url) == [("day1", "UTC")]
    assert (
        len(postgres.query(url, "SELECT FROM pg_class WHERE relnamespace = 'ml_batch'::regnamespace AND relkind = 'r'"))
        == 2
    )


def test_two_publications_at_once_make_their_functions_one_after_the_other(settings: Settings) -> None:
    """Both grant on all functions of the schemas; at once, Postgres would refuse one: tuple concurrently updated."""
    script = "CREATE OR REPLACE FUNCTION ml.marks() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    errors: list[psycopg2.Error] = []

    def publish() -> None:
        try:
            for _ in range(15):
                with postgres.transaction(settings.database_url) as cursor:
                    sql_functions.create(cursor, script, "UTC")
        except psycopg2.Error as error:
            errors.append(error)

    threads = [Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_shop_elsewhere_is_not_looked_for_here() -> None:
    """Whatever lies in schema shop of this database: only the shop's own is asked what is on sale."""
    script, here = "SELECT 1 FROM shop.product AS p, ml.workshop.x", "postgresql://a:b@db:5432/night"
    assert sql_functions.at_shop(script, here, "postgresql://reader@db/night?sslmode=require") == script
    for elsewhere in ("postgresql://a@db/other", "postgresql://a@shop/night", "postgresql://a@db:5433/night"):
        assert (
            sql_functions.at_shop(script, here, elsewhere) == "SELECT 1 FROM no_shop_here.product AS p, ml.workshop.x"
        )
