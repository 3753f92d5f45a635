"""The lane between nights: score what is new in the shop, minutes after it came.

A run starts from what the shop sees, the snapshot of the published batch, and reads again all that became known since.
So it keeps no state that could be wrong: a run that was killed, or a day without runs, is made good by the next.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import ibis
import pyarrow as pa

from ml.adapters import quality
from ml.adapters.batches import lane as lane_rows
from ml.adapters.books import config, locks, nights, quarantine, versions
from ml.adapters.lake import scanned
from ml.adapters.mlflow import tracking
from ml.adapters.recordings.reading import LANE_S, known, read_recordings
from ml.adapters.shop import extract as reader
from ml.adapters.shop import increment
from ml.adapters.shop.pseudonym import Pseudonym
from ml.core.batches import ARROW
from ml.core.capability import live_features_of, model_of, score_of
from ml.core.errors import DamagedFile, DataRefused, NightshiftError
from ml.core.spec import Capability, Live, Published
from ml.kernels.threads import limited
from ml.pipeline import language
from ml.pipeline.context import SUITES, LazyTables, Night
from ml.pipeline.erasure import forgotten
from ml.pipeline.setup import migrate
from ml.registry import capability as find
from ml.settings import Settings

WAIT_S = 60.0


@dataclass
class _Lane:
    """One run: what it works on, and how long its parts took."""

    night: Night
    capability: Capability
    live: Live
    tables: tuple[Published, ...]
    """The one that says what is scored, then those that get rows beside it."""
    version: Mapping[str, Any]
    """The model version that serves."""
    record: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def home(self) -> str:
        return self.night.lake.join("live", self.capability.name)

    @property
    def folder(self) -> str:
        return self.night.lake.join(self.home, f"{self.record['run']:09d}")

    @property
    def history(self) -> str:
        return self.night.path("snapshot")

    @property
    def table(self) -> Published:
        return self.tables[0]

    @property
    def keys(self) -> pa.Schema:
        return lane_rows.keys_of(self.table)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def score_new(
    settings: Settings, name: str, *, again: bool = False, as_of: datetime | None = None, wait_s: float = WAIT_S
) -> dict[str, Any]:
    """Give each new row of the capability's live table its prediction, beside the batch that the shop sees.

    A row is scored once, and again when it or what belongs to it changed. One that breaks a rule goes to quarantine
    (``ref`` ``<night>/<attempt>/live/<name>``) and is not scored.

    Parameters
    ----------
    again : bool
        Score all new rows, also those that are as they were when they were scored.
    as_of : datetime, optional
        What became known at or after it does not exist; the clock of the shop's database if not given.
    wait_s : float
        How long to wait for another run of the same lane.

    Returns
    -------
    dict
        ``status``: ``done``, or ``waiting`` with ``why``. When done, ``run``, ``as_of``, ``version``, ``new``, ``scored``,
        ``dropped``, ``quarantined`` and ``seconds`` by part.

    Raises
    ------
    Busy
        Another run of the lane goes on.
    DataRefused
        The rows fail the audit of their table: none is published.
    """
    capability = find(name)
    live, tables = _lane(capability)
    table = tables[0]
    migrate(settings.database_url)
    url = settings.database_url
    with locks.exclusive(url, f"live {name}", wait_s=wait_s), nights.at_work(url, wait_s=wait_s):
        night, version, why = _start(settings, capability, table)
        if night is None or version is None:
            return {"status": "waiting", "why": why}
        run = lane_rows.run(settings.database_url, name, table.name, night.ref)
        with limited(settings.threads), run as record:
            lane = _Lane(night, capability, live, tables, version, record)
            return _run(lane, again=again, as_of=as_of)


def _lane(capability: Capability) -> tuple[Live, tuple[Published, ...]]:
    if capability.live is None:
        raise NightshiftError(
            f"{capability.name} has no lane between nights.", came="live is None in its spec.py", do="run a night"
        )
    live = capability.live
    by_name = {table.name: table for table in capability.publishes}
    return live, tuple(by_name[name] for name in (live.publishes, *live.also))


def _start(
    settings: Settings, capability: Capability, table: Published
) -> tuple[Night | None, Mapping[str, Any] | None, str]:
    """The snapshot of the batch that the shop sees and the version that serves; or why there is nothing to start from."""
    shop = reader.shop_identity(settings.shop_url)
    batch = nights.visible(settings.database_url, table.name)
    if batch is None or batch["shop"] != shop:
        why = f"ml.{table.name} shows no batch of {shop} yet; the first night with {capability.name} makes one"
        return None, None, why
    try:
        night = Night.open(settings, batch["ref"])
    except DamagedFile:
        raise
    except NightshiftError:
        return None, None, f"the snapshot {batch['ref']} of ml.{table.name} is gone; the next night brings one"
    latest = max(datetime.now(UTC), night.as_of)
    version = versions.serving(settings.database_url, capability.name, shop, latest)
    return night, version, f"no version of {capability.name} serves; ./nightshift train {capability.name} makes one"


def _run(lane: _Lane, *, again: bool, as_of: datetime | None) -> dict[str, Any]:
    settings, record = lane.night.settings, lane.record
    record["timings"] = lane.seconds
    older = [lane.night.lake.join(lane.home, name) for name in lane.night.lake.names(lane.home) if name.isdigit()]
    spoken = known(lane.night.lake, [*older, lane.history]) if "ticket" in lane.live.tables else {}
    for old in older:
        lane.night.lake.remove(old)
    with lane.part("read"):
        since = min(lane.night.as_of, lane.night.read_at)
        read = increment.read_new(
            settings.shop_url,
            lane.night.lake,
            lane.folder,
            lane.live,
            since - lane.live.overlap,
            settings.hash_key,
            timezone=settings.timezone,
            as_of=as_of,
            forgotten=forgotten(settings),
        )
        record["as_of"] = read.as_of
    with lane.part("validate"):
        record["quarantined"] = _validate(lane, read)
        if "ticket" in lane.live.tables:
            read_recordings(lane.night.lake, lane.folder, spoken, settings, LANE_S)
    with lane.part("compare"):
        for table in lane.tables:
            lane_rows.ensure(settings.database_url, table)
        keys, unscored = _changed(lane, read, again=again)
        record["new"] = len(keys)
    record |= {"scored": 0, "dropped": 0}
    if len(keys):
        _score(lane, read, keys, unscored)
    for table in lane.tables:
        lane_rows.forget(settings.database_url, table.name)
    told = {name: record.get(name) for name in ("run", "new", "scored", "dropped", "quarantined")}
    return told | {
        "status": "done",
        "as_of": read.as_of.isoformat(),
        "version": record.get("model_version"),
        "seconds": lane.seconds,
    }


def _validate(lane: _Lane, read: increment.Increment) -> int:
    night = lane.night
    failed = quality.validate_new(
        night.lake,
        lane.folder,
        lane.history,
        read.rows,
        SUITES / "shop",
        read.as_of,
        threads=night.settings.threads,
        memory_gb=night.settings.memory_gb,
    )
    ref = f"{night.ref}/live/{lane.capability.name}"
    quarantine.load_quarantine(night.settings.database_url, night.lake, ref, lane.folder)
    return sum(failed.values())


def _changed(lane: _Lane, read: increment.Increment, *, again: bool) -> tuple[pa.Table, pa.Table]:
    """The rows to score (their key and inputs), and those that were looked at before, are as they were, and got no prediction."""
    lake, settings = lane.night.lake, lane.night.settings
    with closing(lake.duckdb(settings.threads, settings.memory_gb)) as connection:
        found = increment.digests(connection, lake, lane.folder, lane.live, lane.table.key, list(read.rows))
        found = found.cast(lane.keys)
    path = lake.join(lane.home, "unscored.parquet")
    # A file that is damaged is as one that is not there: what it names is looked at once more.
    unscored = lane.keys.empty_table() if again or lake.faults(path) else lake.read_parquet(path)
    unscored = _both(unscored, found)
    if again:
        return found, unscored
    there = lane_rows.scored(settings.database_url, lane.table)
    return _less(found, pa.concat_tables([there, unscored])), unscored


def _both(some: pa.Table, others: pa.Table) -> pa.Table:
    return some.join(others, some.column_names, join_type="left semi") if len(some) else some


def _less(some: pa.Table, others: pa.Table) -> pa.Table:
    return some.join(others, some.column_names, join_type="left anti") if len(others) else some


def _score(lane: _Lane, read: increment.Increment, keys: pa.Table, unscored: pa.Table) -> None:
    night, capability, record = lane.night, lane.capability, lane.record
    settings, number = night.settings, lane.version["version"]
    record["model_version"] = number
    with lane.part("features"):
        features = _features(lane, read, keys)
    with lane.part("score"):
        files = tracking.fetch(
            settings.mlflow_uri, settings.database_url, capability.name, number, settings.home / "models"
        )
        model = model_of(capability).load(files)
        made = score_of(capability).score(model, features, 0, 1, capability.params)
        said = language.said(night, capability, made)
        asked = [(table, _asked(table, said, keys)) for table in lane.tables]
    with lane.part("audit"):
        for table, rows in asked:
            _audit(lane, table, rows)
    with lane.part("publish"):
        origin = lane_rows.Origin(number, read.as_of, record["run"])
        # The table that says what is scored comes last: a run that is killed before it does all of them again.
        for table, rows in reversed(asked):
            record["scored"], record["dropped"] = lane_rows.upsert(settings.database_url, table, rows, keys, origin)
        silent = keys.join(rows.select(lane.table.key), list(lane.table.key), join_type="left anti")
        unscored = pa.concat_tables([unscored, silent.select(lane.keys.names).cast(lane.keys)])
        night.lake.write_batches(
            lane.night.lake.join(lane.home, "unscored.parquet"), unscored.to_batches() or _empty(lane)
        )


def _empty(lane: _Lane) -> list[pa.RecordBatch]:
    return [pa.RecordBatch.from_pylist([], lane.keys)]


def _features(lane: _Lane, read: increment.Increment, keys: pa.Table) -> LazyTables:
    """The features of ``keys`` by the capability's own code, over the snapshot, what is new, and what the staff told."""
    lake, capability, folder = lane.night.lake, lane.capability, lane.night.lake.join(lane.folder, "features")
    settings = lane.night.settings
    now = config.read(settings.database_url, capability.config, Pseudonym(settings.hash_key).hashed)
    with lane.night.backend() as backend:
        told = lane.night.config(backend, capability) | {name: ibis.memtable(rows) for name, rows in now.items()}
        tables = dict(told)
        for name in capability.tables:
            # By name: the snapshot may be from before an upgrade that added a column.
            if files := increment.sources(lake, lane.folder, lane.history, name):
                tables[name] = scanned(backend, files)
        only = ibis.memtable(keys.select(list(lane.table.key)))
        made = told | dict(live_features_of(capability).build(tables, read.as_of, capability.params, only=only))
        for name, table in made.items():
            lake.write_ibis(backend, table, lake.join(folder, f"{name}.parquet"))
    return LazyTables.of(lake, folder)


def _asked(table: Published, made: Mapping[str, Any], keys: pa.Table) -> pa.Table:
    """The rows of a table of the lane that were asked for, whatever else the score gave."""
    schema = pa.schema([pa.field(column.name, ARROW[column.kind]) for column in table.columns])
    rows = pa.Table.from_batches([batch.select(schema.names).cast(schema) for batch in made[table.name]], schema)
    asked = keys.select(list(table.key))
    # By place: Arrow joins no tables with lists.
    numbered = rows.select(list(table.key)).append_column("place", pa.array(range(len(rows)), pa.int64()))
    found = numbered.join(asked, list(table.key), join_type="left semi")["place"]
    return rows.take(found.combine_chunks().sort())


def _audit(lane: _Lane, table: Published, rows: pa.Table) -> None:
    """Judge each row as a batch's; the rules on a whole batch say nothing of a few rows."""
    night = lane.night
    folder = night.lake.join(lane.folder, "predictions", table.name)
    if not night.lake.write_batches(night.lake.join(folder, "00000.parquet"), rows.to_batches()):
        return
    verdict = quality.audit(
        table,
        night.lake,
        folder,
        SUITES / "ml" / f"{table.name}.json",
        {},
        threads=night.settings.threads,
        memory_gb=night.settings.memory_gb,
    )
    if refusal := quality.refusal([verdict]):
        raise DataRefused(
            f"The new rows of ml.{table.name} are not published: they fail their audit.",
            came=refusal,
            do=f"read expectations/ml/{table.name}.json for the reason of each bound; what the shop sees stays",
        )
