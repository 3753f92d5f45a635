"""The sequence model's forward pass in numpy: a night that does not train imports no TensorFlow.

With the tokens x of a customer's last lines (product + class of age + orders back), a block is, before-normed::

    x ← x + Attention(LN(x)) W_o,    x ← x + relu(LN(x) W_1 + b_1) W_2 + b_2

A learned query reads the tokens, each head with a weight for each age; the result z says how likely each product is to
be in the next order: one that is new to the customer by taste and popularity, a bought one by what was bought when::

    base_i = z·e_i + b_i + Σ_f g_f popularity_fi,      s_i = ln(exp(base_i) + exp(ρ_i + w·z + w_0) Σ_lines of i exp(a_age))
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from ml.capabilities.recommender.candidates.sequence_data import (
    AGES,
    HALF_LIVES_DAYS,
    RANKS,
    Bought,
    History,
    Moments,
    history,
)
from ml.kernels.compiled import Ids, Scores, share
from ml.learn.purchases import Log

Weights = Mapping[str, Scores]
ROWS_PER_CALL = 64
EPSILON = np.float32(1e-5)


def shapes(m: int, d: int, heads: int, blocks: int) -> dict[str, tuple[int, ...]]:
    """Shape of each weight for m products and d dimensions; what a file must hold."""
    made: dict[str, tuple[int, ...]] = {"item": (m + 1, d), "age": (AGES, d), "rank": (RANKS, d)}
    for i in range(blocks):
        made |= {
            f"norm_a{i}": (2, d),
            f"qkv{i}": (d, 3 * d),
            f"out{i}": (d, d),
            f"norm_b{i}": (2, d),
            f"up{i}": (d, 2 * d),
            f"up_bias{i}": (2 * d,),
            f"down{i}": (2 * d, d),
            f"down_bias{i}": (d,),
        }
    return made | {
        "norm_pool": (2, d),
        "pool_key": (d, heads),
        "pool_age": (AGES, heads),
        "pool_value": (d, d),
        "pool_out": (d, d),
        "norm_out": (2, d),
        "bias": (m,),
        "popularity": (len(HALF_LIVES_DAYS),),
        "repeat": (m,),
        "repeat_taste": (d,),
        "repeat_bias": (1,),
        "repeat_age": (AGES,),
    }


def encode(w: Weights, rows: History, heads: int, blocks: int) -> Scores:
    """Z of each row, (n_rows, d), float32."""
    there = rows.item != -1
    x = _embedded(w, rows) * there[:, :, None]
    for i in range(blocks):
        x = x + _attention(w, i, _norm(x, w[f"norm_a{i}"]), there, heads)
        up = np.maximum(_norm(x, w[f"norm_b{i}"]) @ w[f"up{i}"] + w[f"up_bias{i}"], 0)
        x = x + up @ w[f"down{i}"] + w[f"down_bias{i}"]
    n, _, d = x.shape
    x = _norm(x, w["norm_pool"])
    logit = x @ w["pool_key"] + w["pool_age"][rows.age]
    share = _softmax(np.where(there[:, :, None], logit, -np.inf), axis=1)
    # Summed before it is projected: the same, and a product for each head instead of one for each token.
    seen = share.swapaxes(1, 2) @ x
    values = w["pool_value"].reshape(d, heads, d // heads)
    pooled = np.einsum("nhd,dhe->nhe", seen, values, optimize=True).reshape(n, d)
    return _norm(pooled @ w["pool_out"], w["norm_out"])


def encode_all(w: Weights, log: Log, number: Ids, moments: Moments, how: tuple[int, int, int]) -> Scores:
    """Z of any number of rows; ``how`` is (length, heads, blocks).

    In blocks of rows with about as many lines, so that most are short and stay in the cache; one BLAS thread each.
    """
    most, heads, blocks = how
    length = np.minimum(moments.end - moments.start, most)
    order = np.argsort(length, kind="stable")
    z = np.empty((len(length), w["item"].shape[1]), np.float32)

    def work(start: int, end: int) -> None:
        mine = order[start:end]
        rows = history(log, number, Moments(*(part[mine] for part in moments)), int(length[mine[-1]]))
        z[mine] = encode(w, rows, heads, blocks)

    with threadpool_limits(1, user_api="blas"):
        share(work, len(length), ROWS_PER_CALL)
    return z


def repeats(
    w: Weights, z: Scores, lines: Bought, m: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], Scores]:
    """What bought products gain: row, product (each pair once, sorted) and ln of the second part of exp(s)."""
    key, place = np.unique(lines.row * m + lines.item, return_inverse=True)
    count = np.bincount(place, np.exp(w["repeat_age"].astype(np.float64))[lines.age], len(key))
    row, item = key // m, (key % m).astype(np.int32)
    gate = w["repeat"][item] + (z @ w["repeat_taste"])[row] + w["repeat_bias"]
    return row, item, np.asarray(gate + np.log(count), np.float32)


def output(w: Weights, z: Scores, popularity: Scores) -> tuple[Scores, Scores]:
    """Factors whose product is base: rows (n_rows, d + 1), products (m, d + 1).

    Parameters
    ----------
    popularity : ndarray of shape (n_features, m)
    """
    bias = w["bias"] + w["popularity"] @ popularity
    m = len(bias)
    rows = np.concatenate([z, np.ones((len(z), 1), np.float32)], axis=1)
    return rows, np.concatenate([w["item"][:m], bias[:, None]], axis=1).astype(np.float32)


def scores_reference(w: Weights, z: Scores, popularity: Scores, lines: Bought) -> Scores:
    """All s_i, (n_rows, m), in the obvious way."""
    rows, products = output(w, z, popularity)
    s = rows @ products.T
    row, item, gain = repeats(w, z, lines, s.shape[1])
    s[row, item] = np.logaddexp(s[row, item], gain)
    return s


def _embedded(w: Weights, rows: History) -> Scores:
    item = np.where(rows.item < 0, len(w["item"]) - 1, rows.item)  # the mark; what is nothing is struck by the caller
    return w["item"][item] * np.float32(np.sqrt(w["item"].shape[1])) + w["age"][rows.age] + w["rank"][rows.rank]


def _attention(w: Weights, i: int, x: Scores, there: npt.NDArray[np.bool_], heads: int) -> Scores:
    n, length, d = x.shape
    q, k, v = np.moveaxis((x @ w[f"qkv{i}"]).reshape(n, length, 3, heads, d // heads), (2, 3), (0, 2))
    logit = q @ k.swapaxes(2, 3) / np.float32(np.sqrt(d // heads))
    share = _softmax(np.where(there[:, None, None, :], logit, -np.inf), axis=3)
    return np.asarray((share @ v).swapaxes(1, 2).reshape(n, length, d) @ w[f"out{i}"], np.float32)


def _norm(x: Scores, scale: Scores) -> Scores:
    centred = x - x.mean(-1, keepdims=True)
    return np.asarray(
        centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON) * scale[0] + scale[1], np.float32
    )


def _softmax(x: Scores, axis: int) -> Scores:
    e = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(e / e.sum(axis, keepdims=True), np.float32)
