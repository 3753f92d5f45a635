"""Each capability's sample, as its features see it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.capability import Known, Window, published
from ml.core.sample import Sample
from ml.core.spec import Capability

SEED = 7


@dataclass(frozen=True)
class Case:
    """A capability on its sample. Features are made at ``cutoff`` (to evaluate) and at ``as_of`` (to serve)."""

    capability: Capability

    @cached_property
    def sample(self) -> Sample:
        return self.part("sample").sample(SEED)

    @property
    def as_of(self) -> datetime:
        return self.sample.as_of

    @property
    def cutoff(self) -> datetime:
        return self.as_of - self.capability.gate.horizon

    @cached_property
    def tables(self) -> dict[str, pa.Table]:
        return {name: whole(name, table) for name, table in self.sample.tables.items()}

    @cached_property
    def known(self) -> Known:
        return self.at(self.cutoff)

    @cached_property
    def serve(self) -> Known:
        return self.at(self.as_of)

    @cached_property
    def truth(self) -> pa.Table:
        return self.truth_of(self.cutoff, self.as_of)

    @cached_property
    def old(self) -> Any:
        """The model of the features at ``cutoff``, for what does not fit it again."""
        return self.fit(self.known)

    @cached_property
    def young(self) -> Any:
        """The model of the features at ``as_of``, for what does not fit it again."""
        return self.fit(self.serve)

    @cached_property
    def rows(self) -> dict[str, pa.Table]:
        """What the young model publishes."""
        return self.score(self.young, self.serve)

    def part(self, name: Any) -> Any:
        return importlib.import_module(f"{self.capability.package}.{name}")

    def build(self, tables: Mapping[str, pa.Table], as_of: datetime) -> dict[str, pa.Table]:
        backend = ibis.duckdb.connect()
        built = self.part("features").build(memory(tables), as_of, self.capability.params)
        return {name: backend.to_pyarrow(table) for name, table in built.items()}

    def at(self, as_of: datetime) -> Known:
        """Features at ``as_of`` with the windows that the spec asks for."""
        horizon, windows = self.capability.gate.horizon, []
        for cutoff in sorted(self.capability.cutoffs, reverse=True):
            then = as_of - cutoff
            windows.append(Window(then, self.build(self.tables, then), self.truth_of(then, then + horizon)))
        return Known(self.build(self.tables, as_of), windows)

    def truth_of(self, start: datetime, end: datetime) -> pa.Table:
        backend = ibis.duckdb.connect()
        built = self.part("features").truth(memory(self.tables), start, end, self.capability.params)
        return backend.to_pyarrow(built)

    def fit(self, features: Mapping[str, pa.Table]) -> Any:
        return self.part("model").fit(features, self.capability.params, SEED)

    def score(self, model: Any, features: Mapping[str, pa.Table], shards: int = 1) -> dict[str, pa.Table]:
        """Published rows as a night makes them: each shard, and then what belongs to no shard."""
        return published(self.capability, model, features, shards=shards)


def memory(tables: Mapping[str, pa.Table]) -> dict[str, ibis.Table]:
    """Tables as Ibis sees them."""
    return {name: ibis.memtable(table) for name, table in tables.items()}


def whole(name: str, table: pa.Table) -> pa.Table:
    """``table`` with every column of the contract, as the lake has it; what is not there is null."""
    return pa.table(
        {
            column.name: table[column.name].cast(ARROW[column.kind])
            if column.name in table.column_names
            else pa.nulls(len(table), ARROW[column.kind])
            for column in TABLES[name].columns
        }
    )


def ordered(table: pa.Table) -> pa.Table:
    """The rows in one order, to compare tables whose order means nothing."""
    return table.sort_by([(name, "ascending") for name in table.column_names]).combine_chunks()


def shuffled(table: pa.Table) -> pa.Table:
    """The same rows in another order."""
    return table.take(pa.array(np.random.default_rng(SEED).permutation(len(table))))


def saved(model: Any, folder: Path) -> dict[str, bytes]:
    """The model's files, byte by byte."""
    folder.mkdir(parents=True)
    model.save(folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
