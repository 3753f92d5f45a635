"""The recommender's fitted state: candidate models and the ranker over them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Self

import pyarrow as pa

from ml.capabilities.recommender.candidates import content, content_state, ensemble, sequence
from ml.capabilities.recommender.ranking import ranker
from ml.capabilities.recommender.spec import Params
from ml.core import artifacts
from ml.learn.purchases import Log, log

FORMAT = 5


class Recommender:
    """Candidate models and a ranker, or, with ``personal=False``, the baseline: personal frequency and popularity.

    Parameters
    ----------
    params : Params
    personal : bool
        False: learn nothing; what is left are a customer's own purchases, fading, and what is popular.
    seed : int
    threads : int

    Attributes
    ----------
    product_ids_ : list of str
        The products known at the fit, in order.
    learnt_ : sources.Learnt or None
        The candidate models that are kept; None for the baseline.
    ranker_ : ranker.Ranker or None
        None where there was too little to learn from: the blend is served.
    """

    def __init__(self, params: Params, *, personal: bool = True, seed: int = 0) -> None:
        self.params, self.personal, self.seed = params, personal, seed

    def fit(self, features: Mapping[str, pa.Table]) -> Self:
        """Learn from the tables of :func:`features.build`; forgets any earlier fit."""
        self.product_ids_ = features["product"].sort_by("product_no")["product_id"].to_pylist()
        self.learnt_: ensemble.Learnt | None = None
        self.ranker_: ranker.Ranker | None = None
        if self.personal:
            past = tonights_log(features)
            texts = content.fit(past, past.until, content_state.Params(), self.seed)
            deep = self._deep(past)
            self.learnt_ = ensemble.learn(past, past.until, self.params, self.seed, texts=texts, deep=deep)
            if self.params.ranker:
                self.ranker_ = ranker.fit(past, texts, self.params, self.seed, deep=deep)
        return self

    def _deep(self, past: Log) -> sequence.Sequence | None:
        """The sequence model, of before the ranker's windows: what it says there is what it will say of the future."""
        if not self.params.ranker or self.params.sequence_seconds <= 0:
            return None
        settings = sequence.Params(seconds=self.params.sequence_seconds)
        return sequence.fit(past, ranker.known_to_all(past, self.params), settings, self.seed)

    def save(self, folder: Path) -> None:
        """Write the files of a version; the same model gives the same bytes."""
        story = {
            "format": FORMAT,
            "personal": self.personal,
            "ranker": self.ranker_ is not None,
            "seed": self.seed,
            "params": asdict(self.params),
            "product_ids": self.product_ids_,
        }
        (folder / "model.json").write_text(json.dumps(story, ensure_ascii=False), encoding="utf-8")
        if self.learnt_ is not None:
            ensemble.save(self.learnt_, folder)
        if self.ranker_ is not None:
            ranker.save(self.ranker_, folder)


def fit(features: Mapping[str, pa.Table], params: Params, seed: int) -> Recommender:
    """Fit the recommender; the same features, parameters and seed give the same model."""
    return Recommender(params, seed=seed).fit(features)


def fit_baseline(features: Mapping[str, pa.Table], params: Params, seed: int) -> Recommender:
    """Fit what a recommender must beat to be served: what a customer buys again and again, then what is popular."""
    return Recommender(params, personal=False, seed=seed).fit(features)


def load(folder: Path) -> Recommender:
    """Read a model that :meth:`Recommender.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    with artifacts.reading(folder, "recommender", FORMAT) as story:
        model = Recommender(Params(**story["params"]), personal=story["personal"], seed=story["seed"])
        model.product_ids_ = story["product_ids"]
        model.learnt_ = ensemble.load(folder) if story["personal"] else None
        model.ranker_ = ranker.load(folder) if story["ranker"] else None
    return model


def tonights_log(features: Mapping[str, pa.Table]) -> Log:
    """The log of the features, up to the moment that they were made for."""
    moment = features["moment"]["as_of"]
    return log(features, int(moment[0].as_py()) if len(moment) else 0)
