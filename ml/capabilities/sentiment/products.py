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


def rows(opinions: Opinions, params: Params) -> dict[str, pa.Array]:
    """Make the rows of ``product_sentiment``, by product id."""
    m = len(opinions.products)
    has = opinions.product >= 0
    n, total = _sums(opinions.product[has], opinions.score[has], m)
    drawn = shrinkage(opinions.product[has], opinions.score[has], m)
    mean, half = shrunk(n, total, drawn)
    recent = has & (opinions.age_days < params.trend_days)
    earlier = has & ~recent & (opinions.age_days < 2 * params.trend_days)
    halves = [_sums(opinions.product[part], opinions.score[part], m) for part in (recent, earlier)]
    trend = shrunk(*halves[0], drawn)[0] - shrunk(*halves[1], drawn)[0]
    missing = (halves[0][0] == 0) | (halves[1][0] == 0)
    columns = {
        "product_id": pa.array(opinions.products, pa.string()),
        "n": pa.array(n),
        "score": pa.array(mean),
        "low": pa.array(np.maximum(mean - half, -1.0)),
        "high": pa.array(np.minimum(mean + half, 1.0)),
        "n_recent": pa.array(halves[0][0]),
        "trend": pa.array(trend, mask=missing),
    }
    for list_name, quote_name, sign in (("praised", "praise_quote", 1), ("criticised", "criticism_quote", -1)):
        columns[list_name], columns[quote_name] = _aspects(opinions, sign, params)
    return columns


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
    overall, groups, rated = float(score.mean()), int((n > 0).sum()), n > 0
    means = total / np.maximum(1, n)
    free = len(score) - groups
    # Where each product has one review, all of the variance is taken as that of reviews.
    within = float(((score - means[product]) ** 2).sum()) / free if free else float(((score - overall) ** 2).mean())
    within = max(within, 1e-4)
    between = float((n[rated] * (means[rated] - overall) ** 2).sum()) - (groups - 1) * within
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


def aspect_rows(opinions: Opinions, params: Params) -> dict[str, pa.Array]:
    """Make the rows of ``product_aspect``: every aspect of every product that a review speaks of, by product and aspect."""
    n, praised, criticised = _counts(opinions, params)
    where = np.argwhere(n > 0)
    n, praised, criticised = (part[n > 0] for part in (n, praised, criticised))
    net = (praised - criticised) / n
    low, high = spread(n, praised, criticised)
    return {
        "product_id": pa.array(opinions.products, pa.string()).take(pa.array(where[:, 0])),
        "aspect": pa.array(opinions.aspects, pa.string()).take(pa.array(where[:, 1])),
        "n": pa.array(n),
        "praised": pa.array(praised),
        "criticised": pa.array(criticised),
        "net": pa.array(net),
        "low": pa.array(np.minimum(low, net)),
        "high": pa.array(np.maximum(high, net)),
    }


def spread(n: Ints, praised: Ints, criticised: Ints) -> tuple[Floats, Floats]:
    """Bounds of the net of praise and criticism, each seen once more than it was (Agresti & Coull, Am. Stat. 1998).

    Examples
    --------
    >>> [round(float(bound), 2) for bound in spread(np.int64(40), np.int64(30), np.int64(10))]
    [0.21, 0.74]
    """
    m = n + 2.0
    net = (praised - criticised) / m
    half = Z * np.sqrt(np.maximum((praised + criticised + 2) / m - net**2, 0) / m)
    return np.maximum(net - half, -1.0), np.minimum(net + half, 1.0)


def _counts(opinions: Opinions, params: Params) -> tuple[Ints, Ints, Ints]:
    """Reviews that speak of, praise and criticise each aspect, of shape (n_products, n_aspects) each."""
    m, n_aspects = len(opinions.products), len(opinions.aspects)
    product = opinions.product[opinions.review] if len(opinions.review) else np.zeros(0, np.int64)
    found = []
    for hit in (
        np.ones(len(product), bool),
        opinions.aspect_score >= params.aspect_sure,
        opinions.aspect_score <= -params.aspect_sure,
    ):
        counted = hit & (product >= 0)
        key = product[counted] * n_aspects + opinions.aspect[counted]
        found.append(np.bincount(key, minlength=m * n_aspects).astype(np.int64).reshape(m, n_aspects))
    return found[0], found[1], found[2]


def _aspects(opinions: Opinions, sign: int, params: Params) -> tuple[pa.Array, pa.Array]:
    """The aspects of each product with the largest net of praise (``sign`` 1) or criticism (-1), and the strongest clause on the first."""
    m, n_aspects = len(opinions.products), len(opinions.aspects)
    names, quotes = [""] * m, [""] * m
    if not m * n_aspects:
        return pa.array(names, pa.string()), pa.array(quotes, pa.string())
    _, praised, criticised = _counts(opinions, params)
    net = sign * (praised - criticised)
    for p in np.flatnonzero((net > 0).any(axis=1)):
        best = np.argsort(-net[p], kind="stable")[:TOP]
        names[p] = ", ".join(opinions.aspects[a] for a in best if net[p, a] > 0)
    product = opinions.product[opinions.review]
    hit = (product >= 0) & (sign * opinions.aspect_score >= params.aspect_sure)
    clause = np.flatnonzero(hit)
    key = product[hit] * n_aspects + opinions.aspect[hit]
    strongest = clause[np.lexsort((clause, -sign * opinions.aspect_score[clause], key))]
    first_key, at = np.unique(product[strongest] * n_aspects + opinions.aspect[strongest], return_index=True)
    top = net.argmax(axis=1)
    for wanted, place in zip(first_key.tolist(), at.tolist(), strict=True):
        p, a = divmod(wanted, n_aspects)
        if top[p] == a and net[p, a] > 0:
            quotes[p] = opinions.quotes[int(strongest[place])].as_py()
    return pa.array(names, pa.string()), pa.array(quotes, pa.string())
