"""What the reviews of a product say together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ml.capabilities.sentiment.opinion import Floats, Ints, Opinions
from ml.capabilities.sentiment.spec import Params

TOP = 3
Z = 1.96
_SAME = 1e6
"""Reviews that the shop's mean counts as where products do not differ at all."""


class Shrinkage(NamedTuple):
    """Of a shop: mean score, variance of reviews of one product, and how many reviews the mean counts as."""

    mean: float
    variance: float
    weight: float


def rows(said: Opinions, params: Params) -> dict[str, pa.Array]:
    """Make the rows of ``product_sentiment``, by product id."""
    m = len(said.products)
    has = said.product >= 0
    n, total = _sums(said.product[has], said.score[has], m)
    drawn = shrinkage(said.product[has], said.score[has], m)
    mean, half = shrunk(n, total, drawn)
    recent = has & (said.age_days < params.trend_days)
    earlier = has & ~recent & (said.age_days < 2 * params.trend_days)
    halves = [_sums(said.product[part], said.score[part], m) for part in (recent, earlier)]
    trend = shrunk(*halves[0], drawn)[0] - shrunk(*halves[1], drawn)[0]
    missing = (halves[0][0] == 0) | (halves[1][0] == 0)
    made = {
        "product_id": pa.array(said.products, pa.string()),
        "n": pa.array(n),
        "score": pa.array(mean),
        "low": pa.array(np.maximum(mean - half, -1.0)),
        "high": pa.array(np.minimum(mean + half, 1.0)),
        "n_recent": pa.array(halves[0][0]),
        "trend": pa.array(trend, mask=missing),
    }
    for list_name, quote_name, sign in (("praised", "praise_quote", 1), ("criticised", "criticism_quote", -1)):
        made[list_name], made[quote_name] = _aspects(said, sign, params)
    return made


def shrinkage(product: Ints, score: Floats, m: int) -> Shrinkage:
    """Estimate how much products differ by the analysis of variance (Searle et al., Variance Components, 1992, ch. 3).

    σ² is the mean square within products, τ² = (SSB - (G - 1) σ²) / (N - Σ n² / N) between them; a product's mean is then
    (Σ x + k μ) / (n + k) with k = σ² / τ².

    Examples
    --------
    >>> shrinkage(np.array([0, 0, 1, 1]), np.array([1.0, 0.0, 0.0, 1.0]), 2).weight
    1000000.0
    """
    n, total = _sums(product, score, m)
    if not len(score):
        return Shrinkage(0.0, 1.0, 1.0)
    overall, groups, there = float(score.mean()), int((n > 0).sum()), n > 0
    means = total / np.maximum(1, n)
    free = len(score) - groups
    # Where each product has one review, all of the variance is taken as that of reviews.
    within = float(((score - means[product]) ** 2).sum()) / free if free else float(((score - overall) ** 2).mean())
    within = max(within, 1e-4)
    between = float((n[there] * (means[there] - overall) ** 2).sum()) - (groups - 1) * within
    spread = len(score) - float((n.astype(np.float64) ** 2).sum()) / len(score)
    tau = between / spread if spread > 0 else 0.0
    return Shrinkage(overall, within, min(_SAME, within / tau) if tau > 0 else _SAME)


def shrunk(n: Ints, total: Floats, drawn: Shrinkage) -> tuple[Floats, Floats]:
    """Drawn means, and half of their 95 % intervals."""
    mean = (total + drawn.weight * drawn.mean) / (n + drawn.weight)
    return mean, Z * np.sqrt(drawn.variance / (n + drawn.weight))


def _sums(product: Ints, score: Floats, m: int) -> tuple[Ints, Floats]:
    return np.bincount(product, minlength=m).astype(np.int64), np.bincount(product, score, minlength=m).astype(
        np.float64
    )


def _aspects(said: Opinions, sign: int, params: Params) -> tuple[pa.Array, pa.Array]:
    """The aspects most often praised (``sign`` 1) or criticised (-1) of each product, and the strongest clause on the first."""
    m, n_aspects = len(said.products), len(said.aspects)
    product = said.product[said.review] if len(said.review) else np.zeros(0, np.int64)
    hit = (product >= 0) & (sign * said.aspect_score >= params.aspect_sure)
    key = product[hit] * n_aspects + said.aspect[hit]
    counts = np.bincount(key, minlength=m * n_aspects).reshape(m, max(1, n_aspects) if m * n_aspects else 0)
    names, quotes = [""] * m, [""] * m
    for p in np.flatnonzero(counts.any(axis=1)):
        best = np.argsort(-counts[p], kind="stable")[:TOP]
        names[p] = ", ".join(said.aspects[a] for a in best if counts[p, a])
    clause = np.flatnonzero(hit)
    strongest = clause[np.lexsort((clause, -sign * said.aspect_score[clause], key))]
    first_key, at = np.unique(product[strongest] * n_aspects + said.aspect[strongest], return_index=True)
    top = counts.argmax(axis=1) if counts.size else np.zeros(0, np.int64)
    for wanted, place in zip(first_key.tolist(), at.tolist(), strict=True):
        p, a = divmod(wanted, n_aspects)
        if top[p] == a:
            quotes[p] = said.quotes[int(strongest[place])].as_py()
    return pa.array(names, pa.string()), pa.array(quotes, pa.string())
