"""Read the shop once, and refuse what is broken: the steps extract and validate."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from ml.adapters import quality
from ml.adapters.batches.sql_functions import same_database
from ml.adapters.books import config, locks, nights, quarantine
from ml.adapters.lake import Lake
from ml.adapters.pictures.reading import read_pictures
from ml.adapters.recordings.reading import NIGHT_S, known, read_recordings
from ml.adapters.shop import extract as reader
from ml.adapters.shop.pseudonym import Pseudonym
from ml.contract.tables import PRODUCT_IMAGE, TABLES
from ml.core.errors import ContractError, DamagedFile, DataRefused
from ml.pipeline.context import SUITES, Night, Progress, spreading
from ml.pipeline.erasure import receive
from ml.pipeline.plan import attempts, reusable, since
from ml.pipeline.setup import migrate
from ml.registry import CONFIG
from ml.settings import Settings, refuse_future

log = logging.getLogger("nightshift")


def extract(
    settings: Settings,
    night: date,
    *,
    fresh: bool = False,
    sample: int | None = None,
    progress: Progress = lambda _: None,
) -> str:
    """Read each contract table as it was known at the start of ``night`` into the lake.

    A complete snapshot of the same night, shop and sample is used again, unless it was refused, a file of it is not as it
    was written, or ``fresh`` is asked for.

    Parameters
    ----------
    night : date
        The night; rows that became known at or after its start (in the shop's time zone) are not read.
    fresh : bool
        Read the shop again although there is a good snapshot.
    sample : int, optional
        Read only this many customers with all their rows: a rehearsal, which publishes nothing.
    progress : callable, optional
        Told in words if a snapshot is used again: which, how old it is, what changed since.

    Returns
    -------
    str
        The snapshot's ref, ``<night>/<attempt>``.

    Raises
    ------
    ContractError
        A table or column is missing or has another type (all faults at once).
    WrongUse
        The night lies in the future, or before the shop's first order.
    """
    refuse_future(night, settings.timezone, datetime.now(UTC))
    migrate(settings.database_url)
    if faults := reader.faults(settings.shop_url):
        raise ContractError(
            "The shop's tables do not fit the contract.",
            came="\n".join(str(fault) for fault in faults),
            do="mend the tables or views in schema shop; ./nightshift shop check shows all of it, "
            "docs/contract.md each column",
        )
    lake = Lake(settings.lake_uri)
    with locks.exclusive(settings.database_url, f"snapshot {night}", wait_s=3600):
        if not fresh and (ref := reusable(settings, night, sample)):
            progress(since(settings, ref))
            return ref
        reader.refuse_before_first(settings.shop_url, TABLES["order"], settings.as_of(night), settings.timezone)
        known = attempts(lake, night)
        number = int(known[-1].split("/")[1]) + 1 if known else 1
        ref = f"{night.isoformat()}/{number:03d}"
        with nights.step(settings.database_url, ref, "extract") as record:
            with spreading(settings) as spread:
                manifest = reader.extract(
                    settings.shop_url,
                    lake,
                    ref,
                    settings.as_of(night),
                    settings.hash_key,
                    timezone=settings.timezone,
                    sample=sample,
                    config=config.read(settings.database_url, CONFIG, Pseudonym(settings.hash_key).hashed),
                    forgotten=receive(settings),
                    spread=spread,
                    posted=None if same_database(settings.database_url, settings.shop_url) else settings.database_url,
                )
            record["rows"] = sum(table["rows"] for table in manifest["tables"].values())
            if erased := sum(table["erased"] for table in manifest["tables"].values()):
                record["message"] = f"left out {erased} rows of customers who asked to be forgotten (ml_ops.erasure)"
    return ref


def validate(settings: Settings, ref: str, *, accept_growth: bool = False) -> dict[str, Any]:
    """Judge every row of the snapshot; move the failing ones to quarantine, the others to ``clean``.

    Returns
    -------
    dict
        ``rows``, ``quarantined``, ``left_out`` (normal business) and, per table, all three; ``notes`` say what was left
        out, changed or not understood.

    Raises
    ------
    DataRefused
        A table is over its tolerated share: nothing will be published from this snapshot.
    """
    night = Night.open(settings, ref)
    report_path = night.path("snapshot", "validated.json")
    with locks.exclusive(settings.database_url, f"validate {ref}", wait_s=3600):
        damage = ""
        try:
            if night.lake.exists(report_path):
                return dict(_validated(night)["summary"])
        except DamagedFile as error:
            log.warning("The snapshot %s is validated anew. %s", ref, error)
            damage = f"validated anew: {error.came}"
            night.lake.remove(report_path)
        with night.step("validate") as record:
            record["message"] = damage or None
            before = _manifest_before(night)
            with spreading(settings) as spread:
                verdicts = quality.validate_snapshot(
                    night.lake,
                    ref,
                    SUITES / "shop",
                    before,
                    accept_growth=accept_growth,
                    currency=settings.currency,
                    threads=settings.threads,
                    memory_gb=settings.memory_gb,
                    spread=spread,
                )
            heard = read_recordings(
                night.lake,
                night.path("snapshot"),
                known(night.lake, [night.lake.join("snapshot", before["ref"])] if before else []),
                settings,
                NIGHT_S,
            )
            pictures = ""
            if PRODUCT_IMAGE.name in night.manifest["tables"]:
                folder = settings.pictures or settings.home / "pictures"
                pictures = read_pictures(night.lake, ref, folder).words()
            quarantine.load_quarantine(settings.database_url, night.lake, ref)
            summary = {
                "rows": sum(v.rows for v in verdicts),
                "quarantined": sum(v.failed for v in verdicts),
                "left_out": sum(v.left_out for v in verdicts),
                "tables": {
                    v.table: {"rows": v.rows, "quarantined": v.failed, "left_out": v.left_out} for v in verdicts
                },
                "notes": quality.notes(verdicts) + [note for note in (pictures, heard.words()) if note],
            }
            record["rows"] = summary["rows"]
            outcome = {
                "summary": summary,
                "verdicts": [asdict(v) for v in verdicts],
                "at": datetime.now(UTC).isoformat(),
            }
            if refusal := quality.refusal(verdicts):
                night.lake.write_json(night.path("snapshot", "rejected.json"), outcome)
                raise DataRefused(
                    f"The night of {night.night} stops: the shop's data is broken beyond what is tolerated.",
                    came=refusal,
                    do="mend it in the shop and run the night again (it reads the shop anew); the rows are in "
                    f"ml_ops.quarantine (ref = '{ref}'); yesterday's tables stay as they are. "
                    "If a jump in rows is meant, run with --accept-growth",
                )
            night.lake.write_json(report_path, outcome)
    return summary


def _validated(night: Night) -> dict[str, Any]:
    """What ``validated.json`` says, once every file that the step wrote is as it was."""
    report = dict(night.lake.read_json(night.path("snapshot", "validated.json")))
    for name in night.manifest["tables"]:
        night.lake.files(night.path("snapshot", "clean", name))
        night.lake.files(night.path("snapshot", "quarantine", f"{name}.parquet"))
    return report


def _manifest_before(night: Night) -> dict[str, Any] | None:
    """The manifest of the latest validated whole snapshot of the same shop from an earlier night."""
    lake = night.lake
    for name in sorted(lake.names(lake.join("snapshot")), reverse=True):
        if name >= night.night.isoformat():
            continue
        for ref in reversed(attempts(lake, date.fromisoformat(name))):
            if not lake.exists(lake.join("snapshot", ref, "validated.json")):
                continue
            try:
                manifest = lake.read_json(lake.join("snapshot", ref, "manifest.json"))
            except DamagedFile as error:
                log.warning("The snapshot %s is not compared with. %s", ref, error)
                continue
            if manifest["shop"] == night.shop and manifest.get("sample") == night.manifest.get("sample"):
                return dict(manifest)
    return None
