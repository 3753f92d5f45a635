"""The tables of a platform on MySQL for the tests: a fixture's SQL in DuckDB, or in a real MariaDB where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

HERE = Path(__file__).parent


def statements(name: str) -> list[str]:
    """The statements of a platform's fixture, in MySQL's words."""
    text = re.sub(r"^--.*$", "", (HERE / f"{name}.sql").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [part.strip() for part in text.split(";\n") if part.strip()]


class Recorded:
    """What :class:`ml.adapters.mysql.Database` gives, from DuckDB: texts, zero dates, bytes as hexadecimal digits."""

    mended = 0

    def __init__(self, name: str, *more: str) -> None:
        self._db = duckdb.connect()
        for statement in (*statements(name), *more):
            plain = statement
            if statement.startswith("CREATE"):
                plain = re.sub(r"\b(datetime|timestamp|longtext|mediumtext|char\(\d+\))(?=[ ,)])", "varchar", statement)
                plain = re.sub(r"\b(binary\(\d+\)|varbinary\(\d+\))", "blob", plain)
            self._db.execute(plain)

    def columns(self) -> Mapping[str, frozenset[str]]:
        """Each table with the names of its columns."""
        found: dict[str, set[str]] = {}
        for table, column in self._db.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal"
        ).fetchall():
            found.setdefault(table, set()).add(column)
        return {table: frozenset(columns) for table, columns in found.items()}

    def read(self, table: str, columns: Sequence[str], only: str = "") -> Iterator[pa.RecordBatch]:
        """Read columns as text."""
        kinds = dict(self._db.execute(f'SELECT column_name, column_type FROM (DESCRIBE "{table}")').fetchall())
        terms = ", ".join(f'lower(hex("{c}"))' if kinds[c] == "BLOB" else f'"{c}"::VARCHAR' for c in columns)
        where = f" WHERE {only}".replace("\\_", "_") if only else ""
        rows = self._db.execute(f'SELECT {terms} FROM "{table}"{where}').fetchall()
        yield pa.RecordBatch.from_arrays(
            [pa.array([row[i] for row in rows], pa.string()) for i in range(len(columns))], names=list(columns)
        )


@contextmanager
def mariadb(folder: Path) -> Iterator[str]:
    """Start a MariaDB of the test's own on a socket; gives its URL without a database."""
    server = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
    data, socket = folder / "data", folder / "s"
    subprocess.run(
        ["mariadb-install-db", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True,
        capture_output=True,
    )
    options = [
        f"--datadir={data}",
        f"--socket={socket}",
        "--skip-networking",
        f"--pid-file={folder / 'pid'}",
        "--user=root",
    ]
    process = subprocess.Popen(
        [server, "--no-defaults", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            if socket.exists():
                break
            time.sleep(0.1)
        yield f"mysql://root@localhost/{{}}?unix_socket={socket}"
    finally:
        process.terminate()
        process.wait(60)
