"""Lists without a ranker: a sum of likeness, repeat purchases and popularity, for small shops, and the baseline.

The blend: score_ui = Σ_j h_uj s_ji + h_ui ρ r_i + β p_gi, what the history h (decayed weights) is similar to, itself
where products are bought again (share r), and popularity p in the customer's segment g (1 for the best).
The baseline: score_ui = Σ_o 2^(-age_o / half life) + β p_0i, how often and how lately the customer bought i.
Popularity enters as one more source per segment, so a customer without history gets it pure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array, hstack, vstack

from ml.capabilities.recommender.candidates import popular
from ml.capabilities.recommender.spec import Params
from ml.kernels.compiled import Csr, Ids, Scores
from ml.kernels.topk.sparse import top_k_sparse
from ml.learn.histories import bought, history
from ml.learn.purchases import Log


@dataclass(frozen=True)
class Blend:
    """What is multiplied to rank, by row of the customers.

    Attributes
    ----------
    history : csr_array of shape (n, n_products + n_groups), float32
        Weights of the products and of the popularity of the customer's group.
    weights : csr_array of shape (n_products, n_products)
        What each product of the history says of each available one.
    popularity : ndarray of shape (n_groups, n_products), float32
        1 for the best of a group and more than 0 for every available product.
    hidden : csr_array of shape (n, n_products)
        What is not shown to whom.
    """

    history: Csr
    weights: Csr
    popularity: Scores
    hidden: Csr

    def rank(self, start: int, end: int, k: int, hidden: Csr) -> tuple[Ids, Scores, Ids]:
        """Ids, scores and sources of shape (end - start, k); a source from ``n_products`` on is a group's popularity.

        ``hidden``, of shape (end - start, n_products), is what is not shown to whom.
        """
        h = self.history[start:end]
        # Popularity's rows are cut first; who has bought all of them is ranked by the rest in the fallback.
        best = np.argsort(-self.popularity, axis=1, kind="stable")[:, : 10 * k]
        values = np.take_along_axis(self.popularity, best, 1)
        ends = np.arange(len(best) + 1) * best.shape[1]
        rows = csr_array((values.ravel(), best.ravel(), ends), shape=self.popularity.shape)
        rows.eliminate_zeros()
        rows.sort_indices()
        return top_k_sparse(h, vstack([self.weights, rows], format="csr"), k, exclude=hidden)


def blend(
    log: Log,
    users: Ids,
    shares: popular.Popular,
    model: tuple[Csr, npt.NDArray[np.float32]],
    available: npt.NDArray[np.bool_],
    params: Params,
    *,
    hide: npt.NDArray[np.bool_] | None,
) -> Blend:
    """Make the blend for ``users``, without what they have bought of ``hide``; not given: what is seldom bought again.

    ``model``: likeness and share of repeats, in the numbers of tonight's products.
    """
    similar, repeat = model
    h = history(log, users, params.half_life_days, cap=np.inf)
    itself = np.where(available, params.repeat * repeat, 0).astype(np.float32)
    weights = csr_array(csr_array(similar @ diags_array(available.astype(np.float32))) + diags_array(itself))
    weights.eliminate_zeros()
    owned = bought(log, users)
    hidden = columns(owned, repeat < params.repeat_from if hide is None else hide)
    return _made(log, users, shares, h, weights, available, params.popularity, hidden)


def baseline(
    log: Log,
    users: Ids,
    shares: popular.Popular,
    available: npt.NDArray[np.bool_],
    params: Params,
    *,
    hide: npt.NDArray[np.bool_] | None,
) -> Blend:
    """Make the baseline for ``users``, without what they have bought of ``hide``."""
    h = history(log, users, params.baseline_half_life_days, cap=np.inf, looks=False)
    weights = csr_array(diags_array(available.astype(np.float32)))
    weights.eliminate_zeros()
    owned = bought(log, users)
    hidden = csr_array(owned.shape, dtype=np.float32) if hide is None else columns(owned, hide)
    shares = popular.Popular(shares.share[:1], shares.counts[:1], np.zeros_like(shares.group))
    return _made(log, users, shares, h, weights, available, params.baseline_popularity, hidden)


def _made(
    log: Log,
    users: Ids,
    shares: popular.Popular,
    h: Csr,
    weights: Csr,
    available: npt.NDArray[np.bool_],
    popularity: float,
    hidden: Csr,
) -> Blend:
    of = popular.groups(shares, log, users)
    n, groups = len(users), len(shares.share)
    one = csr_array((np.full(n, popularity, np.float32), (np.arange(n), of)), shape=(n, groups))
    best = np.where(available, shares.share, 0).max(axis=1, keepdims=True, initial=1e-12)
    scaled = np.where(available, shares.share / best + 1e-6, 0).astype(np.float32)
    return Blend(hstack([h, one], format="csr"), weights, scaled, hidden)


def columns(matrix: Csr, chosen: npt.NDArray[np.bool_]) -> Csr:
    """The same matrix with the entries of some columns only."""
    made = csr_array(matrix @ diags_array(chosen.astype(np.float32)))
    made.eliminate_zeros()
    return made
