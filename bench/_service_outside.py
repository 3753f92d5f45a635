"""How well a text that asks for nothing known is told from the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from bench import Row
from bench._service_task import SEED, Sure, Task
from ml.text.knowing import Doubles

PRECISION = 0.8
NEVER = 0.22
"""Share of the intents that :func:`without` keeps from being taught."""


def without(task: Task) -> Task:
    """The same, with a share of its intents (drawn once) never taught: their test texts are outside."""
    unknown = np.random.default_rng(0).permutation(task.n)[: round(NEVER * task.n)]
    taught = ~np.isin(task.y, unknown)
    number = np.full(task.n, -1)
    number[np.setdiff1d(np.arange(task.n), unknown)] = np.arange(task.n - len(unknown))
    train = [text for text, kept in zip(task.train, taught, strict=True) if kept]
    return Task(train, number[task.y[taught]], task.test, np.where(task.truth < 0, -1, number[task.truth]))


def outside(task: Task, judged: Mapping[str, Sure], methods: Mapping[str, Callable[[Task], Sure]]) -> Iterator[Row]:
    """How well the unknown is told: AUROC, and recall at the line that should leave four of five that are called unknown right.

    The line is set without the test: a fifth of the intents and a fifth of the other texts are held out of the training texts, and
    what is said of them is weighed as if a fifth of all asked for something unknown.
    """
    from sklearn.metrics import roc_auc_score

    beyond, inner = task.truth < 0, _held_out(task)
    area = {name: float(roc_auc_score(beyond, found.strange)) for name, found in judged.items()}
    found, precise = {}, {}
    for name, method in methods.items():
        line = _line(method(inner).strange, inner.truth < 0)
        called = judged[name].strange >= line
        found[name] = float(called[beyond].mean())
        precise[name] = float(beyond[called].mean()) if called.any() else 1.0
    note = f"{int(beyond.sum())} of {len(beyond)} texts outside; precision at the line " + ", ".join(
        f"{n} {v:.2f}" for n, v in precise.items()
    )
    for what, values in (("out-of-scope AUROC", area), ("out-of-scope recall, line set for precision .80", found)):
        reached, theirs = values["ours"], {name: value for name, value in values.items() if name != "ours"}
        best = max(theirs, key=lambda name: theirs[name])
        others = ", ".join(f"{name} {value:.3f}" for name, value in theirs.items())
        yield Row(
            what, "share", reached, best, theirs[best], reached / max(theirs[best], 1e-9), None, f"{others}; {note}"
        )


def _held_out(task: Task) -> Task:
    """A fifth of the intents, and a fifth of the other texts, of the training texts as test."""
    rng = np.random.default_rng(SEED)
    unknown = rng.permutation(task.n)[: max(1, task.n // 5)]
    strange = np.isin(task.y, unknown)
    test = strange | (rng.random(len(task.y)) < 0.2)
    number = np.full(task.n, -1)
    kept = np.unique(task.y[~test])
    number[kept] = np.arange(len(kept))
    sides = [[text for text, inside in zip(task.train, side, strict=True) if inside] for side in (~test, test)]
    return Task(sides[0], number[task.y[~test]], sides[1], np.where(strange[test], -1, number[task.y[test]]))


def _line(strange: Doubles, outside: npt.NDArray[np.bool_]) -> float:
    """The lowest line from which four of five are outside, if a fifth of all are."""
    weight = np.where(outside, 0.2 / outside.mean(), 0.8 / (1 - outside.mean()))
    order = np.argsort(-strange, kind="stable")
    right = np.cumsum((weight * outside)[order]) / np.cumsum(weight[order])
    good = np.flatnonzero(right >= PRECISION)
    return float(strange[order[good[-1]]]) if len(good) else float("inf")
