"""How well the add-ons found what was bought with a basket, on what came after the training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from ml.capabilities.cart import addons
from ml.capabilities.cart.model import Cart
from ml.capabilities.cart.spec import Params
from ml.core.capability import Rows
from ml.core.evaluation import Evaluation

MOST = 3_000
"""Baskets that are judged, of the truth's in the order of their ids."""


def evaluate(
    models: Mapping[str, Cart],
    features: Rows,
    truth: pa.Table,
    params: Params,  # noqa: ARG001
) -> dict[str, Evaluation]:
    """Hide one product of each basket and judge where it is found among all products: NDCG@10 of one answer.

    The products are those that any model knows; one that a model does not know has score 0 there, and finds nothing.
    """
    known = sorted({product for model in models.values() for product in model.products_.to_pylist()})
    products = pa.array(known, pa.string())
    every = addons.baskets(truth, products) if known else None
    if every is None or not len((taken := every.several(MOST)).ids):
        return {name: Evaluation({"addon_ndcg": 0.0}, np.zeros(0)) for name in models}
    rest, wanted = addons.hidden(taken)
    found = {}
    for name, model in models.items():
        values = addons.ndcg(parts(model, features, taken, rest, products), rest, wanted)
        found[name] = Evaluation({"addon_ndcg": float(values.mean())}, values)
    return found


def parts(
    model: Cart, features: Rows, taken: addons.Baskets, rest: csr_array, products: pa.Array
) -> list[tuple[float, csr_array]]:
    """The scores of ``model`` over the numbers of ``products``."""
    at = pc.index_in(model.products_, products).to_numpy()
    n, m = len(model.products_), len(products)
    into = csr_array((np.ones(n, np.float32), (np.arange(n), at)), shape=(n, m))
    back = csr_array(into.T)
    weighted = [(1.0, csr_array(csr_array(rest @ back) @ model.together_ @ into))]
    if model.weights_.alpha:
        weighted.append((model.weights_.alpha, csr_array(csr_array(addons.sized(rest) @ back) @ model.titles_ @ into)))
    if model.weights_.beta:
        weighted.append((model.weights_.beta, addons.own(features["again"], taken.customers, products)))
    return weighted
