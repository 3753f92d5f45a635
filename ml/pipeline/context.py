"""What every step of a night starts from: the snapshot that it works on, and where its results go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import ibis
import pyarrow as pa

from ml.adapters import spark
from ml.adapters.books import config, locks, nights
from ml.adapters.lake import Lake, pieces
from ml.adapters.pictures.reading import with_thumbnails
from ml.contract.tables import PRODUCT_IMAGE
from ml.core.capability import Features, Window
from ml.core.errors import NightshiftError
from ml.core.spec import RULE_SET, Capability
from ml.core.spread import Spread
from ml.kernels.threads import limited
from ml.settings import PROJECT, Settings

SUITES = PROJECT / "expectations"
Progress = Callable[[str], None]


@contextmanager
def cluster(settings: Settings) -> Iterator[None]:
    """Keep the engine's cluster for a block, if it has one: each session takes the whole of it, so one process at a time.

    A second would wait for executors in vain. A block inside of it has the same session.
    """
    if settings.engine != "spark" or spark.is_kept():
        yield
        return
    with locks.exclusive(settings.database_url, "spark", wait_s=7200), spark.kept(settings):
        yield


@contextmanager
def spreading(settings: Settings) -> Iterator[Spread | None]:
    """What runs pieces of a step on other machines; None: the engine is this process."""
    if settings.engine != "spark":
        yield None
        return
    with cluster(settings), spark.spreading(settings) as spread:
        yield spread


@dataclass(frozen=True)
class Night:
    """A snapshot ``ref`` (``<night>/<attempt>``) with its manifest, and the lake that it lies in."""

    settings: Settings
    ref: str
    lake: Lake
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, settings: Settings, ref: str) -> Night:
        """Open the snapshot ``ref``; one that is not complete is an error."""
        lake = Lake(settings.lake_uri)
        path = lake.join("snapshot", ref, "manifest.json")
        if not lake.exists(path):
            raise NightshiftError(
                "There is no such snapshot.",
                came=f"{ref} has no manifest",
                do="run the step extract of that night first",
            )
        return cls(settings, ref, lake, lake.read_json(path))

    @property
    def night(self) -> date:
        return date.fromisoformat(self.ref.split("/")[0])

    @property
    def as_of(self) -> datetime:
        return datetime.fromisoformat(self.manifest["as_of"])

    @property
    def read_at(self) -> datetime:
        """When the shop was read; a night of the future knows no more than this."""
        return datetime.fromisoformat(self.manifest["read_at"])

    @property
    def shop(self) -> str:
        """Which shop this is: a model of one shop never serves another."""
        return str(self.manifest["shop"])

    @property
    def rehearsal(self) -> bool:
        """A night on a sample: everything runs, nothing is published."""
        return self.manifest.get("sample") is not None

    def missing(self, capability: Capability) -> tuple[str, ...]:
        """The contract tables that ``capability`` waits for."""
        return tuple(name for name in capability.needs if name not in self.manifest["tables"])

    def path(self, kind: str, *parts: str) -> str:
        return self.lake.join(kind, self.ref, *parts)

    @contextmanager
    def backend(self) -> Iterator[Any]:
        """An Ibis backend that reads and writes the lake; what it holds in memory is given back at the end."""
        backend = self.lake.ibis(threads=self.settings.threads, memory_gb=self.settings.memory_gb)
        try:
            yield backend
        finally:
            backend.disconnect()

    @contextmanager
    def engine(self) -> Iterator[Any]:
        """The Ibis backend of ``settings.engine``, for what grows with the shop and is written into the lake."""
        opened = spark.opened(self.settings) if self.settings.engine == "spark" else self.backend()
        with opened as backend:
            yield backend

    def clean(self, backend: Any, capability: Capability) -> dict[str, ibis.Table]:
        """The clean contract tables that ``capability`` reads, as Ibis tables; an optional one may be absent."""
        found = {
            name: self.lake.table(backend, self.path("snapshot", "clean", name))
            for name in capability.tables
            if name in self.manifest["tables"]
        }
        if PRODUCT_IMAGE.name in found:
            found[PRODUCT_IMAGE.name] = with_thumbnails(backend, self.lake, found[PRODUCT_IMAGE.name])
        return found

    def config(self, backend: Any, capability: Capability, rule_set: str | None = None) -> dict[str, ibis.Table]:
        """The rows that the shop's staff wrote for ``capability`` as the snapshot has them, and ``night``.

        Rows of a set of rules are left out, but for those of ``rule_set``: only an arm of an experiment asks for them.

        That has one row: the night's date and the shop's time zone. A snapshot from before there was such a table has its default rows.
        """
        present = self.manifest.get("config", {})
        tables = {
            table.name: self.lake.table(backend, self.path("snapshot", "config", table.name))
            if table.name in present
            else ibis.memtable(config.defaults(table))
            for table in capability.config
        }
        tables = {name: _of_set(table, rule_set) for name, table in tables.items()}
        night = {"night": pa.array([self.night], pa.date32()), "timezone": pa.array([self.settings.timezone])}
        return tables | {"night": ibis.memtable(pa.table(night))}

    @contextmanager
    def step(self, name: str, capability: str = "", shard: int = 0, *, alone: bool = False) -> Iterator[dict[str, Any]]:
        """Record a step's start, seconds, rows and outcome in ``ml_ops.step``; what it computes uses ``settings.threads``.

        ``alone``: outside of a night.
        """
        step = nights.step(self.settings.database_url, self.ref, name, capability, shard, alone=alone)
        with limited(self.settings.threads), step as record:
            yield record


def _of_set(table: ibis.Table, rule_set: str | None) -> ibis.Table:
    """The rows that hold for all, and those of a set of rules, where the table has sets."""
    if RULE_SET not in table.columns:
        return table
    of = table[RULE_SET]
    return table.filter(of.isnull() if rule_set is None else of.isnull() | (of == rule_set))


class LazyTables(Features):
    """Feature tables by name, each read from the lake when it is first asked for.

    Parameters
    ----------
    lake : Lake
    paths : mapping of str to str
        A Parquet file, or a folder of them, for each name.
    """

    def __init__(self, lake: Lake, paths: Mapping[str, str]) -> None:
        self._lake, self._paths = lake, dict(sorted(paths.items()))
        self._read: dict[str, pa.Table] = {}

    @classmethod
    def of(cls, lake: Lake, folder: str) -> LazyTables:
        """The tables whose files lie in a folder."""
        files = [name for name in lake.names(folder) if name.endswith(".parquet")]
        return cls(lake, {name.removesuffix(".parquet"): lake.join(folder, name) for name in files})

    def beside(self, paths: Mapping[str, str]) -> LazyTables:
        """The same tables and those of ``paths``."""
        return LazyTables(self._lake, self._paths | dict(paths))

    def with_windows(self, windows: Sequence[Window]) -> LazyTables:
        """The same tables, and those of earlier times for a model to learn from."""
        same = LazyTables(self._lake, self._paths)
        same.windows = tuple(windows)
        return same

    def kept(self, name: str, chosen: Callable[[pa.RecordBatch], Any]) -> pa.Table:
        """The rows of a table that ``chosen`` says yes to, shape (n_rows,) of bool, without holding the others."""
        return pieces.kept(self._lake, self._paths[name], chosen)

    def size(self, name: str) -> int:
        """Bytes that a table takes in memory, as its footers say."""
        return pieces.in_memory(self._lake, self._paths[name])

    def __getitem__(self, name: str) -> pa.Table:
        path = self._paths[name]
        if name not in self._read:
            self._read[name] = self._lake.read_parquet(path)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)
