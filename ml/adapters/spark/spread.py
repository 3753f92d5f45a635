"""Pieces of a night's work on Spark's executors: a partition each, Python there, results back by Arrow."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from ml.adapters.spark.session import master_of
from ml.core.errors import NightshiftError
from ml.core.outages import as_words
from ml.core.spread import Place
from ml.core.version import VERSION

if TYPE_CHECKING:
    from ml.settings import Settings

Result = TypeVar("Result")
MEMORY = "spark.executor.pyspark.memory"
MEMORY_GB = 1.0
"""What a piece may take of its executor where the properties say nothing."""
_PACKAGES = ("pyarrow", "duckdb", "numpy", "pandas", "great_expectations", "psycopg2", "pgpq")
_ROW = pa.schema([("piece", pa.int64()), ("result", pa.binary())])


class SparkSpread:
    """:class:`ml.core.spread.Spread` on a session; refuses at the start what would fail or differ in the middle."""

    def __init__(self, session: Any, settings: Settings) -> None:
        self._session, self._settings = session, settings
        _compare(self._present(), master_of(settings))

    def __call__(self, function: Callable[..., Result], tasks: Sequence[tuple[Any, ...]], /) -> list[Result]:
        return self._run(function, tasks)

    def _present(self) -> list[dict[str, str]]:
        try:
            return self._run(_versions_there, [()])
        except Exception as error:
            lines = [line.strip() for line in str(error).splitlines()]
            mismatches = [
                line for line in lines if line.startswith("ModuleNotFoundError") or "PYTHON_VERSION_MISMATCH" in line
            ]
            if not mismatches:
                raise
            raise _unlike(master_of(self._settings), mismatches[-1]) from error

    def _run(self, function: Callable[..., Result], tasks: Sequence[tuple[Any, ...]]) -> list[Result]:
        if not tasks:
            return []
        home, memory_gb, given = str(self._settings.home), self._memory_gb(), list(tasks)

        def pieces(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            place = Place(_home(home), 1, memory_gb)
            for batch in batches:
                for number in batch.column(0).to_pylist():
                    pickled = outcome(function, place, given[number])
                    yield pa.RecordBatch.from_pydict({"piece": [number], "result": [pickled]}, schema=_ROW)

        frame = self._session.range(0, len(given), 1, len(given))
        results = frame.mapInArrow(pieces, "piece long, result binary").toArrow().sort_by("piece")
        return [_opened(result) for result in results["result"].to_pylist()]

    def _memory_gb(self) -> float:
        """What an executor's Python may take, shared by the pieces that it works on at once."""
        memory = self._session.conf.get(MEMORY, "").strip().lower()
        if not memory:
            return min(MEMORY_GB, self._settings.memory_gb)
        unit = {"k": 2**-20, "m": 2**-10, "g": 1.0, "t": 2.0**10}.get(memory.rstrip("b")[-1:], 0.0)
        amount = float(memory.rstrip("b")[:-1]) * unit if unit else float(memory) * 2**-10
        return amount / max(1, int(self._session.conf.get("spark.executor.cores", "1") or 1))


def outcome(function: Callable[..., Any], place: Place, task: tuple[Any, ...]) -> bytes:
    """Give a piece's result, or its error where that can be told in words: it ends the step as it would here.

    Any other error stays Spark's, which tries the piece again on another executor.
    """
    try:
        return pickle.dumps((function(place, *task), None))
    except Exception as error:
        words = error if isinstance(error, NightshiftError) else as_words(error)
        if words is None:
            raise
        return pickle.dumps((None, words))


def _opened(pickled: bytes) -> Any:
    result, error = pickle.loads(pickled)  # noqa: S301 - what our own function made on our own executor
    if error is not None:
        raise error
    return result


def _home(wanted: str) -> Path:
    """A folder on the executor's machine: the night's own where that is there, else one for temporary files."""
    given = os.environ.get("NIGHTSHIFT_HOME") or wanted
    if Path(given).is_dir() and os.access(given, os.W_OK):
        return Path(given)
    own = Path(tempfile.gettempdir()) / f"nightshift-{os.getuid()}"
    own.mkdir(mode=0o700, exist_ok=True)
    return own


def versions() -> dict[str, str]:
    """Versions that a result rests on, in this process."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"nightshift": VERSION, "python": ".".join(map(str, sys.version_info[:2]))}
    for name in _PACKAGES:
        try:
            found[name] = version(name.replace("psycopg2", "psycopg2-binary"))
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _versions_there(_place: Place) -> dict[str, str]:
    return versions()


def _compare(found: Sequence[dict[str, str]], cluster: str) -> None:
    """Raise unless the executors have our packages in our versions."""
    ours = versions()
    wrong = sorted(
        {
            f"{name}: {theirs.get(name, 'missing')} there, {own} here"
            for theirs in found
            for name, own in ours.items()
            if theirs.get(name) != own
        }
    )
    if wrong:
        raise _unlike(cluster, "\n".join(wrong))


def _unlike(cluster: str, came: str) -> NightshiftError:
    return NightshiftError(
        "The executors have other packages than this machine, so their part of a night would not be the same.",
        came=f"NIGHTSHIFT_SPARK_MASTER={cluster}\n{came}",
        do="install this version of Nightshift with its requirements where the executors run (docs/scale.md), and name "
        "that Python as spark.pyspark.python",
    )
