"""Connecting a platform: what is refused in words, what is kept, and that nothing else is changed."""

from __future__ import annotations

from pathlib import Path

import psycopg2
import pytest

from ml.adapters import postgres
from ml.core.errors import ContractError, NightshiftError, WrongUse
from ml.shop.connect import connect, disconnect, explained
from ml.shop.platforms._choices import Choices
from ml.shop.reader import READER
from tests.shop.platforms.test_laws import rows

TABLES = """
    SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v') AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""


@pytest.fixture
def oscar(database: str) -> str:
    """A database with the tables of django-oscar."""
    execute(database, (Path(__file__).parent / "oscar.sql").read_text(encoding="utf-8"))
    return database


def execute(url: str, *statements: str) -> None:
    """Run statements as the owner."""
    with postgres.transaction(url) as cursor:
        for statement in statements:
            cursor.execute(statement)


def names(url: str) -> list[str]:
    """Every table and view of a database."""
    return [row["name"] for row in postgres.query(url, TABLES)]


def test_again_and_away_leave_the_platform_as_it_was(oscar: str) -> None:
    """Connecting twice is connecting once; what is removed leaves the platform's tables and rows."""
    before = names(oscar)
    orders = postgres.query(oscar, "SELECT * FROM order_order ORDER BY id")
    first, second = connect(oscar), connect(oscar, "oscar", schema="public")
    assert (first.rows, second.notes) == (second.rows, ())
    assert disconnect(oscar) == len(set(names(oscar)) - set(before)) + len(
        first.platform.views + first.platform.helpers
    )
    assert names(oscar) == before
    assert postgres.query(oscar, "SELECT * FROM order_order ORDER BY id") == orders


def test_a_dry_run_changes_nothing(oscar: str) -> None:
    """It gives the statements and the counts, and leaves no schema behind."""
    before = names(oscar)
    found = connect(oscar, try_only=True)
    assert (names(oscar), found.rows["order"], found.password) == (before, 6, None)
    assert any(statement.startswith('CREATE VIEW "shop"."order"') for statement in found.statements)
    execute(oscar, *[statement.rstrip(";") for statement in found.statements if "ROLE" not in statement])
    assert len(rows(oscar, "order")) == 6


def test_the_shops_words_and_rates_hold(oscar: str) -> None:
    """A status of its own means what it says, and a foreign order has its rate."""
    execute(oscar, "UPDATE order_order SET currency = 'JPY' WHERE id = 2")
    found = connect(oscar, choices=Choices({"On its way to space": "shipped"}, {"JPY": 0.0061}))
    orders = {row["order_id"]: row for row in rows(oscar, "order")}
    assert (orders["4"]["status"], orders["1"]["status"]) == ("shipped", "placed")
    assert [float(orders[n]["exchange_rate"] or 0) for n in ("1", "2")] == [0, 0.0061]
    assert all(word.means for word in found.words)
    with pytest.raises(WrongUse, match="Packed=wrapped"):
        connect(oscar, choices=Choices({"Packed": "wrapped"}))
    with pytest.raises(WrongUse, match="JPY=0"):
        connect(oscar, choices=Choices({}, {"JPY": 0.0}))


def test_a_shop_that_is_there_stays_unless_it_is_to_be_replaced(oscar: str) -> None:
    """It is named with its tables, and with replace it is kept under another name."""
    execute(oscar, "CREATE SCHEMA shop", "CREATE TABLE shop.product (product_id text)")
    with pytest.raises(ContractError, match="--replace"):
        connect(oscar)
    (note,) = connect(oscar, replace=True).notes
    assert "shop_before_" in note
    assert len(rows(oscar, "product")) == 3


def test_a_views_user_is_told_and_not_dropped(oscar: str) -> None:
    """What others made upon the views keeps them, and the message says so."""
    connect(oscar)
    execute(oscar, 'CREATE VIEW public.report AS SELECT count(*) FROM shop."order"')
    with pytest.raises(NightshiftError, match="depends"):
        connect(oscar)
    assert postgres.query(oscar, "SELECT count FROM report") == [{"count": 6}]


def test_the_login_reads_the_shop_alone(oscar: str) -> None:
    """Not the platform's tables, not what the views share."""
    connect(oscar)
    with postgres.transaction(oscar) as cursor:
        cursor.execute(f"SET LOCAL ROLE {READER}")
        cursor.execute('SELECT count(*) AS n FROM shop."order"')
        assert cursor.fetchall() == [{"n": 6}]
        cursor.execute("SAVEPOINT before")
        for table in ("public.order_order", "shop_help.person"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(f"SELECT 1 FROM {table}")
            cursor.execute("ROLLBACK TO SAVEPOINT before")


def test_tables_of_nobody_are_refused_with_what_is_known(database: str) -> None:
    """The message names what came and every platform that is known."""
    execute(database, "CREATE TABLE purchase (id int)")
    with pytest.raises(ContractError, match=r"(?s)purchase.*medusa.*odoo"):
        connect(database)
    with pytest.raises(WrongUse, match="nearest is medusa"):
        connect(database, "medusaa")
    with pytest.raises(WrongUse, match="public"):
        connect(database, "medusa", schema="prod")


def test_a_version_that_is_not_known_is_refused_in_words(oscar: str) -> None:
    """An older one by its name, another by what is not there; nothing is made."""
    execute(oscar, "ALTER TABLE order_order DROP COLUMN basket_id")
    with pytest.raises(ContractError, match=r"(?s)order_order.basket_id.*3 and 4"):
        connect(oscar)
    execute(oscar, "ALTER TABLE partner_stockrecord RENAME COLUMN price TO price_excl_tax")
    with pytest.raises(ContractError, match="2 or older"):
        connect(oscar)
    with pytest.raises(ContractError, match=r"(?s)no Saleor.*lacks"):
        connect(oscar, "saleor")
    assert not any(name.startswith("shop.") for name in names(oscar))


def test_two_shops_in_one_database_have_to_be_told_apart(oscar: str) -> None:
    """Both are named; with the schema it is one."""
    execute(
        oscar,
        "CREATE SCHEMA other",
        "SET LOCAL search_path = other",
        (Path(__file__).parent / "odoo.sql").read_text("utf-8"),
    )
    with pytest.raises(ContractError, match="oscar in schema public"):
        connect(oscar)
    assert connect(oscar, schema="other").platform.name == "odoo"


def test_another_language_is_taken(database: str) -> None:
    """Titles in French where there are some."""
    execute(database, (Path(__file__).parent / "odoo.sql").read_text(encoding="utf-8"))
    found = connect(database, choices=Choices(language="fr_FR"))
    assert found.release == "17.0.1.3"
    assert {row["title"] for row in rows(database, "product")} >= {"Tasse bleue", "Green tea"}


def test_a_replica_says_that_it_is_read_only(oscar: str) -> None:
    """Views cannot be made there; the primary is named."""
    with (
        pytest.raises(NightshiftError, match="primary"),
        explained(),
        postgres.transaction(oscar, readonly=True) as cursor,
    ):
        cursor.execute("CREATE SCHEMA shop")
