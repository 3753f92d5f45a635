"""What else than its own reviews teaches a shop that has few: a word list, other categories, another language, misspelt copies.

An ablation on the texts of ``bench sentiment`` (``--data`` as there), three classes by the stars: a shop has a few reviews of
one department, or of Olist, and is judged on held-out reviews of the same. What helps is built in: one model of all categories,
and the word list. No network: it begins with more reviews than these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench import Options, Row
from bench._texts import SEED, Labels, Task, tasks
from ml.capabilities.sentiment import model
from ml.capabilities.sentiment.spec import SPEC, Params
from ml.learn.class_calibration import macro_f1
from ml.text import classifier
from ml.text.lexicon import examples
from ml.text.tokens import Texts

OWN = (100, 300, 1_000)
DRAWS = 3
ELSEWHERE = 5_000
"""Reviews of each other teacher."""
WRONG = 0.05
"""Share of the letters of a misspelt copy that have changed places with the next."""
FEWEST = 200
"""A department with fewer held-out reviews is not judged."""
PARAMS = replace(SPEC.params, network=False)
NO_LIST = replace(PARAMS, lexicon_weight=1e-6)
"""The word list counts nothing, but there is a text of every class."""


class Part(NamedTuple):
    """Cleaned texts with their stars."""

    texts: pa.Array
    stars: Labels

    def take(self, rows: npt.NDArray[np.int64]) -> Part:
        return Part(self.texts.take(pa.array(rows)), self.stars[rows])

    def some(self, most: int, rng: np.random.Generator) -> Part:
        """As many, drawn by lot."""
        return self.take(rng.permutation(len(self.stars))[:most])

    def and_also(self, other: Part) -> Part:
        return Part(pa.concat_arrays([self.texts, other.texts]), np.concatenate([self.stars, other.stars]))


def run(options: Options) -> Iterator[Row]:
    """Macro-F1 with each teacher beside the shop's own reviews alone; mean over draws and departments."""
    _, olist, clothing = tasks(options)
    least = 0 if options.quick else FEWEST
    kinds = [
        kind for kind in sorted(set(clothing.kinds) - {""}) if (clothing.test & (clothing.kinds == kind)).sum() > least
    ]
    portuguese, english = (_part(task, test=False) for task in (olist, clothing))
    for own in OWN[:1] if options.quick else OWN:
        shops = [
            (
                _part(clothing, test=False, kind=kind),
                _part(clothing, test=True, kind=kind),
                {"other departments": _part(clothing, test=False, kind=kind, but=True), "another language": portuguese},
            )
            for kind in kinds
        ]
        yield from _compare(f"{own} reviews of one of {len(kinds)} departments", shops, own)
        shops = [(portuguese, _part(olist, test=True), {"another language": english})]
        yield from _compare(f"{own} reviews of Olist", shops, own)


Shop = tuple[Part, Part, dict[str, Part]]


def _compare(name: str, shops: list[Shop], own: int) -> Iterator[Row]:
    """One row a teacher, from the same draws."""
    found: dict[str, list[float]] = {}
    for target_shop, test, others in shops:
        for draw in range(DRAWS):
            rng = np.random.default_rng(SEED + draw)
            few = target_shop.some(own, rng)
            found.setdefault("alone", []).append(_f1(few, test, NO_LIST))
            found.setdefault("the word list", []).append(_f1(few, test))
            found.setdefault("the word list and misspelt copies", []).append(
                _f1(few.and_also(_misspelt(few, rng)), test)
            )
            for teacher, part in others.items():
                taught = few.and_also(part.some(ELSEWHERE, rng))
                found.setdefault(f"the word list and {teacher}", []).append(_f1(taught, test))
    alone = np.array(found.pop("alone"))
    for teacher, values in found.items():
        gap = np.array(values) - alone
        error = gap.std(ddof=1) / np.sqrt(len(gap))
        yield Row(
            f"{name} and {teacher}: macro-F1",
            "F1",
            float(np.mean(values)),
            "its reviews alone",
            float(alone.mean()),
            float(np.mean(values) / alone.mean()),
            note=f"difference {gap.mean():+.4f} (standard error {error:.4f})",
        )


def _f1(known: Part, test: Part, params: Params = PARAMS) -> float:
    """Macro-F1 on ``test`` of what ``known`` teaches."""
    fitted = classifier.learn(known.texts, known.stars - 1, model.CLASS_OF, params, SEED, hints=tuple(examples()))
    guess = fitted.label(fitted.chances(Texts.of(test.texts)))
    return macro_f1(model.classes(test.stars), guess, model.CLASSES)


def _part(task: Task, *, test: bool, kind: str = "", but: bool = False) -> Part:
    """Texts of one side; of one category, or of all but this one."""
    side = task.test if test else ~task.test
    texts, stars = pa.chunked_array([task.cleaned(test=test)]).combine_chunks(), task.stars[side]
    if not kind:
        return Part(texts, stars)
    return Part(texts, stars).take(np.flatnonzero((task.kinds[side] == kind) != but))


def _misspelt(part: Part, rng: np.random.Generator) -> Part:
    """The same texts with letters that changed places with the next."""

    def wrong(text: str) -> str:
        letters = list(text)
        for i in np.flatnonzero(rng.random(max(0, len(letters) - 1)) < WRONG):
            if letters[i].isalpha() and letters[i + 1].isalpha():
                letters[i], letters[i + 1] = letters[i + 1], letters[i]
        return "".join(letters)

    return Part(pa.array([wrong(text) for text in part.texts.to_pylist()], part.texts.type), part.stars)
