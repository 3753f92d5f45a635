"""Texts with their intents from a folder of Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from bench import Options
from ml.core.errors import NightshiftError
from ml.text.knowing import Doubles

Labels = npt.NDArray[np.int64]
SEED = 7
OUTSIDE = ("oos", "out_of_scope", "out-of-scope")


class Sure(NamedTuple):
    """Scores of shape (n_texts, n_intents), and how strange each text is, the larger the more."""

    scores: Doubles
    strange: Doubles


class Task(NamedTuple):
    """Texts of both sides; labels are numbers of the taught intents, -1: outside."""

    train: list[str]
    y: Labels
    test: list[str]
    truth: Labels

    @property
    def n(self) -> int:
        return int(self.y.max()) + 1


def read_task(options: Options) -> Task:
    """The texts of ``--data``; with ``--quick`` every eighth."""
    if options.data is None or not (options.data / "train.parquet").exists():
        raise NightshiftError(
            "bench service needs texts.",
            came=f"--data {options.data}",
            do="give a folder with train.parquet and test.parquet",
        )
    (train, y), (test, truth) = (_side(options.data / f"{side}.parquet") for side in ("train", "test"))
    if options.quick:
        train, y, test, truth = train[::8], y[::8], test[::8], truth[::8]
    names = sorted(set(y) - set(OUTSIDE))
    number = {name: i for i, name in enumerate(names)}
    taught = [i for i, name in enumerate(y) if name in number]
    return Task(
        [train[i] for i in taught],
        np.array([number[y[i]] for i in taught]),
        test,
        np.array([number.get(name, -1) for name in truth]),
    )


def _side(path: Path) -> tuple[list[str], list[str]]:
    table = pq.read_table(path)
    text, intent = (
        next(name for name in names if name in table.column_names)
        for names in (("text", "utterance"), ("category", "intent", "label"))
    )
    return [str(value) for value in table[text].to_pylist()], [str(value) for value in table[intent].to_pylist()]
