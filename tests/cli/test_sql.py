"""``./nightshift sql``: one statement that reads, and nothing else, whoever types it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from rich.console import Console

from cli import sql
from ml.adapters import postgres
from ml.core.errors import NightshiftError, WrongUse
from ml.settings import Settings

ATTACKS = [
    "COMMIT; CREATE TABLE public.mine (a int)",
    "SELECT 1; COMMIT; CREATE TABLE public.mine (a int)",
    "CREATE TABLE public.mine (a int)",
    "CREATE TEMP TABLE mine (a int)",
    "SELECT 1 AS a INTO public.mine",
    "DO $$ BEGIN EXECUTE 'CREATE TABLE public.mine (a int)'; END $$",
    "COPY (SELECT 1) TO PROGRAM 'touch {file}'",
    "COPY (SELECT 1) TO '{file}'",
    "COPY ml_ops.night FROM PROGRAM 'touch {file}'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_export(1, '{file}')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT set_config('role', 'postgres', true)",
    "SELECT set_config('session_authorization', 'postgres', false)",
    "SELECT set_config('role', 'none', true), query_to_xml('SELECT pg_read_file(''PG_VERSION'')', true, false, '')",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SET ROLE postgres",
    "RESET ROLE",
    "RESET SESSION AUTHORIZATION",
    "SET SESSION AUTHORIZATION postgres",
    "SET TRANSACTION READ WRITE",
    "BEGIN READ WRITE",
    "ROLLBACK",
    "INSERT INTO ml_ops.night (ref, night) VALUES ('x', '2026-01-01') RETURNING 1",
    "WITH gone AS (DELETE FROM ml_ops.night RETURNING 1) SELECT * FROM gone",
    "EXPLAIN ANALYZE DELETE FROM ml_ops.night",
    "SELECT public.writes()",
    "SELECT * FROM dblink('dbname=postgres', 'CREATE TABLE mine (a int)') AS t (a text)",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' AND pid <> pg_backend_pid()",
    "SELECT pg_reload_conf()",
    "SELECT nextval('public.counter')",
    "CALL public.commits()",
    "LISTEN x",
    "VACUUM",
    "PREPARE x AS SELECT 1",
    "GRANT ALL ON SCHEMA ml TO PUBLIC",
    "",
    "--",
]
"""All are refused, in words."""

TRAPS = """
CREATE SEQUENCE public.counter;
CREATE FUNCTION public.writes() RETURNS int LANGUAGE sql AS $$
    INSERT INTO ml_ops.night (ref, night) VALUES ('x', '2026-01-01') RETURNING 1 $$;
ALTER FUNCTION public.writes() SECURITY DEFINER;
CREATE PROCEDURE public.commits() LANGUAGE plpgsql AS $$ BEGIN COMMIT; CREATE TABLE public.mine (a int); END $$;
INSERT INTO ml_ops.night (ref, night) VALUES ('kept', '2026-01-01');
"""


@pytest.fixture
def logins(settings: Settings) -> Iterator[dict[str, tuple[str, str]]]:
    """URL and role of those who may run the command: a login that only reads, and a plain one that owns the tables."""
    url = settings.database_url
    name = url.split("/")[3].split("?")[0]
    plain, reader = f"plain_{name}", f"reads_{name}"
    with postgres.transaction(url) as cursor:
        cursor.execute(TRAPS)
        cursor.execute(
            f"CREATE ROLE {plain} LOGIN; GRANT nightshift_viewer, nightshift_publish TO {plain};"
            f"CREATE ROLE {reader} LOGIN; GRANT nightshift_viewer TO {reader}; GRANT CREATE ON SCHEMA public TO {plain}"
        )
    own = {user: url.replace("postgres:@", f"{user}@", 1) for user in (plain, reader)}
    yield {"reader": (own[reader], ""), "owner": (own[plain], "nightshift_viewer"), "no role": (own[plain], "")}
    with postgres.transaction(url) as cursor:
        cursor.execute(f"DROP OWNED BY {plain}, {reader} CASCADE; DROP ROLE {plain}, {reader}")


def run(login: tuple[str, str], statement: str, timeout: int = 5) -> list[tuple[object, ...]]:
    """Rows of a statement, as the command gets them."""
    url, role = login
    with closing(postgres.connect(url, readonly=True)) as connection:
        return list(sql.ask(connection, statement, role=role, timeout=timeout)[1])


@pytest.mark.parametrize("who", ["reader", "owner", "no role"])
def test_nothing_can_be_changed(settings: Settings, logins: dict[str, tuple[str, str]], who: str) -> None:
    """Each attack is refused in words; no table, row, file or setting of the database is another one after it."""
    file = Path(settings.home.parent / "file")
    state = (
        "SELECT (SELECT count(*) FROM pg_class) AS tables, (SELECT array_agg(ref) FROM ml_ops.night) AS nights, "
        "(SELECT last_value FROM public.counter) AS counter, (SELECT count(*) FROM pg_largeobject_metadata) AS objects"
    )
    before = postgres.query(settings.database_url, state)
    passed = []
    for attack in ATTACKS:
        try:
            passed.append((attack, run(logins[who], attack.format(file=file) if "{file}" in attack else attack)))
        except WrongUse as error:
            assert "one statement that reads" in str(error)  # noqa: PT017  # of the 39, those that pass are listed
    assert passed == []
    assert postgres.query(settings.database_url, state) == before
    assert not file.exists()


def test_what_reads_is_run(logins: dict[str, tuple[str, str]]) -> None:
    """SELECT, WITH, VALUES, TABLE, EXPLAIN and SHOW give their rows, with a comment before and a semicolon behind."""
    for statement, rows in (
        ("SELECT ref FROM ml_ops.night", [("kept",)]),
        ("/* mine */ WITH a AS (SELECT 1 AS b) SELECT b FROM a;", [(1,)]),
        ("VALUES (1), (NULL)", [(1,), (None,)]),
        ("TABLE ml_ops.version", []),
        ("SHOW transaction_read_only", [("on",)]),
        ("SELECT ';' AS a -- ; COMMIT", [(";",)]),
    ):
        assert run(logins["reader"], statement) == rows
    assert "Seq Scan" in str(run(logins["reader"], "EXPLAIN SELECT * FROM ml_ops.night"))
    assert len(run(logins["reader"], "SELECT n FROM generate_series(1, 12345) AS n")) == 12_345


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_sleep(60)",
        "SELECT set_config('statement_timeout', '0', false), n, CASE n WHEN 300 THEN pg_sleep(60) END FROM generate_series(1, 300) AS n",
    ],
)
def test_nothing_runs_for_ever(logins: dict[str, tuple[str, str]], statement: str) -> None:
    """A statement ends after its time, also one that lifts the limit on its way."""
    with pytest.raises(WrongUse, match=r"too long(.|\n)*--timeout"):
        run(logins["reader"], statement, timeout=1)


def test_a_superusers_login_is_not_used(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no login for reading, a superuser's is refused: inside a statement he could take his rights back."""
    from cli.environment import Stack

    stack = Stack({}, {"NIGHTSHIFT_DATABASE_URL": "postgresql://x@127.0.0.1:1/y"}, None)
    with pytest.raises(WrongUse, match="ordinary login"):
        sql._login(stack, {"stack_id": "0123456789", "reader_password": "x"}, settings.database_url)


def test_a_table_that_does_not_fit_is_shown_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of many columns is a block with a line a column; what fits stays a table."""

    def shown(width: int) -> list[str]:
        file = io.StringIO()
        monkeypatch.setattr(sql, "out", Console(file=file, width=width))
        sql._show(["batch_id", "reason"], iter([(1, "one\ntwo [x]"), (2, None)]))
        return [line.rstrip() for line in file.getvalue().splitlines()]

    assert shown(17) == ["batch_id  reason", "1         one", "          two [x]", "2"]
    assert shown(16) == [
        "── row 1",
        "batch_id  1",
        "reason    one",
        "          two [x]",
        "── row 2",
        "batch_id  2",
        "reason",
    ]


def test_every_error_is_one_for_a_person(logins: dict[str, tuple[str, str]]) -> None:
    """A table that is not there, or not for the viewer, is named."""
    for statement, named in (("SELECT 1 FROM nosuch", "nosuch"), ("SELECT 1 FROM pg_authid", "pg_authid")):
        with pytest.raises(NightshiftError, match=named):
            run(logins["reader"], statement)
    with closing(psycopg2.connect(logins["reader"][0])) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('pg_authid', 'SELECT')")
        assert cursor.fetchone() == (False,)
