"""Vectors of words, whose sum says what a text means: taught by a sentence model, or learned from the texts alone.

Taught: w words of a text, each with its rarity, are to add up to the vector s that a sentence model gives the whole,

    V = argmin ‖S - X V‖² + λ‖V‖²,   X (n_texts, n_words): idf of the words of each text, rows of length 1,

a ridge regression (Hoerl & Kennard 1970), so a query is embedded by a sum and no model runs when somebody waits. Learned:
words that stand together more often than by chance (positive pointwise mutual information), in few dimensions (Levy,
Goldberg & Dagan, TACL 2015).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

PENALTY = 0.3
_PASSES = 40


def runs(texts: Sequence[Sequence[str]], most: int, seed: int) -> list[tuple[str, ...]]:
    """Runs of 1 to 4 words of the texts, as queries have them: each word alone, then others by lot.

    Examples
    --------
    >>> runs([("red", "shoe")], 5, 0)
    [('red',), ('red', 'shoe'), ('shoe',)]
    """
    rng = np.random.default_rng(seed)
    alone = sorted({(word,) for words in texts for word in words})
    if len(alone) > most // 2:
        alone = [alone[i] for i in np.sort(rng.permutation(len(alone))[: most // 2])]
    longer = sorted({tuple(words[i : i + n]) for words in texts for n in (2, 3, 4) for i in range(len(words) - n + 1)})
    if len(longer) > most - len(alone):
        longer = [longer[i] for i in np.sort(rng.permutation(len(longer))[: most - len(alone)])]
    return sorted([*alone, *longer])


def imitate(texts: Sequence[Sequence[str]], vectors: Floats, weight: Mapping[str, float]) -> dict[str, Floats]:
    """Vectors of words, times their weights, whose sums point where the texts' vectors do.

    Parameters
    ----------
    texts : sequence of sequence of str
        Words of each text.
    vectors : ndarray of shape (n_texts, n_dimensions)
        What the sentence model says of them.
    weight : mapping of str to float
        Rarity of each word; others are left out.
    """
    from scipy.sparse import csr_array, identity

    names = sorted({word for words in texts for word in words if word in weight})
    number = {name: i for i, name in enumerate(names)}
    rows = [[(number[word], weight[word]) for word in words if word in number] for words in texts]
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.array([column for row in rows for column, _ in row], np.int64)
    values = np.array([value for row in rows for _, value in row], np.float64)
    x = csr_array((values, columns, ends), shape=(len(rows), len(names)))
    length = np.sqrt(np.asarray((x * x).sum(axis=1)).ravel())
    x = csr_array((values / np.repeat(np.maximum(length, 1e-12), np.diff(ends)), columns, ends), shape=x.shape)
    gram = (x.T @ x + PENALTY * identity(len(names))).tocsr()
    right = x.T @ vectors.astype(np.float64)
    found = _solve(gram, right) if names else np.zeros((0, vectors.shape[1]))
    return {name: (weight[name] * found[i]).astype(np.float32) for name, i in number.items()}


def _solve(a: Any, right: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Conjugate gradients for all columns at once (Hestenes & Stiefel 1952), preconditioned by the diagonal."""
    diagonal = np.asarray(a.diagonal())[:, None]
    x = np.zeros_like(right)
    r = right.copy()
    z = r / diagonal
    p, rz = z.copy(), (r * z).sum(axis=0)
    for _ in range(_PASSES):
        ap = a @ p
        step = rz / np.maximum((p * ap).sum(axis=0), 1e-30)
        x += step * p
        r -= step * ap
        z = r / diagonal
        new = (r * z).sum(axis=0)
        p = z + (new / np.maximum(rz, 1e-30)) * p
        rz = new
    return x


def together(
    texts: Sequence[Sequence[str]], weight: Mapping[str, float], dimensions: int, seed: int
) -> dict[str, Floats]:
    """Vectors of words, times their weights, by the words that stand in the same texts; for any language."""
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import svds

    names = sorted({word for words in texts for word in words if word in weight})
    number = {name: i for i, name in enumerate(names)}
    rows = [sorted({number[word] for word in words if word in number}) for words in texts]
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.array([column for row in rows for column in row], np.int64)
    x = csr_array((np.ones(len(columns)), columns, ends), shape=(len(rows), len(names)))
    counts = (x.T @ x).tocoo()
    often = np.asarray(x.sum(axis=0)).ravel()
    pmi = np.log(np.maximum(counts.data * len(rows) / np.maximum(often[counts.row] * often[counts.col], 1), 1e-12))
    kept = pmi > 0
    ppmi = csr_array((pmi[kept], (counts.row[kept], counts.col[kept])), shape=counts.shape)
    k = min(dimensions, len(names) - 2)
    if k < 1:
        return {}
    u, s, _ = svds(ppmi, k=k, v0=np.random.default_rng(seed).normal(size=len(names)))
    sign = np.sign(u[np.abs(u).argmax(axis=0), np.arange(k)])
    found = np.zeros((len(names), dimensions), np.float32)
    found[:, :k] = (u * sign * np.sqrt(s))[:, ::-1]
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    return {name: (weight[name] * found[i]).astype(np.float32) for name, i in number.items()}
