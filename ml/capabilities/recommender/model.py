"""Which products the same customers buy and look at: the recommender's fitted state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import csr_array, diags_array

from ml.capabilities.recommender.spec import Params
from ml.core.compiled import Csr
from ml.core.errors import ArtifactError
from ml.core.topk_sparse import top_k_sparse

FORMAT = 1
# Beyond this many different products it is a reseller or a robot: it says little about taste, and costs their square.
MOST_PRODUCTS = 2000
PRIOR_BUYERS = 20.0
ACTIVITY = 0.75


class Recommender:
    """Item-to-item neighbourhoods from purchases and looks, and how often each product is bought again.

    Parameters
    ----------
    params : Params
    personal : bool
        False: learn no neighbourhoods; what is left is recent popularity, the baseline.
    threads : int

    Attributes
    ----------
    product_ids_ : list of str
        The products known at the fit, in order.
    similar_ : csr_array of shape (n_products, n_products), float32
        Row j: the ``neighbours`` products nearest to j, cosine between 0 and 1, without j itself.
    repeat_ : ndarray of shape (n_products,), float32
        Share of a product's buyers who bought it in more than one order, drawn to the shop's mean.
    repeat_mean_ : float
        The shop's mean of it.

    References
    ----------
    Sarwar et al., "Item-based collaborative filtering", WWW 2001; Aiolli, RecSys 2013 (weights by activity).
    """

    def __init__(self, params: Params, *, personal: bool = True, threads: int = 2) -> None:
        self.params, self.personal, self.threads = params, personal, threads

    def fit(self, features: Mapping[str, pa.Table]) -> Self:
        """Learn from the tables ``product`` and ``interaction`` of :func:`features.build`; forgets any earlier fit."""
        products, pairs = features["product"].sort_by("product_no"), features["interaction"]
        self.product_ids_ = products["product_id"].to_pylist()
        m = len(self.product_ids_)
        users, items = pairs["customer_no"].to_numpy(), pairs["product_no"].to_numpy()
        self.repeat_, self.repeat_mean_ = _repeat(items, pairs["orders"].to_numpy(), m)
        self.similar_ = csr_array((m, m), dtype=np.float32)
        if self.personal and len(users):
            shape = (int(users.max()) + 1, m)
            taste = csr_array((pairs["strength"].to_numpy(), (users, items)), shape=shape)
            self.similar_ = _similar(taste, self.params, self.threads)
        return self

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and ``similar.npz``; the same model gives the same bytes."""
        story = {
            "format": FORMAT,
            "personal": self.personal,
            "params": asdict(self.params),
            "repeat_mean": self.repeat_mean_,
            "product_ids": self.product_ids_,
        }
        (folder / "model.json").write_text(json.dumps(story, ensure_ascii=False), encoding="utf-8")
        s = self.similar_
        np.savez(folder / "similar.npz", indptr=s.indptr, indices=s.indices, data=s.data, repeat=self.repeat_)


def fit(features: Mapping[str, pa.Table], params: Params, seed: int) -> Recommender:  # noqa: ARG001
    """Fit the recommender. Nothing in it is drawn by lot: ``seed`` changes nothing."""
    return Recommender(params).fit(features)


def fit_baseline(features: Mapping[str, pa.Table], params: Params, seed: int) -> Recommender:  # noqa: ARG001
    """Fit recent popularity, the same list for everyone (but for products that a customer will not buy again)."""
    return Recommender(params, personal=False).fit(features)


def load(folder: Path) -> Recommender:
    """Read a model that :meth:`Recommender.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    try:
        story = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        with np.load(folder / "similar.npz", allow_pickle=False) as arrays:
            model = Recommender(Params(**story["params"]), personal=story["personal"])
            model.product_ids_, model.repeat_mean_ = story["product_ids"], story["repeat_mean"]
            m = len(model.product_ids_)
            model.repeat_ = arrays["repeat"]
            model.similar_ = csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(m, m))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            "The recommender's files cannot be read.",
            came=f"{type(error).__name__}: {error}",
            do="train it again: ./nightshift train recommender",
        ) from error
    return model


def _similar(taste: Csr, params: Params, threads: int) -> Csr:
    """Cosine of the products' columns, the ``neighbours`` largest of each row.

    s_ij = Σ_u b_ui b_uj / √((Σ_u b_ui² + λ)(Σ_u b_uj² + λ)), b_ui = strength_ui / |N(u)|^¾, λ = ``shrinkage`` times the
    mean b². The product of the two factors is ranked row by row: the m x m matrix never exists.
    """
    count = np.diff(taste.indptr)
    rows = np.where(count <= MOST_PRODUCTS, np.maximum(count, 1) ** -ACTIVITY, 0).astype(np.float32)
    b = csr_array(diags_array(rows) @ taste)
    b.eliminate_zeros()
    if not b.nnz:
        return csr_array(b.T @ b)
    square = b.data.astype(np.float64) ** 2
    norm = np.sqrt(np.bincount(b.indices, square, b.shape[1]) + params.shrinkage * square.mean() + 1e-12)
    b.data /= norm.astype(np.float32)[b.indices]
    m = b.shape[1]
    itself = csr_array((np.ones(m, np.float32), np.arange(m, dtype=np.int32), np.arange(m + 1, dtype=np.int32)), (m, m))
    k = max(1, min(params.neighbours, m))
    ids, scores, _ = top_k_sparse(csr_array(b.T), b, k, exclude=itself, threads=threads)
    found = ids >= 0
    ends = np.concatenate([[0], np.cumsum(found.sum(1))]).astype(np.int32)
    similar = csr_array((np.minimum(scores[found], 1), ids[found], ends), shape=(m, m))
    similar.sort_indices()
    return similar


def _repeat(
    items: npt.NDArray[np.int32], orders: npt.NDArray[np.int32], m: int
) -> tuple[npt.NDArray[np.float32], float]:
    """Share of buyers with two orders or more: (again_i + a r) / (buyers_i + a), r the mean of the shop."""
    buyers = np.bincount(items[orders >= 1], minlength=m)
    again = np.bincount(items[orders >= 2], minlength=m)
    mean = float(again.sum() / max(1, buyers.sum()))
    return ((again + PRIOR_BUYERS * mean) / (buyers + PRIOR_BUYERS)).astype(np.float32), mean
