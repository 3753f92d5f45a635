"""Read the shop once, and refuse what is broken: the steps extract and validate."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from ml.adapters import quality
from ml.adapters.books import config, nights
from ml.adapters.lake import Lake
from ml.adapters.shop import extract as reader
from ml.adapters.shop.pseudonym import Pseudonym
from ml.core.errors import ContractError, DataRefused
from ml.pipeline.context import SUITES, Night
from ml.pipeline.setup import migrate
from ml.registry import CONFIG
from ml.settings import Settings


def attempts(lake: Lake, night: date) -> list[str]:
    """The refs of ``night`` in the lake, oldest first, complete or not."""
    folder = lake.join("snapshot", night.isoformat())
    return [f"{night.isoformat()}/{name}" for name in sorted(lake.names(folder))]


def extract(settings: Settings, night: date, *, fresh: bool = False, sample: int | None = None) -> str:
    """Read each contract table as it was known at the start of ``night`` into the lake.

    A complete snapshot of the same night, shop and sample is used again, unless it was refused or ``fresh`` is asked for.

    Parameters
    ----------
    night : date
        The night; rows that became known at or after its start (in the shop's time zone) are not read.
    fresh : bool
        Read the shop again although there is a good snapshot.
    sample : int, optional
        Read only this many customers with all their rows: a rehearsal, which publishes nothing.

    Returns
    -------
    str
        The snapshot's ref, ``<night>/<attempt>``.

    Raises
    ------
    ContractError
        A table or column is missing or has another type (all faults at once).
    """
    migrate(settings.database_url)
    if faults := reader.faults(settings.shop_url):
        raise ContractError(
            "The shop's tables do not fit the contract.",
            came="\n".join(str(fault) for fault in faults),
            do="mend the tables or views in schema shop; ./nightshift shop check shows all of it, "
            "docs/contract.md each column",
        )
    lake = Lake(settings.lake_uri)
    with nights.exclusive(settings.database_url, f"snapshot {night}", wait_s=3600):
        known = attempts(lake, night)
        shop = reader.shop_identity(settings.shop_url)
        if not fresh:
            for ref in reversed(known):
                if _usable(lake, ref, shop, sample):
                    return ref
        number = int(known[-1].split("/")[1]) + 1 if known else 1
        ref = f"{night.isoformat()}/{number:03d}"
        with nights.step(settings.database_url, ref, "extract") as record:
            manifest = reader.extract(
                settings.shop_url, lake, ref, settings.as_of(night), settings.hash_key,
                timezone=settings.timezone, sample=sample, shop=shop,
                config=config.read(settings.database_url, CONFIG, Pseudonym(settings.hash_key).hashed),
            )  # fmt: skip
            record["rows"] = sum(table["rows"] for table in manifest["tables"].values())
    return ref


def _usable(lake: Lake, ref: str, shop: str, sample: int | None) -> bool:
    manifest, refused = (lake.join("snapshot", ref, name) for name in ("manifest.json", "rejected.json"))
    if not lake.exists(manifest) or lake.exists(refused):
        return False
    found = lake.read_json(manifest)
    return bool(found["shop"] == shop and found.get("sample") == sample)


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
    done = night.path("snapshot", "validated.json")
    with nights.exclusive(settings.database_url, f"validate {ref}", wait_s=3600):
        if night.lake.exists(done):
            return dict(night.lake.read_json(done)["summary"])
        with night.step("validate") as record:
            verdicts = quality.validate_snapshot(
                night.lake, ref, SUITES / "shop", _manifest_before(night),
                accept_growth=accept_growth, currency=settings.currency, threads=settings.threads,
                memory_gb=settings.memory_gb,
            )  # fmt: skip
            nights.load_quarantine(settings.database_url, night.lake, ref)
            summary = {
                "rows": sum(v.rows for v in verdicts),
                "quarantined": sum(v.failed for v in verdicts),
                "left_out": sum(v.left_out for v in verdicts),
                "tables": {
                    v.table: {"rows": v.rows, "quarantined": v.failed, "left_out": v.left_out} for v in verdicts
                },
                "notes": quality.notes(verdicts),
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
            night.lake.write_json(done, outcome)
    return summary


def _manifest_before(night: Night) -> dict[str, Any] | None:
    """The manifest of the latest validated whole snapshot of the same shop from an earlier night."""
    lake = night.lake
    for name in sorted(lake.names(lake.join("snapshot")), reverse=True):
        if name >= night.night.isoformat():
            continue
        for ref in reversed(attempts(lake, date.fromisoformat(name))):
            if lake.exists(lake.join("snapshot", ref, "validated.json")):
                manifest = lake.read_json(lake.join("snapshot", ref, "manifest.json"))
                if manifest["shop"] == night.shop and manifest.get("sample") == night.manifest.get("sample"):
                    return dict(manifest)
    return None
