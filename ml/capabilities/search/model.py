"""What search learns: the catalogue's language, what words mean, and what each part of a product's score weighs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.search import log as logs
from ml.capabilities.search import weights
from ml.capabilities.search.index import Index, build
from ml.capabilities.search.meaning import Meaning, dense, learn_meaning
from ml.capabilities.search.ranking import PARTS, UNTRAINED, Engine
from ml.capabilities.search.spec import Params
from ml.core import artifacts
from ml.core.capability import Features
from ml.text.language import UNKNOWN, detect

FORMAT = 1
_LOOKED_AT = 300


class Search:
    """Reads and ranks.

    Parameters
    ----------
    params : Params
    learning : bool
        False: words alone count, and nothing of the log; the gate's baseline.

    Attributes
    ----------
    language_ : str
        Of the catalogue.
    weights_ : list of float
        Of :data:`~ml.capabilities.search.ranking.PARTS`.
    meaning_ : Meaning
        Vectors of words.
    """

    def __init__(self, params: Params, *, learning: bool = True) -> None:
        self.params, self.learning = params, learning

    def fit(self, features: Features) -> Self:
        """Learn; forgets any earlier fit."""
        self.language_ = _language(features["product"])
        self.meaning_, self.weights_ = Meaning(), [1.0] + [0.0] * (len(PARTS) - 1)
        if not self.learning:
            return self
        if self.params.meaning:
            self.meaning_ = learn_meaning(self.index(features), self.params)
        self.weights_ = list(UNTRAINED)
        for window in features.windows[-1:]:
            rows = window.truth.sort_by([("query", "ascending"), ("product_id", "ascending")])
            if len(rows) > self.params.taught:
                drawn = np.random.default_rng(0).permutation(len(rows))[: self.params.taught]
                rows = rows.take(pa.array(np.sort(drawn)))
            clicked = [(logs.key(row["query"]), row["product_id"], row["searches"]) for row in rows.to_pylist()]
            self.weights_ = weights.learn(self.engine(window.features), clicked)
        return self

    def index(self, features: Mapping[str, pa.Table]) -> Index:
        """The index of the products as they are known."""
        typed = (
            {name: row.searches for name, row in logs.query_use(features, self.params).items()} if self.learning else {}
        )
        return build(features["product"], self.language_, self.params, typed)

    def vectors(self, products: pa.Table, before: pa.Table | None = None) -> pa.Array:
        """Vector of each product, or null; ``before``: rows of ``search_product`` of this model, whose titles are not read anew."""
        return self.meaning_.of_products(products, self.language_, before)

    def engine(self, features: Mapping[str, pa.Table], published: pa.Table | None = None) -> Engine:
        """What answers queries as known in ``features``; ``made``: the rows of ``search_product``, where they are there."""
        index = self.index(features)
        if not self.learning:
            return Engine(index, self.weights_)
        index.term_vectors = {t: v for t, v in self.meaning_.terms.items() if t in index.idf}
        if index.term_vectors:
            column = (
                published.sort_by("product_id")["vector"] if published is not None else self.vectors(index.products)
            )
            index.vectors = dense(column)
        log = logs.gather(features, index, self.params)
        logs.teach(index, logs.synonyms(log, index, self.params))
        return Engine(index, self.weights_, log.clicks, logs.meant(log, index), logs.instead(log, index))

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and the vectors; the same model gives the same bytes."""
        kept = {"format": FORMAT, "learning": self.learning, "language": self.language_, "weights": self.weights_}
        (folder / "model.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
        self.meaning_.save(folder)


def _language(products: pa.Table) -> str:
    """The language of most titles and descriptions."""
    rows = products.sort_by("product_id")
    rows = rows.take(pa.array(np.linspace(0, len(rows) - 1, min(len(rows), _LOOKED_AT)).astype(np.int64)))
    found = [
        code
        for code in detect(pc.binary_join_element_wise(rows["title"], rows["description"], " "), {})
        if code != UNKNOWN
    ]
    counts = {code: found.count(code) for code in sorted(set(found))}
    best = max(counts, key=lambda code: counts[code], default=UNKNOWN)
    return best if counts.get(best, 0) > len(found) / 2 else UNKNOWN


def fit(features: Features, params: Params, seed: int) -> Search:  # noqa: ARG001
    """Fit the model."""
    return Search(params).fit(features)


def fit_baseline(features: Features, params: Params, seed: int) -> Search:  # noqa: ARG001
    """Fit BM25F alone."""
    return Search(params, learning=False).fit(features)


def load(folder: Path) -> Search:
    """Read what :meth:`Search.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        The file is missing or has another format.
    """
    with artifacts.reading(folder, "search", FORMAT) as kept:
        model = Search(Params(), learning=kept["learning"])
        model.language_, model.weights_ = kept["language"], kept["weights"]
        model.meaning_ = Meaning.load(folder)
    return model
