"""Classes of short texts from few examples: regularised least squares over n-grams and, where there are, sentence vectors.

k(a, b) = w cos(n-grams of a, of b) + exp(γ (cos(vectors of a, of b) - 1)), f = k(·, X) α, α = (K + λ I)⁻¹ Y with y = 1 for a text's
class, else 0 (Rifkin, Yeo & Poggio 2003: as good as support vectors on texts). What is like no text that was learned from is near 0
in every class. One inverse gives all classes at once, and without a further fit what the model says of each text when it was left out, and of each class when nobody had taught that class:
f₋ᵢ = yᵢ - αᵢ / Cᵢᵢ and f₋B = Y_B - C_BB⁻¹ α_B with C = (K + λ I)⁻¹ (Rifkin & Lippert 2007). So chances, and the line between
what is known and what is not, are set on texts that were not learned from, and all texts are learned from.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import Csr, share
from ml.text.params import RidgeParams
from ml.text.svm import presence
from ml.text.tokens import Texts

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

FEW = 3_000
"""Up to so many texts an n-gram of a single one counts; of more it has no weight, it only tells that a text is strange."""
STEP = 2_048
_GROUPS = 4


class Ridge(NamedTuple):
    """Fitted weights.

    Parameters
    ----------
    idf : ndarray of shape (2 ** bits,), float32
        Inverse document frequency; what training never saw has the largest.
    row : ndarray of shape (2 ** bits,), int32
        Row of ``weights`` for each bucket; 0: none.
    weights : ndarray of shape (n_kept + 1, n_classes), float32
        Row 0 is nothing.
    vectors : ndarray of shape (n_texts, d), float32
        Of the texts that were learned from; d is 0 where sentence vectors are not used.
    alpha : ndarray of shape (n_texts, n_classes), float32
        Of ``vectors``.
    params : RidgeParams
    """

    idf: Floats
    row: npt.NDArray[np.int32]
    weights: Floats
    vectors: Floats
    alpha: Floats
    params: RidgeParams

    @property
    def uses_vectors(self) -> bool:
        return bool(self.vectors.shape[1])


class LeftOut(NamedTuple):
    """What the model says of its own texts when it had not seen them, shape (n_texts, n_classes) each.

    ``text``: without that text. ``whole``: without all texts of its class, to which nothing points any more.
    """

    text: Doubles
    whole: Doubles


def learn(
    texts: Texts, labels: Labels, n_classes: int, params: RidgeParams, vectors: Floats | None = None
) -> tuple[Ridge, LeftOut]:
    """Fit on texts, each once, with their classes ``0 … n_classes - 1``.

    Parameters
    ----------
    vectors : ndarray of shape (n_texts, d), optional
        Of length 1 each, as :func:`ml.text.sentences.embed_each` gives.
    """
    buckets, groups, ends = presence(texts, params.bits)
    df = np.bincount(buckets, minlength=1 << params.bits)
    idf = (np.log((1 + len(texts)) / (1 + df)) + 1).astype(np.float32)
    kept = np.flatnonzero(df >= (1 if len(texts) <= FEW else 2))
    row = np.zeros(1 << params.bits, np.int32)
    row[kept] = np.arange(1, len(kept) + 1)
    x = _matrix(buckets, groups, ends, idf, row, len(kept) + 1, params)
    v = np.zeros((len(texts), 0), np.float32) if vectors is None else vectors
    grams = params.gram_weight if v.shape[1] else 1.0
    alpha, left = solve(_kernel(x, v, grams, params.width), labels, n_classes, params.penalty)
    weights = np.asarray(grams * (x.T @ alpha), np.float32)
    alpha = alpha if v.shape[1] else np.zeros((0, n_classes))
    rounded = (a.astype(np.float16).astype(np.float32) for a in (idf, weights, v if len(alpha) else v[:0], alpha))
    idf, weights, v, small = rounded
    return Ridge(idf, row, weights, v, small, params), left


def rows_of(texts: Texts, params: RidgeParams) -> Csr:
    """N-grams of texts as rows of length 1, weighted by their rarity among these texts: their products are cosines."""
    buckets, groups, ends = presence(texts, params.bits)
    df = np.bincount(buckets, minlength=1 << params.bits)
    idf = (np.log((1 + len(texts)) / (1 + df)) + 1).astype(np.float32)
    row = np.zeros(1 << params.bits, np.int32)
    row[df > 0] = np.arange(1, (df > 0).sum() + 1)
    return _matrix(buckets, groups, ends, idf, row, int((df > 0).sum()) + 1, params)


def centroids(texts: Texts, labels: Labels, n_classes: int, params: RidgeParams) -> Ridge:
    """The simple method: the cosine with the mean of each class's texts (Rocchio 1971)."""
    buckets, groups, ends = presence(texts, params.bits)
    df = np.bincount(buckets, minlength=1 << params.bits)
    idf = (np.log((1 + len(texts)) / (1 + df)) + 1).astype(np.float16).astype(np.float32)
    kept = np.flatnonzero(df)
    row = np.zeros(1 << params.bits, np.int32)
    row[kept] = np.arange(1, len(kept) + 1)
    x = _matrix(buckets, groups, ends, idf, row, len(kept) + 1, params)
    of_class = np.zeros((len(texts), n_classes))
    of_class[np.arange(len(texts)), labels] = 1
    weights = np.asarray(x.T @ of_class)
    weights /= np.maximum(np.linalg.norm(weights, axis=0, keepdims=True), 1e-9)
    nothing = np.zeros((0, 0), np.float32), np.zeros((0, n_classes), np.float32)
    return Ridge(idf, row, weights.astype(np.float16).astype(np.float32), *nothing, params)


def scores(model: Ridge, texts: Texts, vectors: Floats | None = None) -> Doubles:
    """Scores of each text and class, about 1 for the right one and 0 for the others; shape (n_texts, n_classes).

    Each text's are the same whichever others it comes with.
    """
    out = np.zeros((len(texts), model.weights.shape[1]))

    def work(start: int, end: int) -> None:
        some = Texts(texts.data, texts.ends[start : end + 1])
        read = presence(some, model.params.bits)
        x = _matrix(*read, model.idf, model.row, len(model.weights), model.params)
        out[start:end] = x @ model.weights

    share(work, len(texts), STEP)
    if model.uses_vectors and vectors is not None:
        # Text by text: what BLAS gives of several rows at once depends in its last bit on how many they are.
        for i, vector in enumerate(vectors):
            out[i] += np.exp(model.params.width * (model.vectors @ vector - 1)) @ model.alpha
    return out


def _matrix(
    buckets: npt.NDArray[np.int32],
    groups: npt.NDArray[np.int8],
    ends: npt.NDArray[np.int64],
    idf: Floats,
    row: npt.NDArray[np.int32],
    width: int,
    params: RidgeParams,
) -> Csr:
    """N-grams as rows of length 1 with all of a text's n-grams, of which those without weights are then left out."""
    from scipy.sparse import csr_array

    n = len(ends) - 1
    rows = np.repeat(np.arange(n), np.diff(ends))
    values = idf[buckets].astype(np.float64)
    shares = np.outer([1, params.head_weight], [1, params.char_weight]).ravel()
    place = rows * _GROUPS + groups
    square = np.bincount(place, values**2, minlength=n * _GROUPS)
    squares = (square.reshape(n, _GROUPS) > 0) @ shares**2
    values *= shares[groups] / np.sqrt(square[place] * squares[rows])
    x = csr_array((values.astype(np.float32), row[buckets], ends), shape=(n, width))
    x.data[x.indices == 0] = 0  # what has no weights; row 0 of them is nothing anyway
    return x


def _kernel(x: Csr, vectors: Floats, grams: float, width: float) -> Doubles:
    k: Doubles = grams * np.asarray((x @ x.T).todense(), np.float64)
    if vectors.shape[1]:
        v = vectors.astype(np.float64)
        k += np.exp(width * (v @ v.T - 1))
    return k


def solve(k: Doubles, labels: Labels, n_classes: int, penalty: float) -> tuple[Doubles, LeftOut]:
    """α of shape (n_texts, n_classes) for a kernel, which is overwritten, and what is said of what was left out."""
    n = len(labels)
    if not n:
        return np.zeros((0, n_classes)), LeftOut(np.zeros((0, n_classes)), np.zeros((0, n_classes)))
    k[np.diag_indices(n)] += penalty
    c = _inverse(k)
    y = np.zeros((n, n_classes))
    y[np.arange(n), labels] = 1
    blocks = [np.flatnonzero(labels == label) for label in range(n_classes)]
    alpha = np.stack([c[:, members].sum(axis=1) for members in blocks], axis=1) if blocks else np.zeros((n, 0))  # C Y
    text = y - alpha / np.diagonal(c)[:, None]
    whole = np.zeros((n, n_classes))
    for label, members in enumerate(blocks):
        if len(members):
            whole[members] = y[members] - np.linalg.solve(c[np.ix_(members, members)], alpha[members])
            whole[members, label] = 0
    return alpha, LeftOut(text, whole)


def _inverse(k: Doubles) -> Doubles:
    """Of a symmetric positive definite matrix, which is overwritten."""
    from scipy.linalg import lapack

    factor, fault = lapack.dpotrf(k, lower=1, overwrite_a=1, clean=0)
    inverse, also = lapack.dpotri(factor, lower=1, overwrite_c=1)
    if fault or also:
        raise np.linalg.LinAlgError(f"the kernel of {len(k)} texts is not positive definite ({fault}, {also})")
    low: Any = np.tril(inverse)
    return np.asarray(low + np.tril(inverse, -1).T, np.float64)
