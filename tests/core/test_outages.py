"""What mends by itself is told from what needs a person, by the errors that the real drivers raise."""

from __future__ import annotations

import socket
from contextlib import closing

import adbc_driver_postgresql.dbapi as adbc
import psycopg2
import pytest
import requests

from ml.adapters import postgres
from ml.core.errors import ArtifactError, Busy, DamagedFile, DataRefused, NightshiftError, StorageError, Unreachable
from ml.core.outages import as_words, mends


def raised(act, *args) -> BaseException:
    """The error that a call ends in."""
    with pytest.raises(Exception) as error:  # noqa: PT011 - whatever the driver makes of it
        act(*args)
    return error.value


def ended(url: str, connection) -> None:
    """End a connection's backend, as an administrator or a kill does."""
    with closing(psycopg2.connect(url)) as other:
        other.autocommit = True
        other.cursor().execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))


def test_a_backend_that_was_ended_mends(database: str) -> None:
    """At work or idle, in psycopg2 and in ADBC: the next try has a connection again."""
    with closing(psycopg2.connect(database)) as connection:
        ended(database, connection)
        assert mends(raised(connection.cursor().execute, "SELECT 1"))
        assert mends(raised(connection.cursor))
    with closing(adbc.connect(database)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        ((pid,),) = cursor.fetchall()
        with closing(psycopg2.connect(database)) as other:
            other.autocommit = True
            other.cursor().execute("SELECT pg_terminate_backend(%s)", (pid,))
        assert mends(raised(cursor.execute, "SELECT 1"))


def test_a_server_that_is_away_mends(database: str) -> None:
    """Nobody listens (psycopg2, ADBC, MLflow), or there are no connections left."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert mends(raised(psycopg2.connect, f"postgresql://127.0.0.1:{port}/x"))
    assert mends(raised(adbc.connect, f"postgresql://127.0.0.1:{port}/x"))
    assert mends(raised(requests.get, f"http://127.0.0.1:{port}/"))
    assert isinstance(raised(postgres.connect, f"postgresql://127.0.0.1:{port}/x"), Unreachable)
    with closing(psycopg2.connect(database)) as connection:
        connection.autocommit = True
        name = connection.info.dbname
        connection.cursor().execute(f"CREATE ROLE one_{name} LOGIN CONNECTION LIMIT 0")
    assert isinstance(raised(postgres.connect, database.replace("postgres:@", f"one_{name}:@")), Unreachable)


def test_mlflow_that_is_away_mends(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's own client wraps what its server did not answer."""
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    client = MlflowClient(tracking_uri="http://127.0.0.1:1", registry_uri="http://127.0.0.1:1")
    assert mends(raised(client.get_experiment_by_name, "risk"))


def test_what_needs_a_person_does_not(database: str) -> None:
    """A missing database, role or right, a broken statement or value, a fault of our own."""
    assert not mends(
        raised(psycopg2.connect, database.replace(database.split("/")[3].split("?", maxsplit=1)[0], "no_such_one"))
    )
    missing = raised(postgres.connect, database.replace("postgres:@", "nobody:@"))
    assert not isinstance(missing, Unreachable)
    with closing(psycopg2.connect(database)) as connection:
        connection.autocommit = True
        for statement in ("SELECT * FROM nowhere", "SELECT 1 / 0", "SELECT 'x'::int", "SELEC"):
            assert not mends(raised(connection.cursor().execute, statement))
    for error in (KeyError("price"), ValueError("Connection refused"), FileNotFoundError("x"), MemoryError()):
        assert not mends(error)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Busy, True),
        (StorageError, True),
        (Unreachable, True),
        (DataRefused, False),
        (DamagedFile, False),
        (ArtifactError, False),
        (NightshiftError, False),
    ],
)
def test_our_own_errors_say_what_they_are(kind: type[NightshiftError], expected: bool) -> None:
    """Also where one of them came from a lost connection: it has decided already."""
    error = kind("What.", came="it")
    error.__cause__ = ConnectionResetError("Connection reset by peer")
    assert mends(error) is expected
    assert (as_words(error) is error) is expected


def test_a_wrong_password_does_not_mend() -> None:
    """The words of the server decide where there is no code."""
    head = 'connection to server at "10.0.0.1", port 5432 failed: '
    for words, expected in (
        ('FATAL:  password authentication failed for user "x"', False),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.2"', False),
        ("FATAL:  the database system is starting up", True),
        ("FATAL:  sorry, too many clients already", True),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", True),
        ('could not translate host name "db" to address: Temporary failure in name resolution', True),
        ('could not translate host name "bd" to address: Name or service not known', False),
    ):
        assert mends(psycopg2.OperationalError(head + words)) is expected, words
