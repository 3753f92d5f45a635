"""The folder or bucket of the backups: objects by their content, and one manifest a backup, written last."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ml.adapters.backup import cipher
from ml.adapters.lake import Lake
from ml.core.errors import DamagedFile, NightshiftError, WrongUse

FORMAT = 1
STAMP = "%Y%m%dT%H%M%SZ"
GRACE_S = 86_400.0
"""An object that no backup names is deleted only when it is older: a backup that is being made may be about to name it."""

Opener = Callable[[], Any]


@dataclass(frozen=True)
class Kept:
    """A file of a backup: where it is in the store, and its bytes."""

    object: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """What one backup holds."""

    name: str
    made_at: str
    version: str
    night: str
    """The last night of which something was published; empty: none yet."""
    migration: int
    shop: str
    key_check: str
    schemas: list[str]
    roles: list[str]
    rows: dict[str, int]
    artifacts: dict[str, str]
    """By experiment of MLflow, the address of its files."""
    files: dict[str, Kept] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def bytes(self) -> int:
        return sum(kept.bytes for kept in self.files.values())

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Manifest:
        """Read what was written.

        Raises
        ------
        WrongUse
            A newer Nightshift wrote it.
        """
        if raw.get("format", 0) > FORMAT:
            raise WrongUse(
                "The backup was made by a newer Nightshift.",
                came=f"{raw.get('name')} by version {raw.get('version')}",
                do="restore it with that version or a newer one",
            )
        return cls(**{**raw, "files": {path: Kept(**kept) for path, kept in raw["files"].items()}})


class Store:
    """The backups in one folder or bucket.

    Parameters
    ----------
    uri : str
        A folder, or an address that fsspec knows.
    key : str
        Encrypts every object; empty: they are kept in clear.
    """

    def __init__(self, uri: str, key: str = "") -> None:
        self._lake, self._cipher = Lake(uri, "the backups' address"), cipher.of(key)
        self.uri, self.local, self.key_check = self._lake.uri, self._lake.local, self._cipher.check

    def put(self, opener: Opener) -> tuple[Kept, int]:
        """Keep a file's content, once. Gives where, and the bytes that were written: 0 if it was there.

        Parameters
        ----------
        opener : callable
            Opens the file for reading; called twice.
        """
        with opener() as file:
            name, size = self._cipher.name(file)
        target, stored = self._path(name), self._cipher.stored(size)
        if self._size(target) == stored:
            return Kept(name, size), 0
        with opener() as file:
            self._lake.write_chunks(target, self._cipher.encode(name, file))
        return Kept(name, size), stored

    def get(self, kept: Kept) -> Iterator[bytes]:
        """Content of a file.

        Raises
        ------
        ValueError
            It is not as it was when it was kept; told at the latest after the last chunk.
        """
        try:
            with self._lake.open(self._path(kept.object)) as file:
                yield from self._cipher.decode(kept.object, file)
        except FileNotFoundError:
            raise ValueError("it is missing") from None

    def faults(self, manifest: Manifest) -> list[str]:
        """What is wrong with the files of a backup, in words; empty: nothing."""
        wrong, seen = [], dict[str, str]()
        for path, kept in manifest.files.items():
            if kept.object not in seen:
                seen[kept.object] = self._fault(kept)
            if seen[kept.object]:
                wrong.append(f"{path}: {seen[kept.object]} ({self._path(kept.object)})")
        return wrong

    def _fault(self, kept: Kept) -> str:
        try:
            for _ in self.get(kept):
                pass
        except ValueError as error:
            return str(error)
        return ""

    def write(self, manifest: Manifest) -> None:
        """Make a backup one that can be restored: all its objects are there."""
        self._lake.write_json(f"backups/{manifest.name}.json", asdict(manifest))

    def manifests(self) -> tuple[list[Manifest], list[str]]:
        """The backups, the oldest first, and what is wrong with those that cannot be read."""
        found, wrong = [], []
        for name in self._lake.names("backups"):
            if name.endswith(".json") and not name.startswith("."):
                try:
                    found.append(Manifest.read(self._lake.read_json("backups", name)))
                except DamagedFile as error:
                    wrong.append(error.came)
        return found, wrong

    def chosen(self, night: str = "") -> Manifest:
        """The newest backup, or the newest whose last night is ``night``."""
        found, wrong = self.manifests()
        if wrong and not night:
            # The damaged one may be the newest: an older one instead of it would be a silent loss.
            raise DamagedFile(
                "A manifest of the backups is damaged, so which backup is the newest is not known.",
                came="\n".join(wrong),
                do="name a night whose backup is whole: "
                + (", ".join(sorted({one.night for one in found if one.night})) or "there is none"),
            )
        fitting = [one for one in found if not night or one.night == night]
        if fitting:
            return fitting[-1]
        objects = bool(self._lake.names("objects"))
        nights = sorted({one.night for one in found if one.night})
        raise WrongUse(
            f"There is no backup of the night of {night}." if found else "There is no whole backup.",
            came=f"{self.uri}: "
            + (f"nights {', '.join(nights)}" if found else "a half one, without a manifest" if objects else "nothing"),
            do="name one of these with --night"
            if found
            else "name the folder or address that ./nightshift backup wrote to",
        )

    def check_key(self, manifest: Manifest) -> None:
        """Raise unless the key is the one that the backup was made with."""
        if manifest.key_check != self.key_check:
            raise NightshiftError(
                "The backup was made with another key." if self.key_check else "The backup is encrypted.",
                came=f"{manifest.name}: NIGHTSHIFT_BACKUP_KEY is " + ("another one" if self.key_check else "not set"),
                do="set NIGHTSHIFT_BACKUP_KEY to the key that it was made with"
                if manifest.key_check
                else "unset NIGHTSHIFT_BACKUP_KEY: that one was made without a key",
            )

    def thin(self, keep: set[str], *, grace_s: float = GRACE_S) -> tuple[list[str], int]:
        """Delete the backups that are not in ``keep``, then what no backup names any more. Gives their names, and bytes freed."""
        found, wrong = self.manifests()
        removed = [one.name for one in found if one.name not in keep]
        for name in removed:
            self._lake.remove(f"backups/{name}.json")
        if wrong:
            return removed, 0  # what a damaged manifest names is not known, so nothing is deleted
        named = {kept.object for one in found if one.name in keep for kept in one.files.values()}
        freed, limit = 0, time.time() - grace_s
        for path in self._lake.walk("objects"):
            if path.rsplit("/", 1)[-1].lstrip(".").partition(".")[0] not in named and self._modified(path) < limit:
                freed += self._lake.usage(path)
                self._lake.remove(path)
        return removed, freed

    def usage(self) -> int:
        """Bytes of all backups."""
        return self._lake.usage("")

    def same_disk(self, folder: Path) -> bool:
        """Whether the backups lie on the disk that ``folder`` lies on."""
        nearest = (
            next((p for p in (Path(self.uri), *Path(self.uri).parents) if p.exists()), None) if self.local else None
        )
        return bool(nearest and folder.exists() and nearest.stat().st_dev == folder.stat().st_dev)

    def private(self) -> None:
        """Let nobody else enter a folder of this machine: copies of customers' rows lie in it."""
        if self.local and not Path(self.uri).exists():
            Path(self.uri).mkdir(mode=0o700, parents=True)

    def _path(self, name: str) -> str:
        return self._lake.join("objects", name[:2], name)

    def _size(self, path: str) -> int:
        try:
            return int(self._lake.filesystem.size(path)) if self._lake.exists(path) else -1
        except FileNotFoundError:
            return -1

    def _modified(self, path: str) -> float:
        if self.local:
            return Path(path).stat().st_mtime
        return float(self._lake.filesystem.modified(path).timestamp())


def thinned(names: Iterable[str], days: int, weeks: int, months: int) -> set[str]:
    """The backups to keep: the newest of each of the last days, weeks and months of which there is one.

    Examples
    --------
    >>> sorted(thinned(["20260101T020000Z", "20260102T020000Z", "20260102T090000Z"], 1, 0, 2))
    ['20260102T090000Z']
    """
    when = {name: datetime.strptime(name, STAMP).replace(tzinfo=UTC) for name in names}
    newest = sorted(when, key=lambda name: when[name], reverse=True)
    keep: set[str] = set()
    for count, period in ((days, "%Y-%m-%d"), (weeks, "%G-%V"), (months, "%Y-%m")):
        first: dict[str, str] = {}
        for name in newest:
            first.setdefault(when[name].strftime(period), name)
        keep |= set(list(first.values())[:count])
    return keep | set(newest[:1])


def stamp(now: datetime, taken: Iterable[str]) -> str:
    """Name of a backup that is made now; a second one within the second gets the next."""
    used = set(taken)
    while (name := now.strftime(STAMP)) in used:
        now += timedelta(seconds=1)
    return name
