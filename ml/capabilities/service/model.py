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

from ml.capabilities.service import knowing, outcomes
from ml.capabilities.service.knowing import Doubles, Knowing
from ml.capabilities.service.spec import Params
from ml.core import artifacts
from ml.text import language, ridge, sentences
from ml.text.mail import written
from ml.text.ridge import Floats, Labels, Ridge
from ml.text.tokens import Texts
from ml.text.wishes import vocabulary

FORMAT = 1
_ARRAYS = ("idf", "row", "weights", "vectors", "alpha")


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
    ridge_ : Ridge
    knowing_ : Knowing
    words_ : dict of str to list of str
        Words of each intent's name and questions in the knowledge base.
    languages_ : dict of str to float
    outcomes_ : dict
        See :mod:`outcomes`.
    """

    def __init__(self, params: Params, *, learning: bool = True) -> None:
        self.params, self.learning = params, learning

    def fit(self, features: Mapping[str, pa.Table]) -> Self:
        """Learn from the tables of :func:`features.build`; forgets any earlier fit."""
        texts, intents = teaching(features, self.params)
        self.intents_ = sorted(set(intents))
        labels = np.searchsorted(np.array(self.intents_, str), np.array(intents, str)).astype(np.int64)
        self._learn(texts, labels)
        self.words_ = _vocabulary(features["answer"])
        self.languages_ = language.learn(texts)
        self.outcomes_ = outcomes.learn(features["history"])
        return self

    def _learn(self, texts: pa.Array, labels: Labels) -> None:
        n, read = len(self.intents_), Texts.of(texts)
        if not self.learning:
            self.ridge_, self.knowing_ = ridge.centroids(read, labels, n, self.params), knowing.USUAL
            return
        self.ridge_, left = ridge.learn(read, labels, n, self.params)
        if self.params.sentence_model and len(labels) and sentences.available():
            vectors = embedded(texts)
            better, also = ridge.learn(read, labels, n, self.params, vectors)
            if _helps(left.text, also.text, labels, self.params.better):
                self.ridge_, left = better, also
        self.knowing_ = knowing.learn(left, labels)

    def scores(self, texts: pa.Array) -> Doubles:
        """Score of each intent for cleaned texts, shape (n_texts, n_intents)."""
        vectors = embedded(texts) if self.ridge_.uses_vectors else None
        return ridge.scores(self.ridge_, Texts.of(texts), vectors)

    def save(self, folder: Path) -> None:
        """Write the files of a version; the same model gives the same bytes."""
        story = {
            "format": FORMAT, "learning": self.learning, "params": asdict(self.params), "intents": self.intents_,
            "knowing": self.knowing_._asdict(), "words": self.words_, "languages": self.languages_, "outcomes": self.outcomes_,
        }  # fmt: skip
        (folder / "model.json").write_text(json.dumps(story, ensure_ascii=False), encoding="utf-8")
        kept = {name: getattr(self.ridge_, name) for name in _ARRAYS}
        small = {name: a if a.dtype == np.int32 else a.astype(np.float16) for name, a in kept.items()}
        np.savez_compressed(folder / "ridge.npz", **small)


def embedded(texts: pa.Array) -> Floats:
    """Sentence vectors of cleaned texts, each read by itself, with the precision that a file of half the size has."""
    vectors = sentences.embed_each([text or "" for text in texts.to_pylist()])
    return vectors.astype(np.float16).astype(np.float32)


def teaching(features: Mapping[str, pa.Table], params: Params) -> tuple[pa.Array, list[str]]:
    """Questions of the knowledge base and filed tickets, each text once, with their intents; the youngest tickets first."""
    told = features["answer"].sort_by("answer_id").to_pylist()
    asked = [(line.strip(), row["intent"]) for row in told for line in row["questions"].splitlines() if line.strip()]
    filed = features["history"].filter(pc.is_valid(features["history"]["intent"]))
    filed = filed.sort_by([("opened", "descending"), ("ticket_id", "ascending")]).slice(0, 4 * params.most_texts)
    # Of texts that are equal but for capitals and spaces the first counts: how the knowledge base, then the latest ticket, files it.
    whole = pa.concat_arrays([
        written(pa.nulls(len(asked), pa.string()), pa.array([text for text, _ in asked], pa.string())),
        written(filed["subject"], filed["text"]),
    ])  # fmt: skip
    intents = [*(intent for _, intent in asked), *filed["intent"].to_pylist()]
    first: dict[str, int] = {}
    for i, text in enumerate(whole.to_pylist()):
        if text:
            first.setdefault(" ".join(text.lower().split()), i)
    kept = sorted(first.values())[: params.most_texts]
    return whole.take(pa.array(kept, pa.int64())), [intents[i] for i in kept]


def _helps(plain: Doubles, other: Doubles, labels: Labels, least: float) -> bool:
    """Whether more texts are right when they are left out, by ``least`` standard errors."""
    gain = (other.argmax(axis=1) == labels).astype(float) - (plain.argmax(axis=1) == labels)
    return bool(len(gain) > 1 and gain.mean() > least * gain.std() / np.sqrt(len(gain)))


def _vocabulary(answers: pa.Table) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for row in answers.to_pylist():
        found.setdefault(row["intent"], set()).update(vocabulary(f"{row['intent']} {row['questions']}"))
    return {intent: sorted(words) for intent, words in sorted(found.items())}


def fit(features: Mapping[str, pa.Table], params: Params, seed: int) -> Service:  # noqa: ARG001
    """Fit on the knowledge base and filed tickets; the same features and parameters give the same model."""
    return Service(params).fit(features)


def fit_baseline(features: Mapping[str, pa.Table], params: Params, seed: int) -> Service:  # noqa: ARG001
    """Fit what must be beaten to be served: the intent whose questions and tickets are nearest on average."""
    return Service(params, learning=False).fit(features)


def load(folder: Path) -> Service:
    """Read a model that :meth:`Service.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    with artifacts.reading(folder, "service", FORMAT) as story:
        model = Service(Params(**story["params"]), learning=story["learning"])
        model.intents_, model.words_ = story["intents"], story["words"]
        model.languages_, model.outcomes_ = story["languages"], story["outcomes"]
        model.knowing_ = Knowing(**story["knowing"])
        with np.load(folder / "ridge.npz", allow_pickle=False) as arrays:
            whole = {n: arrays[n] if n == "row" else arrays[n].astype(np.float32) for n in _ARRAYS}
        model.ridge_ = Ridge(**whole, params=model.params)
    return model
