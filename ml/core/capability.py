"""What the modules of a capability must offer: one protocol per file of its folder.

The pipeline calls capabilities through these protocols only, so a wrong call is a type error; a module that lacks a
function or takes other parameters is found by :func:`faults`, which needs no run.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import ibis
import pyarrow as pa

from ml.core.evaluation import Evaluation
from ml.core.sample import Sample
from ml.core.spec import Capability

Tables = Mapping[str, ibis.Table]
"""The contract's tables and those that the staff edits, by name."""
Rows = Mapping[str, pa.Table]
"""Features, or published rows, by table."""
Batches = Mapping[str, Iterator[pa.RecordBatch]]
"""Rows to publish, by table, made while they are read."""


class Window(NamedTuple):
    """Features at one of the times that ``spec.cutoffs`` asks for, and what came in the ``gate.horizon`` after it."""

    as_of: datetime
    features: Rows
    truth: pa.Table


class Features(Mapping[str, pa.Table]):
    """Feature tables by name, and those of the earlier times that ``spec.cutoffs`` asks for."""

    windows: Sequence[Window] = ()
    """One per cutoff, the oldest first; there when a model is fitted."""


class Known(Features):
    """Features held in memory, for a REPL and for tests."""

    def __init__(self, tables: Rows, windows: Sequence[Window] = ()) -> None:
        self._tables, self.windows = dict(tables), tuple(windows)

    def __getitem__(self, name: str) -> pa.Table:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


class Split(NamedTuple):
    """Where the gate's horizon holds too little: what is known tonight, split by time into what is learned from and what judges."""

    features: Rows
    truth: pa.Table
    since: datetime
    """What judges begins here."""
    words: str
    """Why, and how much history there is of how much, as a sentence."""
    confidence: float = 0.8
    """What the gate asks for here: with few units to judge on, its usual confidence would serve the baseline for months."""


class Model(Protocol):
    """A fitted model, as far as the pipeline knows it."""

    def save(self, folder: Path) -> None:
        """Write the model as files into ``folder``, which is there and empty."""


class FeaturesModule(Protocol):
    """``features.py``: what is known at a time, and what came afterwards."""

    def build(self, tables: Tables, as_of: datetime, params: Any) -> Tables:
        """Give the feature tables as known at ``as_of``."""

    def truth(self, tables: Tables, start: datetime, end: datetime, params: Any) -> ibis.Table:
        """Give what happened in ``[start, end)`` that a model is judged by."""


class LiveFeaturesModule(FeaturesModule, Protocol):
    """``features.py`` of a capability with a lane between nights."""

    def build(self, tables: Tables, as_of: datetime, params: Any, only: ibis.Table | None = None) -> Tables:
        """Give the feature tables; with ``only`` those of these keys, by the same expressions."""


class ModelModule(Protocol):
    """``model.py``: learn, and read what was saved."""

    def fit(self, features: Features, params: Any, seed: int) -> Model:
        """Fit the model."""

    def fit_baseline(self, features: Features, params: Any, seed: int) -> Model:
        """Fit the simple method that the model must beat."""

    def load(self, folder: Path) -> Model:
        """Read what :meth:`Model.save` wrote; another format is an :class:`~ml.core.errors.ArtifactError`."""


class EvaluateModule(Protocol):
    """``evaluate.py``: how good models are, on what came after their training."""

    def evaluate(
        self, models: Mapping[str, Any], features: Rows, truth: pa.Table, params: Any
    ) -> Mapping[str, Evaluation]:
        """Judge every model on the same units."""


class ShareModule(EvaluateModule, Protocol):
    """``evaluate.py`` of a capability whose truth comes late; without this function all of it counts as known."""

    def share_known(self, tables: Tables, start: datetime, end: datetime, params: Any) -> tuple[float, int]:
        """Share of the units of ``[start, end)`` whose truth is known in ``tables``, and how many units there are."""


class ScoreModule(Protocol):
    """``score.py``: the rows that are published."""

    def units(self, features: Rows) -> int:
        """How many units (customers, orders …) the shards are cut from."""

    def expected(self, features: Rows) -> Mapping[str, int]:
        """How many different first keys each published table should have; 0: any number may be right."""

    def score(self, model: Any, features: Rows, shard: int, shards: int, params: Any) -> Batches:
        """Make the rows of units ``[n shard / shards, n (shard + 1) / shards)`` for each table of ``spec.sharded``."""


class ScoreAllModule(ScoreModule, Protocol):
    """``score.py`` of a capability with tables that belong to no shard."""

    def score_all(self, model: Any, features: Rows, rows: Rows, params: Any) -> Batches:
        """Make each table of ``spec.for_all``; ``rows`` are those of all shards, by table."""


class SampleModule(Protocol):
    """``sample.py``: a small shop with a planted answer."""

    def sample(self, seed: int) -> Sample:
        """Give the contract tables of a small shop in which the model beats its baseline."""


def protocols(spec: Capability) -> dict[str, type]:
    """The protocol of each module of ``spec``, by the module's name."""
    return {
        "features": LiveFeaturesModule if spec.live else FeaturesModule,
        "model": ModelModule,
        "evaluate": EvaluateModule,
        "score": ScoreAllModule if spec.for_all else ScoreModule,
        "sample": SampleModule,
    }


def faults(spec: Capability) -> list[str]:
    """What the folder of ``spec`` lacks, in words: a module, a function, or a parameter. Imports its modules."""
    found: list[str] = []
    for name, protocol in protocols(spec).items():
        path = f"{spec.package.replace('.', '/')}/{name}.py"
        try:
            module = importlib.import_module(f"{spec.package}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{spec.package}.{name}":
                raise
            found.append(f"{path} is missing: {(protocol.__doc__ or '').splitlines()[0]}")
            continue
        for function in (n for n in dir(protocol) if not n.startswith("_")):
            wanted = list(inspect.signature(getattr(protocol, function)).parameters)[1:]
            given = getattr(module, function, None)
            if not callable(given):
                found.append(f"{path} lacks {function}({', '.join(wanted)})")
                continue
            takes = list(inspect.signature(given).parameters)
            if takes[: len(wanted)] != wanted:
                found.append(f"{path}: {function} takes ({', '.join(takes)}), wanted ({', '.join(wanted)})")
    found += [
        f"{spec.package}.spec: the cutoff {cutoff} is shorter than the gate's horizon {spec.gate.horizon}, so what "
        "came after it would not be known yet"
        for cutoff in spec.cutoffs
        if cutoff < spec.gate.horizon
    ]
    return found


def features_of(spec: Capability) -> FeaturesModule:
    """Import ``features.py`` of ``spec``."""
    return cast("FeaturesModule", _part(spec, "features"))


def live_features_of(spec: Capability) -> LiveFeaturesModule:
    """Import ``features.py`` of a capability with a lane between nights."""
    return cast("LiveFeaturesModule", _part(spec, "features"))


def model_of(spec: Capability) -> ModelModule:
    """Import ``model.py`` of ``spec``."""
    return cast("ModelModule", _part(spec, "model"))


def evaluate_of(spec: Capability) -> EvaluateModule:
    """Import ``evaluate.py`` of ``spec``."""
    return cast("EvaluateModule", _part(spec, "evaluate"))


def share_known(
    spec: Capability, tables: Tables, start: datetime, end: datetime, params: Any
) -> tuple[float, int] | None:
    """How much of what happened in ``[start, end)`` is known by now; None where the capability does not say."""
    module = _part(spec, "evaluate")
    return (
        cast("ShareModule", module).share_known(tables, start, end, params) if hasattr(module, "share_known") else None
    )


def score_of(spec: Capability) -> ScoreModule:
    """Import ``score.py`` of ``spec``."""
    return cast("ScoreModule", _part(spec, "score"))


def score_all_of(spec: Capability) -> ScoreAllModule:
    """Import ``score.py`` of a capability with tables that belong to no shard."""
    return cast("ScoreAllModule", _part(spec, "score"))


def sample_of(spec: Capability) -> SampleModule:
    """Import ``sample.py`` of ``spec``."""
    return cast("SampleModule", _part(spec, "sample"))


def published(
    spec: Capability, model: Any, features: Rows, params: Any = None, *, shards: int = 1
) -> dict[str, pa.Table]:
    """Make all published rows in memory, as a night makes them: each shard, then what belongs to no shard.

    Parameters
    ----------
    params : optional
        ``spec.params`` if not given.
    """
    part, params = score_of(spec), params or spec.params
    scored = [_tables(part.score(model, features, shard, shards, params)) for shard in range(shards)]
    rows = {table.name: pa.concat_tables([shard[table.name] for shard in scored]) for table in spec.sharded}
    if spec.for_all:
        rows |= _tables(score_all_of(spec).score_all(model, features, rows, params))
    return {table.name: rows[table.name] for table in spec.publishes}


def _tables(scored: Batches) -> dict[str, pa.Table]:
    return {name: pa.Table.from_batches(list(batches)) for name, batches in scored.items()}


def _part(spec: Capability, name: str) -> object:
    return importlib.import_module(f"{spec.package}.{name}")
