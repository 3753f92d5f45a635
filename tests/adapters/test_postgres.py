"""The database adapter: clear errors, migration, and Arrow in by binary COPY."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import psycopg2
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.adapters import postgres
from ml.core.errors import ContractError, DataRefused, NightshiftError

KINDS = "a text, b bigint, c double precision, d timestamptz, e boolean, f jsonb, g integer, h date"


@pytest.fixture
def table(database: str) -> str:
    """Make a table ``t`` with a column of each type that we write, in a database of the test's own."""
    with postgres.transaction(database) as cursor:
        cursor.execute(f"CREATE TABLE public.t (n bigint GENERATED ALWAYS AS IDENTITY, {KINDS})")
    return database


def load(url: str, *batches: pa.RecordBatch) -> int:
    """COPY the batches into ``t``."""
    with closing(postgres.connect(url)) as connection, connection:
        return postgres.copy_arrow(connection, "public", "t", iter(batches))


def column(url: str, name: str) -> list:
    """Values of one column of ``t`` in the order of loading."""
    return [row[name] for row in postgres.query(url, f"SELECT {name} FROM public.t ORDER BY n")]


# connect


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3cret@127.0.0.1:1/x",
        "postgresql+psycopg2://u:s3cret@127.0.0.1/x",
        "postgresql://u:s3@cret@127.0.0.1/x",
        "postgresql://u:s3cret@127.0.0.1/x?s3cret=1",
        "host=127.0.0.1 port=1 password=s3cret user=u dbname=x",
        "",
    ],
)
def test_no_message_shows_the_password(url):
    """A URL that is wrong or leads nowhere gives a message without its password, and without a cause that holds it."""
    with pytest.raises(NightshiftError) as caught:
        postgres.connect(url)
    assert "s3" not in str(caught.value)
    assert "cret" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_readonly_refuses_writes(database):
    """A read-only connection cannot write."""
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        postgres.query(database, "CREATE TABLE t ()")


def test_a_role_that_is_not_there_is_named(database):
    """The message says which role may not be taken."""
    with pytest.raises(NightshiftError, match="may not act as nobody_here"):
        postgres.connect(database, role="nobody_here")


def test_percent_signs_need_no_care_without_parameters(database):
    """A statement without parameters is sent as it is."""
    assert postgres.query(database, "SELECT 'a%' LIKE 'a%' AS b") == [{"b": True}]
    assert postgres.query(database, "SELECT %(x)s::int AS y", {"x": 3}) == [{"y": 3}]


# migrate


def test_migrating_twice_does_nothing(database):
    """The second migration finds all in place."""
    assert postgres.migrate(database)[0] == "applied 0001_ops.sql"
    assert postgres.migrate(database) == ()


def test_two_migrations_at_once_make_one(database):
    """Of four at the same time one works and all succeed."""
    with ThreadPoolExecutor(4) as pool:
        notes = list(pool.map(postgres.migrate, [database] * 4))
    assert sorted(map(bool, notes)) == [False, False, False, True]


def test_every_table_and_column_has_a_comment(settings):
    """Who opens ml_ops in psql can read what each table and column means."""
    silent = postgres.query(
        settings.database_url,
        """
        SELECT c.relname, a.attname FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'ml_ops'::regnamespace AND c.relkind = 'r'
          AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)
        """,
    )
    assert silent == []


def test_a_newer_database_is_not_touched(settings):
    """A database that a later version migrated is an error, not a guess."""
    with postgres.transaction(settings.database_url) as cursor:
        cursor.execute("INSERT INTO ml_ops.migration (number, name) VALUES (9999, 'later')")
    with pytest.raises(NightshiftError, match=r"newer Nightshift(.|\n)*9999"):
        postgres.migrate(settings.database_url)


def test_a_login_without_rights_is_told_what_to_ask_for(database):
    """A login that may not create schemas gets told; one that may not create roles migrates all the same."""
    name = database.split("/")[3].split("?")[0]
    with postgres.transaction(database) as cursor:
        cursor.execute(f"CREATE ROLE plain_{name} LOGIN")
    plain = database.replace("postgres:@", f"plain_{name}@", 1)
    try:
        with pytest.raises(NightshiftError, match="may not create Nightshift's schemas"):
            postgres.migrate(plain)
        with postgres.transaction(database) as cursor:
            cursor.execute(f"GRANT CREATE ON DATABASE {name} TO plain_{name}")
        assert postgres.migrate(plain)[0] == "applied 0001_ops.sql"
        assert postgres.migrate(plain) == ()
    finally:
        with postgres.transaction(database) as cursor:
            cursor.execute(f"DROP OWNED BY plain_{name} CASCADE; DROP ROLE plain_{name}")


def test_roles_have_their_rights_and_no_more(settings):
    """nightshift_extract reads shop only; nightshift_publish writes the books and cannot read shop."""
    url = settings.database_url
    with postgres.transaction(url) as cursor:
        cursor.execute("CREATE SCHEMA shop CREATE TABLE customer (customer_id text)")
    assert postgres.migrate(url) == ("applied shop_grants.sql",)
    with postgres.transaction(url) as cursor:
        cursor.execute("CREATE TABLE shop.later (x int)")
    for role, statement, may in (
        ("nightshift_extract", "TABLE shop.customer", True),
        ("nightshift_extract", "TABLE shop.later", True),
        ("nightshift_extract", "DELETE FROM shop.customer", False),
        ("nightshift_extract", "TABLE ml_ops.batch", False),
        ("nightshift_publish", "INSERT INTO ml_ops.night (ref, night) VALUES ('2026-01-01/001', '2026-01-01')", True),
        ("nightshift_publish", "CREATE TABLE ml_batch.x (y int)", True),
        ("nightshift_publish", "TABLE shop.customer", False),
        ("nightshift_publish", "DELETE FROM ml_ops.migration", False),
        ("shop_reader", "TABLE ml_ops.night", False),
    ):
        try:
            with postgres.transaction(url, role=role) as cursor:
                cursor.execute(statement)
            outcome = True
        except psycopg2.errors.InsufficientPrivilege:
            outcome = False
        assert (role, statement, outcome) == (role, statement, may)


# copy_arrow


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_every_arrow_text_is_text(table, kind):
    """All of Arrow's texts arrive alike, nulls too."""
    texts = ["", "é", None, "😀", "a\tb\n\\N", "\\."]
    plain = pa.array(texts, pa.string())
    given_ = plain.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else plain.cast(kind)
    assert load(table, pa.record_batch({"a": given_})) == 6
    assert column(table, "a") == texts


def test_numbers_dates_and_json_arrive_as_they_are(table):
    """Each type's extremes, infinity, not-a-number and null come back; a finer time is cut to microseconds."""
    batch = pa.record_batch(
        {
            "g": pa.array([-(2**31), None, 2**31 - 1], pa.int64()),
            "b": pa.array([-(2**63), None, 2**63 - 1], pa.int64()),
            "c": pa.array([float("nan"), float("-inf"), None]),
            "d": pa.array(
                [-28_502_755_200_000_000_000 // 10, None, 1_700_000_000_123_456_789], pa.timestamp("ns", "Asia/Tokyo")
            ),
            "e": [True, None, False],
            "f": ['{"k": [1, "\\""]}', None, "[]"],
            "h": pa.array([0, None, 20_000], pa.date32()),
        }
    )
    assert load(table, batch) == 3
    assert column(table, "b") == [-(2**63), None, 2**63 - 1]
    assert column(table, "g") == [-(2**31), None, 2**31 - 1]
    assert math.isnan(column(table, "c")[0])
    assert column(table, "c")[1:] == [float("-inf"), None]
    assert column(table, "d")[2] == datetime(2023, 11, 14, 22, 13, 20, 123456, UTC)
    assert column(table, "e") == [True, None, False]
    assert column(table, "f") == [{"k": [1, '"']}, None, []]
    assert str(column(table, "h")[2]) == "2024-10-04"


@given(st.lists(st.lists(st.tuples(st.text(st.characters(exclude_characters="\0", codec="utf-8")), st.floats()))))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_and_number_survives(table, batches):
    """Any text without NUL and any number, in any cut into batches (empty ones too), comes back in order."""
    with postgres.transaction(table) as cursor:
        cursor.execute("TRUNCATE public.t")
    drawn = [
        pa.record_batch(
            {"c": pa.array([n for _, n in rows], pa.float64()), "a": pa.array([t for t, _ in rows], pa.string())}
        )
        for rows in batches
    ]
    flat = [row for rows in batches for row in rows]
    assert load(table, *drawn) == len(flat)
    assert repr(list(zip(column(table, "a"), column(table, "c"), strict=True))) == repr(flat)


def test_more_rows_than_a_batch_holds_keep_their_order(table):
    """A batch larger than what is encoded at once arrives whole and in order."""
    rows = 50_000
    assert (
        load(table, pa.record_batch({"b": pa.array(range(rows))}), pa.record_batch({"b": pa.array([rows])})) == rows + 1
    )
    assert column(table, "b") == list(range(rows + 1))


@pytest.mark.parametrize(
    ("columns", "error", "says"),
    [
        ({"a": ["fine", "b\0d"]}, DataRefused, r"NUL character(.|\n)*row 2, column a"),
        ({"g": [2**31]}, ContractError, "Column g does not fit(.|\n)*2147483648 not in range"),
        ({"g": [1.5]}, ContractError, "Column g does not fit(.|\n)*truncated"),
        ({"b": ["x"]}, ContractError, "Column b does not fit"),
        ({"f": ["{oops"]}, DataRefused, "row 1(.|\n)*json"),
        ({"y": [1], "z": [1]}, ContractError, r"y \(not in the table\), z \(not in the table\)"),
    ],
)
def test_what_does_not_fit_is_named(table, columns, error, says):
    """A value or column that the table cannot take is named, and nothing of the load stays."""
    with pytest.raises(error, match=says):
        load(table, pa.record_batch({name: pa.array(values) for name, values in columns.items()}))
    assert column(table, "n") == []


def test_an_error_in_the_stream_is_told_as_it_is(table):
    """When what makes the batches fails, its own error comes out and nothing stays."""

    def batches():
        yield pa.record_batch({"b": [1]})
        raise KeyError("the source broke")

    with pytest.raises(KeyError, match="the source broke"), closing(postgres.connect(table)) as connection, connection:
        postgres.copy_arrow(connection, "public", "t", batches())
    assert column(table, "n") == []


def test_no_batch_is_no_row(table):
    """An empty stream loads nothing and is no error."""
    assert load(table) == 0
