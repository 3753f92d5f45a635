"""Products' texts as short vectors: hashed words and pieces of words, weighted by rarity, in a few latent dimensions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.kernels.compiled import Csr, Scores

WORDS, PIECES = 1 << 16, 1 << 17
"""How many columns words and pieces of words are hashed to."""


class Text(NamedTuple):
    """A projection learned from the products of a shop; products listed later go through it unchanged."""

    columns: npt.NDArray[np.int64]
    """(n_terms,): the hashed columns in use, sorted."""
    rarity: Scores
    """(n_terms,): idf = ln((1 + n) / (1 + df)) + 1."""
    basis: Scores
    """(n_terms, n_dimensions): the right singular vectors."""


def fit_text(title: pa.Array, description: pa.Array, dimensions: int, seed: int) -> Text:
    """Learn the projection: TF-IDF, then a truncated SVD (latent semantic analysis, Deerwester et al., JASIS 1990).

    Parameters
    ----------
    title, description : pyarrow.Array of shape (n_products,), string
        Null is no text.
    dimensions : int
        At most so many; fewer where the shop has fewer products or terms.
    seed : int
        Of the randomised SVD.
    """
    from sklearn.utils.extmath import randomized_svd

    counts = _counts(title, description)
    df = np.bincount(counts.indices, minlength=counts.shape[1])
    # A term of one product makes it like no other. A shop of a few products has no terms but such.
    columns = np.flatnonzero(df >= 2)
    n = len(title)
    rarity = (np.log((1 + n) / (1 + df[columns])) + 1).astype(np.float32)
    rows = _weighted(counts, columns, rarity)
    d = min(dimensions, n - 1, len(columns) - 1)
    if d < 1 or not rows.nnz:
        return Text(columns, rarity, np.zeros((len(columns), 1), np.float32))
    _, _, basis = randomized_svd(rows, d, n_iter=4, random_state=seed)
    return Text(columns, rarity, np.ascontiguousarray(basis.T, np.float32))


def embed_text(text: Text, title: pa.Array, description: pa.Array) -> Scores:
    """Place texts in the latent space: (n_products, n_dimensions), rows of length 1, or 0 where no term is known."""
    if not len(title) or not len(text.columns):
        return np.zeros((len(title), text.basis.shape[1]), np.float32)
    x = np.asarray(_weighted(_counts(title, description), text.columns, text.rarity) @ text.basis, np.float32)
    length = np.sqrt(np.einsum("id,id->i", x, x))[:, None]
    unit: Scores = np.divide(x, length, out=np.zeros_like(x), where=length > 1e-6)
    return unit


def _counts(title: pa.Array, description: pa.Array) -> Csr:
    """Occurrences, (n_products, WORDS + PIECES): words and pairs of words of both texts, 3 to 5 letters of the title.

    Descriptions are long; the letters of their words cost most of the time and say little that the words do not.
    """
    from scipy.sparse import csr_array, hstack

    if not len(title):
        return csr_array((0, WORDS + PIECES), dtype=np.float32)
    from sklearn.feature_extraction.text import HashingVectorizer

    shared: dict[str, Any] = {"alternate_sign": False, "norm": None, "dtype": np.float32}
    words = HashingVectorizer(ngram_range=(1, 2), n_features=WORDS, **shared)
    pieces = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), n_features=PIECES, **shared)
    titles, rest = pc.fill_null(title, ""), pc.fill_null(description, "")
    whole = pc.binary_join_element_wise(titles, rest, " \n ").to_pylist()
    return hstack([words.transform(whole), pieces.transform(titles.to_pylist())], format="csr")


def _weighted(counts: Csr, columns: npt.NDArray[np.int64], rarity: Scores) -> Csr:
    """(1 + ln tf) · idf; words and pieces each of length 1, so that many pieces do not drown a few words."""
    from scipy.sparse import csr_array, diags_array

    rows = csr_array(counts[:, columns])
    rows.data = (1 + np.log(rows.data)) * rarity[rows.indices]
    square = rows.power(2)
    of_words = columns < WORDS
    parts = []
    for chosen in (of_words, ~of_words):
        length = np.sqrt(np.asarray(square[:, np.flatnonzero(chosen)].sum(axis=1)).ravel())
        scale = np.divide(1, length, out=np.zeros(len(length), np.float32), where=length > 0).astype(np.float32)
        parts.append(diags_array(scale) @ rows @ diags_array(chosen.astype(np.float32)))
    return csr_array(parts[0] + parts[1])
