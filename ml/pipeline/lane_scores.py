"""Score the new rows of a run of the lane, audit them, and put them beside the batch that the shop sees."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ibis
import pyarrow as pa

from ml.adapters import quality
from ml.adapters.batches import lane as lane_rows
from ml.adapters.books import config
from ml.adapters.lake import scanned
from ml.adapters.mlflow import fetching
from ml.adapters.shop import increment
from ml.adapters.shop.pseudonym import Pseudonym
from ml.core.batches import ARROW
from ml.core.capability import live_features_of, model_of, score_of
from ml.core.errors import DataRefused
from ml.core.spec import Capability, Live, Published
from ml.pipeline import language
from ml.pipeline.context import SUITES, LazyTables, Night


@dataclass
class LaneRun:
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


def score(lane: LaneRun, read: increment.Increment, keys: pa.Table, unscored: pa.Table) -> None:
    """Score the rows of ``keys`` and publish them; what gets no prediction joins ``unscored``, which is kept."""
    night, capability, record = lane.night, lane.capability, lane.record
    settings, number = night.settings, lane.version["version"]
    record["model_version"] = number
    with lane.part("features"):
        features = _features(lane, read, keys)
    with lane.part("score"):
        files = fetching.fetch(
            settings.mlflow_uri, settings.database_url, capability.name, number, settings.home / "models"
        )
        model = model_of(capability).load(files)
        scored = score_of(capability).score(model, features, 0, 1, capability.params)
        worded = language.translated(night, capability, scored)
        wanted = [(table, _rows_of(table, worded, keys)) for table in lane.tables]
    with lane.part("audit"):
        for table, rows in wanted:
            _audit(lane, table, rows)
    with lane.part("publish"):
        origin = lane_rows.Origin(number, read.as_of, record["run"])
        # The table that says what is scored comes last: a run that is killed before it does all of them again.
        for table, rows in reversed(wanted):
            record["scored"], record["dropped"] = lane_rows.upsert(settings.database_url, table, rows, keys, origin)
        silent = keys.join(rows.select(lane.table.key), list(lane.table.key), join_type="left anti")
        unscored = pa.concat_tables([unscored, silent.select(lane.keys.names).cast(lane.keys)])
        night.lake.write_batches(
            lane.night.lake.join(lane.home, "unscored.parquet"), unscored.to_batches() or _empty(lane)
        )


def _empty(lane: LaneRun) -> list[pa.RecordBatch]:
    return [pa.RecordBatch.from_pylist([], lane.keys)]


def _features(lane: LaneRun, read: increment.Increment, keys: pa.Table) -> LazyTables:
    """The features of ``keys`` by the capability's own code, over the snapshot, what is new, and what the staff told."""
    lake, capability, folder = lane.night.lake, lane.capability, lane.night.lake.join(lane.folder, "features")
    settings = lane.night.settings
    now = config.read(settings.database_url, capability.config, Pseudonym(settings.hash_key).hashed)
    with lane.night.backend() as backend:
        staff_tables = lane.night.config(backend, capability) | {
            name: ibis.memtable(rows) for name, rows in now.items()
        }
        tables = dict(staff_tables)
        for name in capability.tables:
            # By name: the snapshot may be from before an upgrade that added a column.
            if files := increment.sources(lake, lane.folder, lane.history, name):
                tables[name] = scanned(backend, files)
        only = ibis.memtable(keys.select(list(lane.table.key)))
        built = staff_tables | dict(
            live_features_of(capability).build(tables, read.as_of, capability.params, only=only)
        )
        for name, table in built.items():
            lake.write_ibis(backend, table, lake.join(folder, f"{name}.parquet"))
    return LazyTables.of(lake, folder)


def _rows_of(table: Published, scored: Mapping[str, Any], keys: pa.Table) -> pa.Table:
    """The rows of a table of the lane that were asked for, whatever else the score gave."""
    schema = pa.schema([pa.field(column.name, ARROW[column.kind]) for column in table.columns])
    rows = pa.Table.from_batches([batch.select(schema.names).cast(schema) for batch in scored[table.name]], schema)
    wanted = keys.select(list(table.key))
    # By place: Arrow joins no tables with lists.
    numbered = rows.select(list(table.key)).append_column("place", pa.array(range(len(rows)), pa.int64()))
    found = numbered.join(wanted, list(table.key), join_type="left semi")["place"]
    return rows.take(found.combine_chunks().sort())


def _audit(lane: LaneRun, table: Published, rows: pa.Table) -> None:
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
