"""What a night would use and replace, before it runs: the snapshot that it takes, the batches that it is older than."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ml.adapters.batches import history
from ml.adapters.books import config
from ml.adapters.lake import Lake
from ml.adapters.shop import extract as reader
from ml.adapters.shop import state
from ml.adapters.shop.pseudonym import Pseudonym
from ml.contract.tables import TABLES
from ml.core.errors import DamagedFile
from ml.registry import CAPABILITIES, CONFIG
from ml.registry import capability as find
from ml.settings import Settings, refuse_future

log = logging.getLogger("nightshift")


@dataclass(frozen=True)
class Plan:
    """What there is to say of a night before it runs.

    ``ref`` is the snapshot that it would use again, or None: it reads the shop. ``newer`` holds, by capability, the
    published batches that are newer than the night, or none.
    """

    ref: str | None
    words: tuple[str, ...]
    newer: dict[str, list[dict[str, Any]]]


def outlook(
    settings: Settings,
    night: date,
    *,
    capabilities: Sequence[str] | None = None,
    sample: int | None = None,
    fresh: bool = False,
    publish_past: bool = False,
) -> Plan:
    """Tell what the night would do; changes nothing.

    Raises
    ------
    WrongUse
        The night lies in the future or before the shop's first order, or a capability is not known.
    """
    names = [find(name).name for name in (capabilities or CAPABILITIES)]
    refuse_future(night, settings.timezone, datetime.now(UTC))
    ref = None if fresh else reusable(settings, night, sample)
    if ref is None:
        reader.refuse_before_first(settings.shop_url, TABLES["order"], settings.as_of(night), settings.timezone)
    shop = reader.shop_identity(settings.shop_url)
    newer = {
        name: found
        for name in names
        if sample is None
        if (found := history.newer(settings.database_url, name, shop, settings.as_of(night)))
    }
    words = [since(settings, ref)] if ref else []
    if newer:
        seen = history.named(batch for found in newer.values() for batch in found)
        words.append(
            f"The night of {night} is older than what the shop reads, and replaces it: {seen}."
            if publish_past
            else f"The night of {night} is older than what the shop reads ({seen}), so this is a rehearsal: it scores "
            "and publishes nothing. With --publish-past it would replace these."
        )
    return Plan(ref, tuple(words), newer)


def attempts(lake: Lake, night: date) -> list[str]:
    """The refs of ``night`` in the lake, oldest first, complete or not."""
    folder = lake.join("snapshot", night.isoformat())
    return [f"{night.isoformat()}/{name}" for name in sorted(lake.names(folder))]


def reusable(settings: Settings, night: date, sample: int | None) -> str | None:
    """The latest complete snapshot of the night, shop and sample that was not refused and is as it was written."""
    lake, shop = Lake(settings.lake_uri), reader.shop_identity(settings.shop_url)
    return next((ref for ref in reversed(attempts(lake, night)) if _usable(lake, ref, shop, sample)), None)


def _usable(lake: Lake, ref: str, shop: str, sample: int | None) -> bool:
    manifest, refused = (lake.join("snapshot", ref, name) for name in ("manifest.json", "rejected.json"))
    if not lake.exists(manifest) or lake.exists(refused):
        return False
    try:
        found = lake.read_json(manifest)
        if found["shop"] != shop or found.get("sample") != sample:
            return False
        for kind, tables in (("raw", found["tables"]), ("config", found["config"])):
            for name in tables:
                lake.files("snapshot", ref, kind, name)
    except DamagedFile as error:
        log.warning("The snapshot %s is not used again, the night reads the shop anew. %s", ref, error)
        return False
    return True


def since(settings: Settings, ref: str) -> str:
    """Tell of a snapshot that is used again: which, how old, what changed since, and how to read anew."""
    lake = Lake(settings.lake_uri)
    manifest = lake.read_json("snapshot", ref, "manifest.json")
    read = datetime.fromisoformat(manifest["read_at"])
    at = f"{read.astimezone(ZoneInfo(settings.timezone)):%Y-%m-%d %H:%M} ({settings.timezone})"
    head = f"Uses the snapshot {ref}, read at {at}, {_ago(datetime.now(UTC) - read)} ago."
    if "state" not in manifest:
        return f"{head} What changed in the shop since is not known. --fresh reads the shop anew."
    changes = state.changes(manifest["state"], state.state(settings.shop_url))
    changes += [f"ml_config.{name} was edited" for name in _edited(settings, lake, ref, manifest)]
    what = f"Changed since: {'; '.join(changes)}." if changes else "No view, table or rule changed since."
    return f"{head} {what} --fresh reads the shop anew."


def _edited(settings: Settings, lake: Lake, ref: str, manifest: dict[str, Any]) -> Iterable[str]:
    """The tables of ``ml_config`` whose rows are not those that the snapshot holds."""
    now = config.read(settings.database_url, CONFIG, Pseudonym(settings.hash_key).hashed)
    for name, rows in now.items():
        if name not in manifest.get("config", {}) or not lake.read_parquet("snapshot", ref, "config", name).equals(
            rows
        ):
            yield name


def _ago(age: timedelta) -> str:
    minutes = max(0, round(age.total_seconds() / 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
