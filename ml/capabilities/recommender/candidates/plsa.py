"""Kinds of taste: probabilistic latent semantic analysis (Hofmann, UAI 1999) with Dirichlet priors, by EM.

A customer u mixes K topics, each of which is a distribution over the products::

    P(i | u) = Σ_k θ_uk φ_ik
    E: γ_uik = θ_uk φ_ik / Σ_l θ_ul φ_il      M: θ_uk ∝ 1/K + Σ_i γ_uik,   φ_ik ∝ (N/K) π_i + Σ_u γ_uik

over the different products i that each customer u bought or looked at, N pairs in all; π_i is product i's share of them.
So a topic is drawn to what is popular as strongly as by all that it saw itself. EM ends in one of many optima: ``RUNS``
of them are added up.

φ tells how often a product was met in all the time that the log covers. Whether it is met more or less than that by now
is told by tonight's log::

    r_ui = λ_i Σ_k θ_uk φ_ik,   λ of :func:`popular.lately`
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.candidates.popular import lately
from ml.capabilities.recommender.spec import Params
from ml.kernels.compiled import Ids, Scores, compiled, share
from ml.learn.histories import history
from ml.learn.purchases import Log, before, everyone

RUNS = 3
ITERATIONS, FOLD_IN_ITERATIONS = 50, 15
_PARTS = 4
"""Sums of so many parts are added up, however many threads there are: their number changes nothing."""
_STEP = 512
_FOREVER = 1e9

Seen = tuple[npt.NDArray[np.int64], Ids]


@dataclass(frozen=True)
class Topics:
    """Attributes: ``phi``, the φ of all runs side by side, shape (n_products, RUNS * K), float32; λ, (n_products,)."""

    phi: Scores
    lately: Scores

    @cached_property
    def items(self) -> Scores:
        """λ φ / RUNS, shape of φ: with θ of all runs side by side its product is r."""
        made: Scores = self.phi * (self.lately[:, None] / np.float32(RUNS))
        return made


def fit(log: Log, at: int, params: Params, seed: int) -> Topics:
    """Learn the topics from what was known before ``at``; a product that nobody has met stays at zero."""
    past = before(log, at)
    seen, rng = _seen(past, everyone(past)), np.random.default_rng(seed)
    runs = [_run(seen, log.n_products, params.topics, rng) for _ in range(RUNS)]
    return Topics(np.concatenate(runs, axis=1), lately(past, params.topics_days))


def tonight(state: Topics, log: Log, params: Params) -> Topics:
    """The same topics with λ as of ``log.until``."""
    return replace(state, lately=lately(log, params.topics_days))


def customers(state: Topics, log: Log, users: Ids) -> tuple[Scores, npt.NDArray[np.bool_]]:
    """Find the customers' θ, all runs side by side, shape (n, RUNS * K), and tell who has a history."""
    seen = _seen(log, users)
    theta = [fold_in(phi, seen) for phi in np.split(state.phi, RUNS, axis=1)]
    return np.concatenate(theta, axis=1), np.diff(seen[0]) > 0


def fold_in(phi: Scores, seen: Seen) -> Scores:
    """θ of each row of ``seen`` under a run's φ, shape (n, K); evenly mixed where nothing was seen."""
    phi, n = np.ascontiguousarray(phi), len(seen[0]) - 1
    theta, nothing = np.full((n, phi.shape[1]), 1 / phi.shape[1], np.float32), np.zeros((0, phi.shape[1]))
    share(lambda start, end: _em((start, end), seen, phi, theta, nothing, FOLD_IN_ITERATIONS), n, _STEP)
    return theta


def moved(state: Topics, place: Ids) -> Topics:
    """The topics in the numbers of other products, ``place[i]``: the number here of product i there, -1 if not known."""
    old = np.flatnonzero(place >= 0)
    phi, lately_ = np.zeros((len(place), state.phi.shape[1]), np.float32), np.ones(len(place), np.float32)
    phi[old], lately_[old] = state.phi[place[old]], state.lately[place[old]]
    return Topics(phi, lately_)


def save(state: Topics, folder: Path) -> None:
    """Write ``topics.npz``."""
    np.savez(folder / "topics.npz", phi=state.phi, lately=state.lately)


def load(folder: Path) -> Topics:
    """Read what :func:`save` wrote; nothing in the file is executed."""
    with np.load(folder / "topics.npz", allow_pickle=False) as file:
        return Topics(file["phi"], file["lately"])


def em_reference(
    seen: npt.NDArray[np.bool_], phi: npt.NDArray[np.float64], theta: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """One step of EM by the formula: θ, and Σ_u γ_uik of shape (n_products, K)."""
    gamma = theta[:, None, :] * phi[None, :, :] * seen[:, :, None]
    gamma /= np.maximum(gamma.sum(2, keepdims=True), 1e-300)
    new = gamma.sum(1) + 1 / phi.shape[1]
    return new / new.sum(1, keepdims=True), gamma.sum(0)


def _run(seen: Seen, m: int, k: int, rng: np.random.Generator) -> Scores:
    """φ where EM ends from a random start."""
    n = len(seen[0]) - 1
    met = np.bincount(seen[1], minlength=m)[:, None] / k
    phi = rng.dirichlet(np.ones(max(1, m)), k).T[:m].astype(np.float32)
    theta = rng.dirichlet(np.ones(k), n).astype(np.float32)
    bounds = np.linspace(0, n, _PARTS + 1).astype(int)
    for _ in range(ITERATIONS):
        sums = np.zeros((_PARTS, m, k))

        def work(start: int, end: int, phi: Scores = phi, sums: npt.NDArray[np.float64] = sums) -> None:
            for part in range(start, end):
                _em((bounds[part], bounds[part + 1]), seen, phi, theta, sums[part], 1)

        share(work, _PARTS, 1)
        made = sums.sum(0) + met
        phi = (made / np.maximum(made.sum(0), 1e-300)).astype(np.float32)
    return phi


def _seen(log: Log, users: Ids) -> Seen:
    """The different products that each customer bought or looked at, as CSR."""
    h = history(log, users, _FOREVER)
    return h.indptr.astype(np.int64, copy=False), h.indices.astype(np.int32, copy=False)


@partial(compiled, fastmath={"reassoc"})  # sums of K numbers in vectors: 2 times as fast
def _em(
    span: tuple[int, int], seen: Seen, phi: Scores, theta: Scores, sums: npt.NDArray[np.float64], times: int
) -> None:
    """``times`` steps of EM on θ of the customers of ``span``; γ is added to ``sums``, unless that has no rows."""
    indptr, indices = seen
    k = theta.shape[1]
    part, new = np.empty(k, np.float32), np.empty(k, np.float32)
    for u in range(span[0], span[1]):
        for _ in range(times):
            new[:] = np.float32(1.0) / k
            for p in range(indptr[u], indptr[u + 1]):
                i, total = indices[p], np.float32(1e-30)
                for f in range(k):
                    part[f] = theta[u, f] * phi[i, f]
                    total += part[f]
                scale = np.float32(1.0) / total
                for f in range(k):
                    part[f] *= scale
                    new[f] += part[f]
                if len(sums):
                    for f in range(k):
                        sums[i, f] += part[f]
            total = np.float32(0.0)
            for f in range(k):
                total += new[f]
            for f in range(k):
                theta[u, f] = new[f] / total
