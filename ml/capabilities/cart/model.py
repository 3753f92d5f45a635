"""The model of carts: add-ons of a basket, and the chance of each line of an open cart."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from ml.capabilities.cart import addons, visits
from ml.capabilities.cart.features import NUMBERS
from ml.capabilities.cart.spec import Params
from ml.core import artifacts
from ml.core.capability import Features
from ml.kernels.compiled import Csr
from ml.kernels.sparse import load_csr, save_csr
from ml.learn.boxes import Boxes

FORMAT = 2
FEWEST = 30
"""Lines that were bought, and that were not, below which the chance is one for all."""

Floats = npt.NDArray[np.float64]


class Cart:
    """Add-ons and chances.

    Parameters
    ----------
    params : Params
    learning : bool
        False: the cosine of products in baskets, and one chance for all lines; the gate's baseline.

    Attributes
    ----------
    products_ : pa.Array of string
    together_, titles_ : csr_array of shape (n_products, n_products), float32
    weights_ : addons.Weights
    line_ : ndarray of shape (n_columns + 1,), float64
        Weights of :func:`matrix`'s columns, then the intercept.
    visit_ : Boxes
        Of visits; where too little is known of them, one that no visit lies in.
    """

    def __init__(self, params: Params, *, learning: bool = True, seed: int = 0) -> None:
        self.params, self.learning, self.seed = params, learning, seed

    def fit(self, features: Features) -> Self:
        """Learn from baskets and past carts; forgets any earlier fit."""
        rows = features["basket"].sort_by([("order_id", "ascending"), ("product_id", "ascending")])
        self.products_ = pc.unique(rows["product_id"].combine_chunks().cast(pa.string())).sort()
        n = len(self.products_)
        self.weights_, self.titles_ = addons.Weights(0.0, 0.0, 0.0), csr_array((n, n), dtype=np.float32)
        every = addons.baskets(rows, self.products_)
        if self.learning and n:
            self.titles_ = addons.alike(_titles(features["product"], self.products_))
            self.weights_ = addons.choose(rows, self.products_, self.titles_, self.params)
            self.together_ = addons.complements(every, self.weights_.penalty, self.params)
        else:
            self.together_ = addons.cosine(every, self.params) if n else csr_array((0, 0), dtype=np.float32)
        self._fit_lines(features["seen"])
        self.visit_ = visits.learn(features["visit"], self.seed)
        return self

    def _fit_lines(self, seen: pa.Table) -> None:
        seen = seen.sort_by([("cart_id", "ascending"), ("product_id", "ascending"), ("age_hours", "ascending")])
        y = seen["bought"].to_numpy()
        self.line_ = np.append(np.zeros(_WIDTH), _logit(y))
        if self.learning and min(y.sum(), (~y).sum()) >= FEWEST:
            from sklearn.linear_model import LogisticRegression

            fitted = LogisticRegression(C=1.0, max_iter=500).fit(matrix(seen), y)
            self.line_ = np.append(fitted.coef_[0], fitted.intercept_)

    def chance(self, lines: pa.Table) -> Floats:
        """Chance that each row of the features' ``line`` is bought within the horizon, shape (n_lines,)."""
        z = (matrix(lines) * self.line_[:-1]).sum(axis=1) + self.line_[-1]
        return np.asarray(1 / (1 + np.exp(-z)))

    def addon_weights(self) -> Csr:
        """What a product in the basket adds to the score of each other: both parts in one, shape (n, n)."""
        return csr_array(self.together_ + self.weights_.alpha * self.titles_)

    def save(self, folder: Path) -> None:
        """Write the model; the same gives the same bytes."""
        kept = {
            "format": FORMAT,
            "learning": self.learning,
            "line": self.line_.tolist(),
            "weights": asdict(self.weights_),
            "products": self.products_.to_pylist(),
        }
        (folder / "model.json").write_text(json.dumps(kept), encoding="utf-8")
        save_csr(folder / "together.npz", self.together_)
        save_csr(folder / "titles.npz", self.titles_)
        np.savez(folder / "visits.npz", **self.visit_._asdict())


_WIDTH = len(NUMBERS)


def matrix(lines: pa.Table) -> Floats:
    """Columns :data:`NUMBERS` on a log scale, shape (n_lines, 5); an unknown rate is that of no line."""
    columns = [pc.fill_null(lines[name], 0.0).to_numpy().astype(np.float64) for name in NUMBERS]
    return np.log1p(np.maximum(np.stack(columns, axis=1), 0)) if len(lines) else np.zeros((0, _WIDTH))


def _titles(products: pa.Table, wanted: pa.Array) -> list[str | None]:
    at = pc.index_in(wanted, products["product_id"].combine_chunks())
    titles: list[str | None] = products["title"].combine_chunks().take(at).to_pylist()
    return titles


def _logit(y: npt.NDArray[np.bool_]) -> float:
    share = (y.sum() + 1) / (len(y) + 2)
    return float(np.log(share / (1 - share)))


def fit(features: Features, params: Params, seed: int) -> Cart:
    """Fit the model."""
    return Cart(params, seed=seed).fit(features)


def fit_baseline(features: Features, params: Params, seed: int) -> Cart:  # noqa: ARG001
    """Fit the cosine of products in baskets and one chance for all lines."""
    return Cart(params, learning=False).fit(features)


def load(folder: Path) -> Cart:
    """Read what :meth:`Cart.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    with artifacts.reading(folder, "cart", FORMAT) as kept:
        model = Cart(Params(), learning=kept["learning"])
        model.line_ = np.array(kept["line"], np.float64)
        model.weights_ = addons.Weights(**kept["weights"])
        model.products_ = pa.array(kept["products"], pa.string())
        model.together_, _ = load_csr(folder / "together.npz")
        model.titles_, _ = load_csr(folder / "titles.npz")
        with np.load(folder / "visits.npz", allow_pickle=False) as file:
            model.visit_ = Boxes(file["low"], file["high"], file["points"])
    return model
