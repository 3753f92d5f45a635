"""The lane between nights: score what is new in the shop, minutes after it came.

A run starts from what the shop sees, the snapshot of the published batch, and reads again all that became known since.
So it keeps no state that could be wrong: a run that was killed, or a day without runs, is made good by the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from ml.adapters import quality
from ml.adapters.batches import lane as lane_rows
from ml.adapters.books import locks, nights, quarantine, versions
from ml.adapters.recordings.reading import LANE_S, known, read_recordings
from ml.adapters.shop import extract as reader
from ml.adapters.shop import increment
from ml.core.errors import DamagedFile, NightshiftError
from ml.core.spec import Capability, Live, Published
from ml.kernels.threads import limited
from ml.pipeline.context import SUITES, Night
from ml.pipeline.erasure import forgotten
from ml.pipeline.lane_scores import LaneRun, score
from ml.pipeline.setup import migrate
from ml.registry import capability as find
from ml.settings import Settings

WAIT_S = 60.0


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
            lane = LaneRun(night, capability, live, tables, version, record)
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


def _run(lane: LaneRun, *, again: bool, as_of: datetime | None) -> dict[str, Any]:
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
        score(lane, read, keys, unscored)
    for table in lane.tables:
        lane_rows.forget(settings.database_url, table.name)
    counts = {name: record.get(name) for name in ("run", "new", "scored", "dropped", "quarantined")}
    return counts | {
        "status": "done",
        "as_of": read.as_of.isoformat(),
        "version": record.get("model_version"),
        "seconds": lane.seconds,
    }


def _validate(lane: LaneRun, read: increment.Increment) -> int:
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


def _changed(lane: LaneRun, read: increment.Increment, *, again: bool) -> tuple[pa.Table, pa.Table]:
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
    scored = lane_rows.scored(settings.database_url, lane.table)
    return _less(found, pa.concat_tables([scored, unscored])), unscored


def _both(some: pa.Table, others: pa.Table) -> pa.Table:
    return some.join(others, some.column_names, join_type="left semi") if len(some) else some


def _less(some: pa.Table, others: pa.Table) -> pa.Table:
    return some.join(others, some.column_names, join_type="left anti") if len(others) else some
