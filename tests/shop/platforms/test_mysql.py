"""Platforms on MySQL and MariaDB: what a server gives is what the tests' stand-in gives, and bad input in words."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from ml.adapters.mysql import database, late
from ml.core.errors import ContractError, NightshiftError, Unreachable, WrongUse
from ml.shop.copy_platform import connect_mysql, copied
from ml.shop.platforms import PLATFORMS, platform
from ml.shop.platforms._choices import Choices
from ml.shop.platforms._copy import Copied, Tables
from tests.shop.platforms.mysql_tables import Recorded, mariadb, statements

MYSQL = [name for name in PLATFORMS if platform(name).mysql]
LATIN = """
    CREATE TABLE wp_terms (term_id bigint, name varchar(200) CHARACTER SET latin1);
    INSERT INTO wp_terms VALUES (1, 'Küche'), (2, CONVERT(CONVERT('Küche' USING binary) USING latin1))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A MariaDB; the test is skipped where none is installed."""
    if not shutil.which("mariadb-install-db"):
        pytest.skip("no MariaDB on this machine: install mariadb-server to read a real one")
    folder = Path(tempfile.mkdtemp(prefix="nightshift-maria-"))
    folder.chmod(0o755)
    try:
        with mariadb(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fill(server: str, name: str, made: list[str]) -> str:
    """Make a database of these statements; returns its URL."""
    connection = pymysql.connect(user="root", unix_socket=server.partition("unix_socket=")[2], autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("SET sql_mode = 'ANSI_QUOTES'")
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        cursor.execute(f"USE {name}")
        for statement in made:
            cursor.execute(statement)
    connection.close()
    return server.format(name)


def read(tables: Tables, name: str | None = None, prefix: str | None = None, choices: Choices | None = None) -> Copied:
    """The source that a platform's tables make."""
    return copied(tables, name, prefix, choices or Choices(), {})[0]


def facts(source: Copied) -> tuple[object, ...]:
    """What does not depend on how long a server makes its bytes: counts, orders and lines."""
    orders = source.db.execute(
        'SELECT ordered_at, status, round(total, 2), email, exchange_rate IS NULL FROM "contract order" ORDER BY ALL'
        if source.mapped.name not in ("woocommerce", "magento")
        else 'SELECT ordered_at, status, round(total, 2), email FROM "contract order" ORDER BY ALL'
    ).fetchall()
    lines = source.db.execute('SELECT line_no, quantity, round(unit_price, 2) FROM "contract order_item" ORDER BY ALL')
    titles = source.db.execute('SELECT title, category, price, active FROM "contract product" ORDER BY ALL')
    return source.counts(), orders, lines.fetchall(), titles.fetchall()


@pytest.mark.parametrize("name", MYSQL)
def test_a_real_server_gives_the_same(server: str, name: str) -> None:
    """Zero dates, bytes as ids, reserved words: the rows that MariaDB gives make the shop that the stand-in makes."""
    url = fill(server, name, statements(name))
    with database(url) as tables:
        assert facts(read(tables)) == facts(read(Recorded(name)))
    found, loaded = connect_mysql(url, None)
    assert (found.platform.name, loaded) == (name, None)


def test_utf8_in_a_column_of_latin1_is_read_as_what_it_is(server: str) -> None:
    """Old installations kept UTF-8 in latin1; both that and true latin1 come as the same word."""
    url = fill(server, "latin", [part for part in LATIN.split(";") if part.strip()])
    with database(url) as tables:
        (batch,) = tables.read("wp_terms", ["name"])
        assert (batch.column("name").to_pylist(), tables.mended) == (["Küche", "Küche"], 1)


def test_a_replica_that_lags_is_told(server: str) -> None:
    """One whose replication stands still says so among what was found; a server that is none says nothing."""
    url = fill(server, "lagging", statements("woocommerce"))
    assert connect_mysql(url, None)[0].notes == ()
    root = pymysql.connect(user="root", unix_socket=server.partition("unix_socket=")[2], autocommit=True)
    with root.cursor() as cursor:
        cursor.execute("SET GLOBAL server_id = 7")
        cursor.execute("CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1, MASTER_USER = 'nobody'")
        (note,) = connect_mysql(url, None)[0].notes
        cursor.execute("RESET SLAVE ALL")
    root.close()
    assert "does not follow its primary" in note
    assert late([{"Seconds_Behind_Master": 59}]) == ""
    assert "5 min behind" in late([{"Seconds_Behind_Master": "3"}, {"Seconds_Behind_Source": 300}])


def test_a_server_that_refuses_says_so_without_the_password(server: str) -> None:
    """An unknown database, and nobody there."""
    socket = server.partition("unix_socket=")[2]
    with (
        pytest.raises(NightshiftError, match="Unknown database"),
        database(f"mysql://root@h/none?unix_socket={socket}"),
    ):
        pass
    with pytest.raises(Unreachable, match="cannot be reached") as error, database("mysql://a:secret@127.0.0.1:1/shop"):
        pass
    assert "secret" not in str(error.value)
    with pytest.raises(NightshiftError, match="mysql://user"), database("mysql://root@host"):
        pass


def test_orders_are_read_from_where_woocommerce_keeps_them() -> None:
    """Until the own tables are in force the posts hold, and never both."""
    before = read(Recorded("woocommerce", "UPDATE wp_options SET option_value = 'no' WHERE option_value = 'yes'"))
    assert before.db.execute('SELECT order_id, total, customer_id FROM "contract order"').fetchall() == [
        ("107", 6.0, "1")
    ]
    assert before.counts()["order_item"] == 1
    older = Recorded(
        "woocommerce", "DROP TABLE wp_wc_orders", "DROP TABLE wp_wc_order_addresses", "DELETE FROM wp_options"
    )
    assert read(older).counts()["order"] == 1


def test_two_shops_in_one_database_are_told_apart_by_their_prefix() -> None:
    """A WordPress with two sites: both prefixes are named, and one can be chosen."""
    two = Recorded("woocommerce", *[s.replace(" wp_", " wp_2_") for s in statements("woocommerce")])
    with pytest.raises(ContractError, match=r"(?s)schema wp_\b.*schema wp_2_"):
        read(two)
    assert read(two, prefix="wp_2_").counts()["order"] == 5


def test_what_is_not_known_is_refused_in_words() -> None:
    """Tables of nobody, an older version, a platform of the other kind of database."""
    nobody = Recorded("woocommerce", "DROP TABLE wp_woocommerce_order_items")
    with pytest.raises(ContractError, match=r"(?s)wp_posts.*magento"):
        read(nobody)
    with pytest.raises(ContractError, match=r"(?s)Magento 1.*Magento 2"):
        read(
            Recorded(
                "magento",
                "CREATE TABLE sales_flat_order (a int)",
                "CREATE TABLE sales_flat_order_item (a int)",
                "DROP TABLE sales_order",
            )
        )
    with pytest.raises(WrongUse, match="another kind of database"):
        read(Recorded("magento"), "medusa")


def test_the_shops_words_and_language_hold() -> None:
    """A state of its own means what it says; titles come in the language that was chosen."""
    french = read(Recorded("prestashop"), choices=Choices({"Being engraved": "paid"}, {}, "fr"))
    assert french.db.execute("SELECT status FROM \"contract order\" WHERE order_id = '6'").fetchall() == [("paid",)]
    titles = {title for (title,) in french.db.execute('SELECT title FROM "contract product"').fetchall()}
    assert titles == {"Tasse bleue", "Green tea", "Not yet"}
