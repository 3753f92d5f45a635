"""EASE (:mod:`ml.learn.ease`) on customers' histories that fade: x_ui = min(1, Σ_o 2^(-age / half life)), r_ui = Σ_j x_uj b_ji.

Above ``linear_products`` products it is made over the ones most bought lately, and the others have no row: a customer's
history beyond them says nothing here, and item-kNN and the factors cover them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ml.capabilities.recommender.spec import Params
from ml.kernels.compiled import Csr, Ids
from ml.kernels.sparse import load_csr, save_csr
from ml.learn import ease
from ml.learn.histories import history
from ml.learn.purchases import Log, before, everyone


@dataclass(frozen=True)
class Linear:
    """Attributes: ``weights``, csr_array of shape (n_products, n_products), row j: what j speaks for; the decay."""

    weights: Csr
    half_life_days: float


def fit(log: Log, at: int, params: Params, seed: int) -> Linear:  # noqa: ARG001
    """Solve for the weights on what was known before ``at``."""
    x = history(before(log, at), everyone(log), params.linear_half_life_days)
    made = ease.weights(
        x,
        penalty=params.linear_penalty,
        products=params.linear_products,
        neighbours=params.linear_neighbours,
    )
    return Linear(made, params.linear_half_life_days)


def matrix(state: Linear) -> Csr:
    """What a customer's :func:`rows` are multiplied with: r = h W, shape (n_columns of h, n_products)."""
    return state.weights


def rows(state: Linear, log: Log, users: Ids) -> Csr:
    """Give the customers' histories h as this model weighs them."""
    return history(log, users, state.half_life_days)


def save(state: Linear, folder: Path) -> None:
    """Write ``linear.npz``."""
    save_csr(folder / "linear.npz", state.weights, half_life_days=state.half_life_days)


def load(folder: Path) -> Linear:
    """Read what :func:`save` wrote; nothing in the file is executed."""
    weights, values = load_csr(folder / "linear.npz")
    return Linear(weights, float(values["half_life_days"]))
