"""The fitted state of the review sentiment: a linear model, its calibration, the shop's languages and aspect words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.sentiment import aspect_words, contradictions, marked_labels, repeats
from ml.capabilities.sentiment.spec import LABELS, Params
from ml.core import artifacts
from ml.text import classifier, files, language
from ml.text.clean import clean
from ml.text.lexicon import examples
from ml.text.marked_words import AspectWord, Roles, roles
from ml.text.tokens import Texts

FORMAT = 5
CLASSES = len(LABELS)
CLASS_OF = np.array([0, 0, 1, 2, 2])
"""Class of one star, two, … five."""
ASPECT_REVIEWS = 20_000
"""The youngest so many reviews teach words of aspects."""


class Sentiment:
    """How the writer of a text feels.

    Parameters
    ----------
    params : Params
    taught : bool
        False: learn nothing from the shop; what is left is the built-in word list, the gate's baseline.
    seed : int
    threads : int

    Attributes
    ----------
    classifier_ : Classifier
    contradictions_ : list of int
        Reviews of the training whose words say the opposite of their stars; see :mod:`contradictions`.
    languages_ : dict of str to float
        The shop's languages and their shares.
    aspect_words_ : dict of str to dict of str to str
        By language, words of the shop's reviews that were learned, with their aspects.
    common_words_ : dict of str to list of str
        By language, words of aspects that half of the reviews have: they speak of none.
    """

    def __init__(self, params: Params, *, taught: bool = True, seed: int = 0) -> None:
        self.params, self.taught, self.seed = params, taught, seed

    def fit(self, features: Mapping[str, pa.Table]) -> Self:
        """Learn from the tables of :func:`features.build`; forgets any earlier fit."""
        texts, stars = teaching(marked_labels.taught(features, features["review"]), self.params)
        if not self.taught:
            texts, stars = texts.slice(0, 0), stars[:0]
        self.classifier_ = classifier.learn(texts, stars - 1, CLASS_OF, self.params, self.seed, hints=tuple(examples()))
        self.contradictions_ = contradictions.find(self.classifier_, texts, stars, self.params) if self.taught else []
        self.languages_ = language.learn(texts)
        self._learn_aspects(features, texts.slice(0, ASPECT_REVIEWS))
        return self

    def _learn_aspects(self, features: Mapping[str, pa.Table], texts: pa.Array) -> None:
        codes = pa.array(language.detect(texts, self.languages_), pa.string())
        found = aspect_words.entries(features)
        self.aspect_words_, self.common_words_ = {}, {}
        for code in self.languages_:
            own = Texts.of(texts.filter(pc.equal(codes, code)))
            words = aspect_words.of_language(found, [code])
            self.common_words_[code] = aspect_words.common(own, words)
            words = [one for one in words if one.word not in self.common_words_[code]]
            self.aspect_words_[code] = aspect_words.learn(own, roles(words, [code]), self.params)

    def chances(self, texts: pa.Array) -> npt.NDArray[np.float64]:
        """Chance of each class for cleaned texts, shape (n_texts, 3)."""
        return self.classifier_.chances(Texts.of(texts))

    def roles(self, features: Mapping[str, pa.Table], code: str) -> Roles:
        """Words to look out for in a language: those of the shop's staff tonight, and those that were learned.

        Where the language cannot be told, those of the shop's languages.
        """
        codes = sorted(self.languages_) if code == language.UNKNOWN else [code]
        without = {word for one in codes for word in self.common_words_.get(one, ())}
        found = aspect_words.of_language(aspect_words.entries(features), codes, without)
        configured = {one.word for one in found}
        found += [
            AspectWord(word, aspect, hint=True)
            for one in codes
            for word, aspect in sorted(self.aspect_words_.get(one, {}).items())
            if word not in configured
        ]
        return roles(found, codes)

    def save(self, folder: Path) -> None:
        """Write the files of a version; the same model gives the same bytes."""
        config = {
            "format": FORMAT,
            "taught": self.taught,
            "seed": self.seed,
            "params": asdict(self.params),
            "languages": self.languages_,
            "aspect_words": self.aspect_words_,
            "common_words": self.common_words_,
            "contradictions": self.contradictions_,
            **files.save(self.classifier_, folder),
        }
        (folder / "model.json").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")


def classes(stars: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0 negative (up to 2 stars), 1 neutral (3), 2 positive."""
    return CLASS_OF[stars - 1]


def teaching(reviews: pa.Table, params: Params) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The youngest reviews with words and stars, in one order whatever the order of the rows; repeated ones once."""
    rows = reviews.filter(pa.array(repeats.first(reviews)))
    rows = rows.filter(pc.is_valid(rows["stars"])).sort_by([("written_at", "descending"), ("review_id", "ascending")])
    rows = rows.slice(0, params.train_reviews)
    texts = clean(rows["title"], rows["text"])
    worded = pc.not_equal(texts, "")
    return texts.filter(worded), rows["stars"].filter(worded).to_numpy().astype(np.int64)


def fit(features: Mapping[str, pa.Table], params: Params, seed: int) -> Sentiment:
    """Fit on the shop's reviews; the same features, parameters and seed give the same model."""
    return Sentiment(params, seed=seed).fit(features)


def fit_baseline(features: Mapping[str, pa.Table], params: Params, seed: int) -> Sentiment:
    """Fit what must be beaten to be served: a list of words that feel good or bad in any shop."""
    return Sentiment(params, taught=False, seed=seed).fit(features)


def load(folder: Path) -> Sentiment:
    """Read a model that :meth:`Sentiment.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    with artifacts.reading(folder, "sentiment", FORMAT) as config:
        values = config["params"] | {"alert_days": tuple(config["params"]["alert_days"])}
        model = Sentiment(Params(**values), taught=config["taught"], seed=config["seed"])
        model.languages_, model.aspect_words_ = config["languages"], config["aspect_words"]
        model.common_words_, model.contradictions_ = config["common_words"], config["contradictions"]
        model.classifier_ = files.load(config, folder, model.params)
    return model
