"""Publish batches to the shop: load beside what it reads, swap a view, go back, clean up.

A publication is one transaction: the batch tables are created, loaded, indexed and swapped in, or nothing of it stays.
So a kill at any point leaves the shop with yesterday's whole batch and the server without debris; loading a table in the
transaction that created it also lets the server skip its log (``wal_level=minimal``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from time import perf_counter
from typing import Any

import psycopg2
from psycopg2.extras import Json

from ml.adapters.batches import batch_table, ranges, view
from ml.adapters.batches.history import DONE, retention, rollback, show
from ml.adapters.batches.sql_functions import create
from ml.adapters.books.locks import exclusive
from ml.adapters.lake import Lake
from ml.adapters.postgres.acting import as_login, as_publisher, publishing
from ml.core.errors import NightshiftError, StorageError, Unreachable
from ml.core.outages import mends
from ml.core.spec import Published
from ml.core.spread import Spread

__all__ = ["BatchResult", "Patience", "Publication", "publish", "retention", "rollback"]

_ENDED = "the process ended before the batch was published"


@dataclass(frozen=True)
class BatchResult:
    """What became of one table. ``status``: published; unchanged (it was already); rolled_back (a person took it back).

    ``load_seconds``, ``index_seconds`` and ``swap_seconds`` are 0 when nothing was loaded.
    """

    table: str
    batch_id: int
    rows: int
    bytes: int
    status: str
    load_seconds: float = 0.0
    index_seconds: float = 0.0
    swap_seconds: float = 0.0


@dataclass(frozen=True)
class Publication:
    """The facts that all batches of one publication share.

    Parameters
    ----------
    inputs_sha256 : str
        Digest of everything that the rows depend on.
    read_at : datetime, optional
        When the shop was read: a batch whose ``as_of`` is later knows no more than that.
    """

    night: date
    ref: str
    capability: str
    model_version: int
    as_of: datetime
    inputs_sha256: str
    read_at: datetime | None = None


@dataclass(frozen=True)
class Patience:
    """How long a publication waits.

    Parameters
    ----------
    lock_timeout_s : float
        How long one try of the swap waits for the shop's running reads; new reads queue behind it for that time.
    swap_s : float
        How long the swap is tried again.
    wait_s : float
        How long to wait for somebody else who publishes the same capability.
    """

    lock_timeout_s: float = view.LOCK_TIMEOUT_S
    swap_s: float = view.PATIENCE_S
    wait_s: float = 3600


PATIENCE = Patience()


def publish(  # noqa: PLR0913 (one publication is one call)
    url: str,
    lake: Lake,
    folders: Mapping[Published, str],
    job: Publication,
    *,
    audits: Mapping[str, Any] | None = None,
    patience: Patience = PATIENCE,
    force: bool = False,
    functions: tuple[str, str] = ("", "UTC"),
    spread: Spread | None = None,
) -> list[BatchResult]:
    """Show the shop the Parquet files of ``folders``, all tables at the same instant.

    The same night with the same inputs publishes once: run again it changes nothing if the shop sees its batches; if a
    later batch took their place they are shown again, without loading; if a person rolled them back they stay so.

    Parameters
    ----------
    folders : mapping of Published to str
        Lake folder with the Parquet files of each table.
    job : Publication
    audits : mapping, optional
        By table, what the audit found; kept in ``ml_ops.batch``.
    patience : Patience
    force : bool
        Publish batches that were rolled back.
    functions : tuple of str
        SQL that makes the functions which the shop calls, run in the same transaction (empty: none), and the shop's time
        zone for it.
    spread : Spread, optional
        Loads tables of several files, each file elsewhere.

    Raises
    ------
    Busy
        Somebody else publishes, or a reader holds the view for longer than ``patience.swap_s``.
    DataRefused
        A key is not unique, a column that may not be null has one, or rows got lost on the way.
    NightshiftError
        Columns changed while views of the shop depend on the table.
    """
    tables = {table.name: (table, folder) for table, folder in folders.items()}
    with exclusive(url, f"publish tables of {job.capability}", patience.wait_s) as held:
        known = _known(url, job, list(tables))
        if not force and any(row["status"] == "rolled_back" for row in known.values()):
            return [_result(row, "rolled_back") for row in known.values()]
        if len(known) == len(tables) and all(row["status"] == "published" for row in known.values()):
            return [_result(row, "unchanged") for row in known.values()]
        begun = _begin(url, job, [name for name in tables if name not in known], audits or {})
        try:
            swap = view.Patience(patience.lock_timeout_s, patience.swap_s, held.check)
            loaded = _load(url, lake, tables, begun, swap, spread) if spread else {}
            return _publish(url, lake, tables, known, begun, swap, functions, loaded)
        except BaseException as error:
            with suppress(NightshiftError, psycopg2.Error):  # the first error is the one to tell
                _fail(url, begun, f"{type(error).__name__}: {error}")
            if isinstance(error, psycopg2.Error):
                raise _trouble(error, job.capability) from error
            raise


def _known(url: str, job: Publication, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Batches of the same night and inputs, by table. First closes what a killed process left open."""
    with publishing(url) as cursor:
        cursor.execute(
            """
            UPDATE ml_ops.batch SET status = 'failed', error = %s, ended_at = clock_timestamp()
            WHERE capability = %s AND status = 'building' RETURNING table_name, batch_id
            """,
            (_ENDED, job.capability),
        )
        for row in cursor.fetchall():
            ranges.drop(cursor, row["table_name"], row["batch_id"])
        cursor.execute(
            """
            SELECT batch_id, table_name, rows, bytes, status FROM ml_ops.batch
            WHERE table_name = ANY(%s) AND night = %s AND inputs_sha256 = %s AND status = ANY(%s) ORDER BY batch_id
            """,
            (list(names), job.night, job.inputs_sha256, list(DONE)),
        )
        return {row["table_name"]: dict(row) for row in cursor.fetchall()}


def _begin(url: str, job: Publication, names: Sequence[str], audits: Mapping[str, Any]) -> dict[str, int]:
    """Open a line in the books for each table; committed at once, so that a failed batch has a story too."""
    begun = {}
    with publishing(url) as cursor:
        for name in names:
            cursor.execute(
                """
                INSERT INTO ml_ops.batch
                    (table_name, capability, night, ref, model_version, as_of, read_at, inputs_sha256, audit)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING batch_id
                """,
                (
                    name,
                    job.capability,
                    job.night,
                    job.ref,
                    job.model_version,
                    job.as_of,
                    job.read_at,
                    job.inputs_sha256,
                    Json(audits.get(name, {}), dumps=batch_table.dumps),
                ),
            )
            begun[name] = next(iter(cursor))["batch_id"]
    return begun


def _fail(url: str, begun: Mapping[str, int], error: str) -> None:
    with publishing(url) as cursor:
        cursor.execute(
            """
            UPDATE ml_ops.batch SET status = 'failed', error = %s, ended_at = clock_timestamp()
            WHERE batch_id = ANY(%s) AND status = 'building' RETURNING table_name, batch_id
            """,
            (error[:4000], list(begun.values())),
        )
        for row in cursor.fetchall():
            ranges.drop(cursor, row["table_name"], row["batch_id"])


def _trouble(error: psycopg2.Error, capability: str) -> NightshiftError:
    kind = (
        StorageError
        if isinstance(error, psycopg2.errors.DiskFull)
        else Unreachable
        if mends(error)
        else NightshiftError
    )
    return kind(
        f"The database did not take the tables of {capability}; the shop still sees the batches before.",
        came=str(error).strip() or type(error).__name__,
        do="see the database's log (disk full, connection lost, rights of the login), then run the step publish again",
    )


def _load(
    url: str,
    lake: Lake,
    tables: Mapping[str, tuple[Published, str]],
    begun: Mapping[str, int],
    patience: view.Patience,
    spread: Spread,
) -> dict[str, int]:
    """Load the tables of several files before the transaction that swaps; gives the rows of each one's files."""
    loaded = {}
    for name, batch_id in begun.items():
        table, folder = tables[name]
        if len(paths := batch_table.files(lake, table, folder)) > 1:
            loaded[name] = batch_table.count(lake, table, paths)
            ranges.load(url, lake, spread, table, paths, batch_id)
    if loaded:
        ranges.wait_for_older(url, patience.total_s)
    return loaded


def _publish(
    url: str,
    lake: Lake,
    tables: Mapping[str, tuple[Published, str]],
    known: Mapping[str, dict[str, Any]],
    begun: Mapping[str, int],
    patience: view.Patience,
    functions: tuple[str, str],
    loaded: Mapping[str, int],
) -> list[BatchResult]:
    with publishing(url) as cursor:
        connection = cursor.connection
        # A change of columns that the shop's own views forbid is found now, not after loading.
        for table, _ in tables.values():
            view.check_dependents(cursor, table)
        results = [_result(row, "published") for row in known.values()]
        for name, batch_id in begun.items():
            table, folder = tables[name]
            if name in loaded:
                counted = ranges.rows(cursor, name, batch_id), loaded[name]
                built = batch_table.finish(
                    connection, table, batch_table.name_of(name, batch_id), counted, perf_counter()
                )
            else:
                built = batch_table.build(connection, lake, table, folder, batch_id)
            cursor.execute(
                "UPDATE ml_ops.batch SET rows = %s, bytes = %s WHERE batch_id = %s", (built.rows, built.bytes, batch_id)
            )
            results.append(BatchResult(name, batch_id, built.rows, built.bytes, "published", *built.seconds))
        if functions[0]:
            # Before the swap, which holds up readers. They are the login's: they read the shop for who calls them.
            as_login(cursor)
            create(cursor, *functions)
            as_publisher(cursor)
        start = perf_counter()
        shown = {result.table: result.batch_id for result in results}
        meanings = {name: table for name, (table, _) in tables.items()}
        patience.run(cursor, list(shown), lambda: show(cursor, shown, "superseded", meanings))
        connection.commit()
        swapped = perf_counter() - start
    return [BatchResult(**{**vars(result), "swap_seconds": swapped}) for result in results]


def _result(row: Mapping[str, Any], status: str) -> BatchResult:
    return BatchResult(row["table_name"], row["batch_id"], row["rows"], row["bytes"], status)
