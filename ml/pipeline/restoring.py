"""Put a backup back: looked through file by file first, then each part as a whole."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec

from ml.adapters import postgres
from ml.adapters.backup import dump, registry
from ml.adapters.backup.cipher import chunks
from ml.adapters.backup.store import Manifest, Store
from ml.adapters.books.locks import exclusive
from ml.adapters.books.nights import LAKE
from ml.adapters.books.versions import champions
from ml.adapters.lake import Lake
from ml.core.errors import DamagedFile, NightshiftError, WrongUse
from ml.pipeline.context import Progress
from ml.pipeline.keeping import BY_REF, SECRETS, WAIT_S
from ml.pipeline.setup import migrate
from ml.settings import Settings

Adopt = Callable[[str], Settings]


def _refuse(hash_key: str) -> Settings:
    del hash_key
    raise NightshiftError(
        "The backup was made with another hash key, so customers would be other people in it.",
        came="NIGHTSHIFT_HASH_KEY is not that of the backup",
        do="set NIGHTSHIFT_HASH_KEY to the one that the backed up stack had",
    )


def restore(
    settings: Settings,
    source: str,
    *,
    night: str = "",
    key: str = "",
    replace_data: bool = False,
    adopt: Adopt = _refuse,
    migrates: bool = True,
    progress: Progress = lambda _: None,
) -> dict[str, Any]:
    """Put the newest backup in ``source`` back, or the newest whose last night is ``night``.

    Everything is read and checked before anything is changed; then MLflow, the lake and, last, the database are replaced. Killed
    on the way, it is done again with ``replace_data``.

    Parameters
    ----------
    replace_data : bool
        Let it take the place of what is there.
    adopt : callable
        Gives the settings with the hash key of the backup, where that is another one than that of ``settings``.

    migrates : bool
        Bring the database up to this version; not where a newer one has migrated what is there.

    Returns
    -------
    dict
        ``backup``, ``night``, ``made_at``, ``rows`` by table, ``champions`` (version by capability).

    Raises
    ------
    WrongUse
        There is no such backup, a newer Nightshift made it, or there is data and ``replace_data`` is not set.
    DamagedFile
        Files of the backup are missing or not as they were written; all are named, nothing was changed.
    """
    store = Store(source, key)
    manifest = store.chosen(night)
    store.check_key(manifest)
    _refuse_newer(manifest)
    _refuse_data(settings, replace_data)
    if migrates:
        migrate(settings.database_url)  # makes the roles that the grants name
    dump.refuse_missing_roles(settings.database_url, manifest.roles)
    with tempfile.TemporaryDirectory(prefix="restore-", dir=settings.home) as temporary:
        progress("read and check the backup")
        folder = Path(temporary)
        _fetch(store, manifest, folder)
        hash_key = json.loads((folder / SECRETS).read_text())["hash_key"]
        if hash_key != settings.hash_key:
            settings = replace(adopt(hash_key), hash_key=hash_key)
        with exclusive(settings.database_url, LAKE, WAIT_S):
            progress("put MLflow and the lake back")
            _registry(settings, manifest, folder)
            _lake(settings, folder / "lake")
            progress("put the database back")
            dump.restore(settings.database_url, folder / "database", manifest.schemas)
    rows = dump.counts(settings.database_url, manifest.schemas)
    if differ := [
        f"{name}: {rows.get(name, 0)} rows, {count} in the backup"
        for name, count in manifest.rows.items()
        if rows.get(name, 0) != count
    ]:
        raise NightshiftError(
            "Some tables have other rows than the backup.", came="\n".join(differ), do="restore again, with --replace"
        )
    if migrates:
        migrate(settings.database_url)
    return {
        "backup": manifest.name,
        "night": manifest.night,
        "made_at": manifest.made_at,
        "rows": rows,
        "champions": champions(settings.database_url),
    }


def _refuse_newer(manifest: Manifest) -> None:
    known = postgres.newest_migration()
    if manifest.migration > known:
        raise WrongUse(
            "The backup was made by a newer Nightshift.",
            came=f"version {manifest.version} with migration {manifest.migration}; this one knows up to {known}",
            do=f"restore it with Nightshift {manifest.version} or a newer one",
        )


def _refuse_data(settings: Settings, replace_data: bool) -> None:
    """Raise if there is something that would be lost."""
    with postgres.transaction(settings.database_url, readonly=True) as cursor:
        cursor.execute("SELECT to_regclass('ml_ops.night') IS NOT NULL AS there")
        row = cursor.fetchone()
        nights = 0
        if row and row["there"]:
            cursor.execute("SELECT (SELECT count(*) FROM ml_ops.night) + (SELECT count(*) FROM ml_ops.version) AS n")
            found = cursor.fetchone()
            nights = int(found["n"]) if found else 0
    snapshots = Lake(settings.lake_uri).names("snapshot")
    if (nights or snapshots) and not replace_data:
        raise WrongUse(
            "This stack has data, which a restore would replace.",
            came=f"{nights} nights and model versions in ml_ops, {len(snapshots)} nights in the lake",
            do="add --replace if all of it may go (./nightshift backup keeps it first), or restore into an empty stack",
        )


def _fetch(store: Store, manifest: Manifest, folder: Path) -> None:
    """Bring every file of a backup here; each that is not as it was kept is named."""
    wrong = []
    for path, kept in manifest.files.items():
        target = folder / path
        if not target.resolve().is_relative_to(folder.resolve()):
            wrong.append(f"{path}: its path leads out of the backup")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("wb") as file:
                for chunk in store.get(kept):
                    file.write(chunk)
        except ValueError as error:
            wrong.append(f"{path}: {error} (object {kept.object})")
    if wrong:
        raise DamagedFile(
            f"The backup {manifest.name} is damaged or half; nothing was changed.",
            came="\n".join(wrong),
            do="restore another one (--night D); ./nightshift backup --check FOLDER looks through all of them",
        )


def _registry(settings: Settings, manifest: Manifest, folder: Path) -> None:
    """MLflow's books and files; what lay on a disk goes into this home."""
    if not (folder / "mlflow").exists():
        return
    here, moves = settings.artifacts, dict[str, str]()
    for number, old in manifest.artifacts.items():
        local = urlsplit(old).scheme in {"", "file"}
        new = f"{here}/{old.rstrip('/').rsplit('/', 1)[-1]}" if local else old
        _copied(folder / "artifacts" / number, new)
        moves |= {old: new} if new != old else {}
    registry.load(settings.mlflow_uri, folder / "mlflow")
    registry.move(settings.mlflow_uri, moves)
    shutil.rmtree(settings.home / "models", ignore_errors=True)  # copies of other versions with the same numbers


def _copied(source: Path, target: str) -> None:
    filesystem, root = fsspec.core.url_to_fs(target)
    for path in sorted(source.rglob("*")) if source.exists() else ():
        if path.is_file():
            where = f"{root}/{path.relative_to(source)}"
            filesystem.makedirs(where.rpartition("/")[0], exist_ok=True)
            filesystem.put_file(str(path), where)


def _lake(settings: Settings, source: Path) -> None:
    """The lake's files. What else the lake had is of nights that the books do not know any more: it goes."""
    lake = Lake(settings.lake_uri)
    for name in {*BY_REF, *(path.name for path in source.glob("*"))}:
        lake.remove(name)
    for path in sorted(source.rglob("*")) if source.exists() else ():
        if path.is_file():
            with path.open("rb") as file:
                lake.write_chunks(lake.join(str(path.relative_to(source))), chunks(file))
