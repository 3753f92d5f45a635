"""Fill schema ``shop`` from a source.

All of it is one transaction: the tables are filled by binary COPY in a shadow schema, analysed, and take the name
``shop`` at its end. Readers see the old shop or the new one, never half of one; a load that fails or is killed leaves
nothing behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from ml.adapters import postgres
from ml.adapters.shop import reader
from ml.contract.table import Table
from ml.contract.tables import TABLES
from ml.core.errors import Busy, ContractError, NightshiftError
from ml.settings import Settings
from ml.shop import ddl, swap
from ml.shop.marker import Marker
from ml.shop.source import Source

Progress = Callable[[str, int], None]
"""Called with a table's name and its rows so far."""

TRUTH = "demo_truth"
"""Schema of what the source ``demo`` planted; its tables are named ``demo_truth.<name>``."""

SCHEMAS = ("shop", TRUTH)
"""They change together."""

_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('nightshift shop load'))"
_LOOKED_UP = {"product": ("product_id",), "stock": ("product_id", "counted_at")}
_TOO_LONG = "54000"  # program_limit_exceeded: an id of thousands of characters
_FORBIDDEN = ("42501", "25006")  # insufficient privilege, read-only transaction
_LAST_ORDER = "SELECT max(ordered_at) FROM shop.\"order\" WHERE ordered_at < now() + interval '1 day'"


@dataclass(frozen=True)
class LoadReport:
    """What is in the shop now. ``skipped``: the very same was there already."""

    source: str
    rows: dict[str, int]
    seconds: float
    last_order: date | None
    """Day of the last order in the shop's time zone; orders dated in the future do not count."""
    skipped: bool = False
    notes: tuple[str, ...] = ()


@dataclass
class _Filling:
    """The rows and remarks of a load that is under way."""

    progress: Progress
    rows: dict[str, int] = field(default_factory=dict)
    nul: dict[str, int] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        return [
            f"{n:,} values of {name} held NUL, which Postgres cannot store; it became �" for name, n in self.nul.items()
        ]


def load(
    settings: Settings,
    source: str | Source,
    data: Path | None = None,
    *,
    replace: bool = False,
    again: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> LoadReport:
    """Fill schema ``shop`` of ``settings.shop_url``.

    Parameters
    ----------
    source : str or Source
        A name of ``ml.shop.sources.SOURCES``, or a source that was found already.
    data : Path, optional
        The file or folder that the source reads.
    replace : bool
        Also take the place of another source's shop, of a schema that Nightshift did not load, or of one that other
        objects depend on. What was there is renamed, never dropped, and :func:`restore` brings it back.
    again : bool
        Load even if the very same (source, options, data, code) is there.
    **options
        The source's own options.

    Raises
    ------
    NightshiftError
        For an unknown source or option, or a schema ``shop`` that is not ours.
    """
    start = time.monotonic()
    wanted = source if isinstance(source, Source) else Source.find(source, data, options)
    source = wanted.name
    with (
        _may_create(),
        closing(postgres.connect(settings.shop_url)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        _exclusively(cursor)
        current = Marker.read(cursor)
        marker = Marker(source, wanted.options, wanted.fingerprint())
        if current and current.same(marker) and not again:
            last = _last_order(cursor, settings.timezone)
            return LoadReport(source, current.rows, time.monotonic() - start, last, skipped=True)
        swap.allowed(cursor, "shop", source, replace=replace)
        filling = _Filling(progress or (lambda _table, _rows: None))
        for name, batches in wanted.tables():
            _fill(connection, name, batches, filling)
        _not_empty(source, filling)
        notes = filling.notes + wanted.notes() + swap.swap(cursor, SCHEMAS, replace=replace)
        marker.with_rows(filling.rows).write(cursor)
        last = _last_order(cursor, settings.timezone)
    _grant(settings)
    return LoadReport(source, filling.rows, time.monotonic() - start, last, notes=tuple(notes))


def restore(settings: Settings, schema: str = "") -> tuple[str, Marker | None]:
    """Let the shop that a load replaced and the present one change places.

    Parameters
    ----------
    schema : str
        Which, if there are several; the latest if not given.

    Returns
    -------
    tuple
        The name under which it was kept, and what it was filled from (None: the shop's own tables).
    """
    with (
        _may_create(),
        closing(postgres.connect(settings.shop_url)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        _exclusively(cursor)
        name = swap.restore(cursor, SCHEMAS, schema)
        marker = Marker.read(cursor)
    _grant(settings)
    return name, marker


def _grant(settings: Settings) -> None:
    """Let the extract role read the schema that has the name now."""
    if settings.shop_url == settings.database_url:
        postgres.migrate(settings.shop_url)


def _not_empty(source: str, filling: _Filling) -> None:
    empty = [t.name for t in TABLES.values() if t.required and not filling.rows.get(t.name)]
    if empty:
        raise ContractError(
            "A shop cannot be without these rows, so what was there stays.",
            came=f"{source} holds none of {', '.join(empty)}",
            do="fill them; ./nightshift shop template FOLDER says what each column means",
        )


def loaded(settings: Settings) -> Marker | None:
    """Tell what Nightshift loaded into schema ``shop``; None: there is no such schema, or it is the shop's own."""
    with closing(postgres.connect(settings.shop_url)) as connection, connection, connection.cursor() as cursor:
        return Marker.read(cursor)


@contextmanager
def _may_create() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if getattr(error, "pgcode", None) not in _FORBIDDEN:
            raise
        raise NightshiftError(
            "The shop cannot be loaded here: the login may not create schemas, or the server is read-only.",
            came=str(error).strip(),
            do="load into another database (NIGHTSHIFT_SHOP_URL), or GRANT CREATE ON DATABASE to the login",
        ) from None


def _exclusively(cursor: Any) -> None:
    cursor.execute(_LOCK)
    if not cursor.fetchone()[0]:
        raise Busy(
            "Another load is filling this shop.",
            came="its lock in the database is held",
            do="wait until it has ended, then run this again",
        )


def _last_order(cursor: Any, timezone: str) -> date | None:
    cursor.execute(_LAST_ORDER)
    last: datetime | None = cursor.fetchone()[0]
    return last.astimezone(ZoneInfo(timezone)).date() if last else None


def _fill(connection: Any, name: str, batches: Iterable[pa.RecordBatch], filling: _Filling) -> None:
    """Create one table of the source in its shadow schema, COPY it and analyse it."""
    schema, table = _table(name)
    shadow = swap.shadow(schema)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {ddl.quoted(shadow)}")
        for statement in ddl.statements(shadow, [table]):
            cursor.execute(statement)
        # Frozen rows are seen by a reader whose transaction is older than the swap; others would look deleted to it.
        conformed = _conformed(table, name, batches, filling)
        postgres.copy_arrow(connection, shadow, table.name, conformed, freeze=True)
        _complete(cursor, shadow, table, filling.rows[name])
        _index(cursor, shadow, table)
        cursor.execute(f"ANALYZE {ddl.quoted(shadow, table.name)}")


def _complete(cursor: Any, shadow: str, table: Table, sent: int) -> None:
    """Compare the rows that the source gave with those of the table."""
    cursor.execute(f"SELECT count(*) FROM {ddl.quoted(shadow, table.name)}")  # noqa: S608  # quoted names
    (kept,) = cursor.fetchone()
    if kept != sent:
        raise NightshiftError(
            f"The table {table.name} does not hold what was sent, so the shop stays as it was.",
            came=f"{sent:,} rows sent, {kept:,} rows there",
            do="look at the server's log, then load again",
        )


def _index(cursor: Any, shadow: str, table: Table) -> None:
    """Index what ml.recommend looks up while a page is made; a shop of broken ids that cannot be indexed does without."""
    if columns := _LOOKED_UP.get(table.name, ()):
        cursor.execute("SAVEPOINT before_index")
        try:
            cursor.execute(f"CREATE INDEX ON {ddl.quoted(shadow, table.name)} ({', '.join(map(ddl.quoted, columns))})")
        except Exception as error:
            if getattr(error, "pgcode", None) != _TOO_LONG:
                raise
            cursor.execute("ROLLBACK TO SAVEPOINT before_index")
        cursor.execute("RELEASE SAVEPOINT before_index")


def _table(name: str) -> tuple[str, Table]:
    """Find the schema and the definition of a table that a source yields."""
    if name.startswith(TRUTH + "."):
        from ml.shop.sources.demo.truth import TRUTH as TRUTHS

        return TRUTH, TRUTHS[name.removeprefix(TRUTH + ".")]
    if name not in TABLES:
        raise ContractError(
            "A source yields a table that the contract does not have.", came=name, do="correct the source"
        )
    return "shop", TABLES[name]


def _conformed(
    table: Table, name: str, batches: Iterable[pa.RecordBatch], filling: _Filling
) -> Iterator[pa.RecordBatch]:
    """Give every batch the table's columns in order and type; columns that did not come are null."""
    schema = reader.schema(table)
    filling.rows[name] = 0
    for batch in batches:
        extra = set(batch.schema.names) - set(schema.names)
        if extra:
            raise ContractError(
                "A source yields columns that the contract does not have.",
                came=f"{name}: {', '.join(sorted(extra))}",
                do="correct the source",
            )
        arrays = [
            _cleaned(batch.column(f.name).cast(f.type), f"{name}.{f.name}", filling)
            if f.name in batch.schema.names
            else pa.nulls(batch.num_rows, f.type)
            for f in schema
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        filling.rows[name] += batch.num_rows
        filling.progress(name, filling.rows[name])


def _cleaned(column: pa.Array, name: str, filling: _Filling) -> pa.Array:
    """Replace NUL in text, as Postgres cannot store it."""
    if not pa.types.is_string(column.type):
        return column
    nul = pc.sum(pc.match_substring(column, "\0")).as_py() or 0
    if not nul:
        return column
    filling.nul[name] = filling.nul.get(name, 0) + nul
    return pc.replace_substring(column, "\0", "\ufffd")
