"""MySQL and MariaDB, read only: which tables a database has, and their rows as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pymysql
import pymysql.cursors
from pymysql import converters

from ml.core.errors import NightshiftError, Unreachable

BATCH_ROWS = 20_000
LATE_S = 60
"""A replica that is less behind is not named."""
_COLUMNS = """
    SELECT table_name, column_name, data_type, character_set_name FROM information_schema.columns
    WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position
"""


class Database:
    """A MySQL or MariaDB database in one read-only transaction that sees one moment."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.mended = 0
        """Texts that held UTF-8 in a column of latin1 and were read as what they are."""
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            cursor.execute(_COLUMNS)
            self._types: dict[str, dict[str, tuple[str, str]]] = {}
            for table, column, kind, charset in cursor.fetchall():
                self._types.setdefault(table, {})[column] = (kind.lower(), charset or "")

    def replica(self) -> str:
        """What a replica lacks, in words; empty: the server is none, is up to date, or does not tell this login."""
        for statement in ("SHOW REPLICA STATUS", "SHOW SLAVE STATUS"):  # the second until MySQL 8.0.21 and MariaDB 10.5
            try:
                with self._connection.cursor(pymysql.cursors.DictCursor) as cursor:
                    cursor.execute(statement)
                    return late(cursor.fetchall())
            except pymysql.MySQLError:  # an older server, or a login without the right to ask
                continue
        return ""

    def columns(self) -> Mapping[str, frozenset[str]]:
        """Each table with the names of its columns."""
        return {table: frozenset(columns) for table, columns in self._types.items()}

    def read(self, table: str, columns: Sequence[str], only: str = "") -> Iterator[pa.RecordBatch]:
        """Read columns as text, bytes as hexadecimal digits; ``only`` is a condition of our own."""
        kinds = self._types[table]
        terms = ", ".join(
            f"LOWER(HEX({_quoted(name)}))" if kinds[name][0] in ("binary", "varbinary") else _quoted(name)
            for name in columns
        )
        where = f" WHERE {only}" if only else ""
        schema = pa.schema([(name, pa.string()) for name in columns])
        latin = [name for name in columns if kinds[name][1] == "latin1"]
        with self._connection.cursor(pymysql.cursors.SSCursor) as cursor:
            cursor.execute(f"SELECT {terms} FROM {_quoted(table)}{where}")  # noqa: S608  # names that the server gave
            while rows := cursor.fetchmany(BATCH_ROWS):
                found = dict(zip(columns, zip(*rows, strict=True), strict=True))
                arrays = [
                    pa.array([self._text(value, mend=name in latin) for value in found[name]], pa.string())
                    for name in columns
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            if cursor.rownumber == 0:
                yield pa.RecordBatch.from_pylist([], schema=schema)

    def _text(self, value: object, *, mend: bool) -> str | None:
        if value is None:
            return None
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        if mend and not text.isascii() and (meant := unscrambled(text)) != text:
            self.mended += 1
            return meant
        return text


@contextmanager
def database(url: str) -> Iterator[Database]:
    """Open a database by its URL, ``mysql://user:password@host:3306/database``.

    Raises
    ------
    NightshiftError
        The URL cannot be read, or the server refuses the login; no message holds the password.
    Unreachable
        Nothing answers.
    """
    parts = urlsplit(url)
    if not parts.hostname or not parts.path.strip("/"):
        raise NightshiftError(
            "The database URL cannot be read.",
            came="(not shown: it may hold a password)",
            do="write it as mysql://user:password@host:3306/database; escape special characters as %XX",
        )
    socket = dict(pair.partition("=")[::2] for pair in parts.query.split("&")).get("unix_socket")
    try:
        connection = pymysql.connect(
            host=parts.hostname,
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=unquote(parts.path.strip("/")),
            unix_socket=unquote(socket) if socket else None,
            charset="utf8mb4",
            conv=converters.encoders,  # and no decoders: a zero date, too, comes as its text
            connect_timeout=10,
            read_timeout=600,
        )
    except pymysql.MySQLError as error:
        code, words = (*error.args, "", "")[:2]
        kind = Unreachable if code in (2002, 2003, 2006, 2013) else NightshiftError
        raise kind(
            "The database cannot be reached.",
            came=f"{parts.hostname}:{parts.port or 3306}{parts.path}: {words}",
            do="see that the server runs, and that the login may read the platform's tables from here",
        ) from None
    try:
        yield Database(connection)
    finally:
        connection.close()


def late(channels: Sequence[Mapping[str, Any]]) -> str:
    """How far a replica is behind, in words, from the rows of ``SHOW REPLICA STATUS``; empty: it is not, or is no replica.

    Examples
    --------
    >>> late([])
    ''
    >>> late([{"Seconds_Behind_Source": "7500"}])[:53]
    'This server is a replica and 2 h 5 min behind its pri'
    """
    lags = [channel.get("Seconds_Behind_Source", channel.get("Seconds_Behind_Master")) for channel in channels]
    seconds = [int(value) for value in lags if value is not None]
    if len(seconds) < len(lags):
        return (
            "This server is a replica that does not follow its primary now: what the shop wrote since it stopped is not there. "
            "See SHOW REPLICA STATUS, or name the primary."
        )
    most = max(seconds, default=0)
    if most < LATE_S:
        return ""
    span = f"{most // 3_600} h {most % 3_600 // 60} min" if most >= 3_600 else f"{most // 60} min"
    return (
        f"This server is a replica and {span} behind its primary: what the shop wrote since is not there. "
        "Connect again when it has caught up, or name the primary."
    )


def unscrambled(text: str) -> str:
    """Read text whose UTF-8 was stored as latin1 as what it is; other text stays.

    Examples
    --------
    >>> unscrambled("KÃ¤se"), unscrambled("Käse"), unscrambled("Â£5")
    ('Käse', 'Käse', '£5')
    """
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return text


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
