"""The fitted state of customer service: what texts ask for, how sure that is, and what became of such tickets so far."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.service import outcomes
from ml.capabilities.service.spec import Params
from ml.core import artifacts
from ml.text import intents as classifier
from ml.text import language, phrases
from ml.text.intents import Judged
from ml.text.knowing import Doubles, Knowing
from ml.text.mail import written
from ml.text.wishes import vocabulary

FORMAT = 2


class Service:
    """What a text asks for.

    Parameters
    ----------
    params : Params
    learning : bool
        False: the mean of the questions and tickets of each intent alone, the gate's baseline.

    Attributes
    ----------
    intents_ : list of str
        Of the knowledge base and of filed tickets, in order.
    classifier_ : Classifier
    phrases_ : dict
        The index of ``ml.answer``, see :mod:`phrases`.
    words_ : dict of str to list of str
        Words of each intent's name and questions in the knowledge base.
    languages_ : dict of str to float
    outcomes_ : dict
        See :mod:`outcomes`.
    """

    def __init__(self, params: Params, *, learning: bool = True, seed: int = 0) -> None:
        self.params, self.learning, self.seed = params, learning, seed

    def fit(self, features: Mapping[str, pa.Table]) -> Self:
        """Learn from the tables of :func:`features.build`; forgets any earlier fit."""
        texts, intents, examples = teaching(features, self.params)
        self.intents_ = sorted(set(intents))
        labels = np.searchsorted(np.array(self.intents_, str), np.array(intents, str)).astype(np.int64)
        n, own = len(self.intents_), self.params
        if self.learning:
            self.classifier_ = classifier.learn(texts, labels, n, own, self.seed)
        else:
            self.classifier_ = classifier.baseline(texts, labels, n, own)
        self.phrases_ = phrases.learn(texts.to_pylist(), labels, n, examples, own.fewest, own.phrase_texts)
        self.words_ = _vocabulary(features["answer"])
        self.languages_ = language.learn(texts)
        self.outcomes_ = outcomes.learn(features["history"])
        return self

    @property
    def knowing_(self) -> Knowing:
        return self.classifier_.knowing

    def judge(self, texts: pa.Array) -> Judged:
        """Score of each intent for cleaned texts, and the chance that they ask for one of them."""
        return self.classifier_.judge(texts)

    def scores(self, texts: pa.Array) -> Doubles:
        """Scores alone, shape (n_texts, n_intents)."""
        return self.judge(texts).scores

    def save(self, folder: Path) -> None:
        """Write the files of a version; the same model gives the same bytes."""
        story = {
            "format": FORMAT,
            "learning": self.learning,
            "seed": self.seed,
            "params": asdict(self.params),
            "intents": self.intents_,
            "words": self.words_,
            "languages": self.languages_,
            "outcomes": self.outcomes_,
            "phrases": self.phrases_,
            **classifier.save(self.classifier_, folder),
        }
        (folder / "model.json").write_text(json.dumps(story, ensure_ascii=False), encoding="utf-8")


def teaching(features: Mapping[str, pa.Table], params: Params) -> tuple[pa.Array, list[str], int]:
    """Questions of the knowledge base, and how many these are, then filed tickets, the youngest first; each text once, with its intent."""
    answers = features["answer"].sort_by("answer_id").to_pylist()
    examples = [
        (line.strip(), row["intent"]) for row in answers for line in row["questions"].splitlines() if line.strip()
    ]
    history = features["history"]
    clear = pc.fill_null(pc.greater_equal(history["transcript_confidence"], params.least_heard), True)
    filed = history.filter(pc.and_(pc.is_valid(history["intent"]), clear))
    filed = filed.sort_by([("opened", "descending"), ("ticket_id", "ascending")]).slice(0, 4 * params.most_texts)
    # Of texts that are equal but for capitals and spaces the first counts: how the knowledge base, then the latest ticket, files it.
    whole = pa.concat_arrays(
        [
            written(pa.nulls(len(examples), pa.string()), pa.array([text for text, _ in examples], pa.string())),
            written(filed["subject"], filed["text"]),
        ]
    )
    intents = [*(intent for _, intent in examples), *filed["intent"].to_pylist()]
    first: dict[str, int] = {}
    for i, text in enumerate(whole.to_pylist()):
        if text:
            first.setdefault(" ".join(text.lower().split()), i)
    kept = sorted(first.values())[: params.most_texts]
    return whole.take(pa.array(kept, pa.int64())), [intents[i] for i in kept], sum(i < len(examples) for i in kept)


def _vocabulary(answers: pa.Table) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for row in answers.to_pylist():
        found.setdefault(row["intent"], set()).update(vocabulary(f"{row['intent']} {row['questions']}"))
    return {intent: sorted(words) for intent, words in sorted(found.items())}


def fit(features: Mapping[str, pa.Table], params: Params, seed: int) -> Service:
    """Fit on the knowledge base and filed tickets; the same features, parameters and seed give the same model."""
    return Service(params, seed=seed).fit(features)


def fit_baseline(features: Mapping[str, pa.Table], params: Params, seed: int) -> Service:
    """Fit what must be beaten to be served: the intent whose questions and tickets are nearest on average."""
    return Service(params, learning=False, seed=seed).fit(features)


def load(folder: Path) -> Service:
    """Read a model that :meth:`Service.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    with artifacts.reading(folder, "service", FORMAT) as story:
        model = Service(Params(**story["params"]), learning=story["learning"], seed=story["seed"])
        model.intents_, model.words_ = story["intents"], story["words"]
        model.languages_, model.outcomes_ = story["languages"], story["outcomes"]
        model.phrases_ = story["phrases"]
        model.classifier_ = classifier.load(story, folder, model.params)
    return model
