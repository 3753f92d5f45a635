"""Keep all that a shop would miss, at one instant, beside a night at work; old backups are thinned."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import fsspec

from ml.adapters.backup import dump, registry
from ml.adapters.backup.store import Kept, Manifest, Opener, Store, stamp, thinned
from ml.adapters.books.locks import exclusive
from ml.adapters.books.nights import LAKE, REFS_IN_USE
from ml.adapters.lake import Lake
from ml.core.errors import NightshiftError, WrongUse
from ml.core.version import VERSION
from ml.pipeline.context import Progress
from ml.settings import Settings
from ml.shop.marker import Marker

BY_REF = ("snapshot", "features", "predictions", "docs")
"""Folders of the lake with one part a snapshot; of the others all is kept."""

WAIT_S = 3600.0
SECRETS = "secrets.json"


@dataclass(frozen=True)
class Keep:
    """How many backups are kept: the newest of each of so many days, weeks and months."""

    days: int = 7
    weeks: int = 4
    months: int = 12

    @classmethod
    def parse(cls, text: str) -> Keep:
        """Read ``7d,4w,12m``.

        Examples
        --------
        >>> Keep.parse("3d,2m")
        Keep(days=3, weeks=0, months=2)
        """
        names = {"d": "days", "w": "weeks", "m": "months"}
        parts = [part.strip() for part in text.split(",")]
        if not all(part[:-1].isdigit() and part[-1:] in names for part in parts):
            raise WrongUse(
                "How many backups are kept cannot be read.",
                came=repr(text),
                do="write it as 7d,4w,12m: days, weeks, months",
            )
        return cls(**(dict.fromkeys(names.values(), 0) | {names[part[-1]]: int(part[:-1]) for part in parts}))


def backup(
    settings: Settings, to: str, *, key: str = "", keep: Keep = Keep(), progress: Progress = lambda _: None
) -> dict[str, Any]:
    """Make a backup of everything into ``to``, then thin the older ones.

    The database is read at one instant; MLflow and the lake are read after it, and hold whatever the database names: what is
    written there is never changed, and erasures wait meanwhile.

    Parameters
    ----------
    to : str
        A folder, or an address that fsspec knows.
    key : str
        Encrypts it, with 32 letters or more.

    Returns
    -------
    dict
        ``backup`` (its name), ``night``, ``files``, ``bytes``, ``written`` (bytes that were not there yet), ``notes`` (what is
        worth knowing, in words), ``thinned`` and ``freed``.
    """
    store = Store(to, key)
    store.private()
    with (
        exclusive(settings.database_url, "backup"),
        exclusive(settings.database_url, LAKE, WAIT_S, shared=True),
        tempfile.TemporaryDirectory(prefix="backup-", dir=settings.home) as temporary,
    ):
        making = _Making(settings, store, Path(temporary), progress)
        manifest = making.run()
        progress("thin the older ones")
        known = [one.name for one in store.manifests()[0]]
        thinned_names, freed = store.thin(thinned(known, keep.days, keep.weeks, keep.months))
    return {
        "backup": manifest.name,
        "night": manifest.night,
        "files": len(manifest.files),
        "bytes": manifest.bytes,
        "written": making.written,
        "notes": making.notes,
        "thinned": thinned_names,
        "freed": freed,
    }


class _Making:
    """One backup that is being made."""

    def __init__(self, settings: Settings, store: Store, temporary: Path, progress: Progress) -> None:
        self._settings, self._store, self._temporary, self._progress = settings, store, temporary, progress
        self._files: dict[str, Kept] = {}
        self.written = 0
        self.notes: list[str] = []
        if store.same_disk(settings.home):
            self.notes.append(
                "The backups lie on the same disk as Nightshift's state: lost with it. Name a folder on another disk or a bucket."
            )

    def run(self) -> Manifest:
        settings = self._settings
        with dump.snapshot(settings.database_url) as instant:
            manifest = self._facts(instant)
            self._progress("dump the database")
            dump.dump(settings.database_url, self._temporary / "database", manifest.schemas, of=instant)
            refs = [row["ref"] for row in instant.rows(REFS_IN_USE)]
        self._folder("database", self._temporary / "database")
        self._progress("dump MLflow")
        artifacts = self._registry()
        self._progress("keep the lake's files")
        self._lake(refs)
        self._file(SECRETS, lambda: BytesIO(json.dumps({"hash_key": settings.hash_key}).encode()))
        manifest = replace(manifest, artifacts=artifacts, files=self._files)
        self._store.write(manifest)
        return manifest

    def _facts(self, instant: dump.Snapshot) -> Manifest:
        instant.cursor.execute("SELECT to_regclass('ml_ops.migration') IS NOT NULL AS there")
        if not instant.cursor.fetchone()["there"]:
            raise NightshiftError(
                "There is nothing to back up.",
                came="the database has no schema ml_ops",
                do="./nightshift up makes it, ./nightshift night fills it",
            )
        night = instant.rows("SELECT max(night)::text AS night FROM ml_ops.batch WHERE published_at IS NOT NULL")
        number = instant.rows("SELECT max(number) AS number, current_database()::text AS name FROM ml_ops.migration")[0]
        schemas = [*dump.OURS, *self._filled(instant)]
        return Manifest(
            name=stamp(datetime.now(UTC), [one.name for one in self._store.manifests()[0]]),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            version=VERSION,
            night=night[0]["night"] or "",
            migration=number["number"],
            shop=number["name"],
            key_check=self._store.key_check,
            schemas=schemas,
            roles=instant.roles(schemas),
            rows=instant.counts(schemas),
            artifacts={},
        )

    def _filled(self, instant: dump.Snapshot) -> list[str]:
        """Schema ``shop``, where Nightshift filled it; a shop's own tables are in the shop's own backups."""
        found = instant.rows(
            "SELECT obj_description(oid, 'pg_namespace') AS mark FROM pg_namespace WHERE nspname = 'shop'"
        )
        if found and Marker.parse(found[0]["mark"]):
            return ["shop"]
        self.notes.append("Schema shop is not in it: Nightshift did not fill it.")
        return []

    def _registry(self) -> dict[str, str]:
        uri = self._settings.mlflow_uri
        if not registry.kept_here(uri):
            self.notes.append("MLflow is not in it: its server is not Nightshift's.")
            return {}
        # The files are there before the books name them, so the books come first.
        locations = registry.locations(uri)
        if not locations:
            return {}
        registry.save(uri, self._temporary / "mlflow")
        self._folder("mlflow", self._temporary / "mlflow")
        for number, where in locations.items():
            filesystem, root = fsspec.core.url_to_fs(where)
            if filesystem.exists(root):
                for path in sorted(filesystem.find(root)):
                    self._file(f"artifacts/{number}/{path[len(root) :].strip('/')}", _opener(filesystem, path))
        return locations

    def _lake(self, refs: list[str]) -> None:
        lake = Lake(self._settings.lake_uri)
        folders = [f"{kind}/{ref}" for kind in BY_REF for ref in refs]
        folders += [name for name in lake.names("") if name not in BY_REF and not name.startswith(".")]
        for folder in folders:
            for path in lake.walk(folder):
                self._file(f"lake/{path[len(lake.uri) :].strip('/')}", _opener(lake.filesystem, path))

    def _folder(self, name: str, folder: Path) -> None:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self._file(f"{name}/{path.relative_to(folder)}", _local(path))

    def _file(self, path: str, opener: Opener) -> None:
        try:
            self._files[path], written = self._store.put(opener)
        except FileNotFoundError as error:
            raise NightshiftError(
                "A file went away while the backup was made.",
                came=f"{path}: {error}",
                do="make the backup again; the maintenance may have dropped an old night meanwhile",
            ) from None
        self.written += written


def _opener(filesystem: Any, path: str) -> Opener:
    return lambda: filesystem.open(path, "rb")


def _local(path: Path) -> Opener:
    return lambda: path.open("rb")


def backups(to: str, *, key: str = "", check: bool = False) -> Iterator[dict[str, Any]]:
    """The backups in ``to``, the oldest first: ``backup``, ``night``, ``bytes``, and ``faults`` in words if they are to be checked."""
    store = Store(to, key)
    found, wrong = store.manifests()
    for manifest in found:
        faults: list[str] = []
        if check:
            store.check_key(manifest)
            faults = store.faults(manifest)
        yield {
            "backup": manifest.name,
            "night": manifest.night,
            "version": manifest.version,
            "bytes": manifest.bytes,
            "files": len(manifest.files),
            "faults": faults,
        }
    for words in wrong:
        yield {"backup": "?", "night": "", "version": "", "bytes": 0, "files": 0, "faults": [words]}
