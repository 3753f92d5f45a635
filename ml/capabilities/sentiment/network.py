"""A small convolutional network over words made of their n-grams, with weights of one byte; scored without TensorFlow.

A token's vector is the sum of the embeddings of its word and of its character 3- to 5-grams over the root of their number
(Bojanowski et al., TACL 2017), so that a misspelt word has a vector too. Filters over 1, 2 and 3 tokens, the largest value of
each over the text, and the mean vector go into one linear layer (Kim, EMNLP 2014). Every matrix is kept as int8 with one
scale per column, embeddings per row: a quarter of the size, and the table that a text is looked up in fits in a cache.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.capabilities.sentiment.grams import Bytes, Folds, Texts, Tokens, bucket, folds, room, tokenise
from ml.core.compiled import compiled, share

PIECES = 12
"""N-grams of a token that are looked at: its word, then the first of its characters."""
SHORTEST, LONGEST = 3, 5
FILTERS = 3
"""Filters look at 1, 2 and 3 tokens."""
BLOCK = 512

Floats = npt.NDArray[np.float32]


class Small(NamedTuple):
    """A matrix as ``values * scale``: int8, one scale per row."""

    values: npt.NDArray[np.int8]
    scale: Floats

    @classmethod
    def of(cls, matrix: Floats) -> Small:
        """Round to the nearest of 255 steps between a row's largest value and its negative.

        Examples
        --------
        >>> Small.of(np.array([[1.0, -0.5]], np.float32)).values.tolist()
        [[127, -64]]
        """
        scale = np.maximum(np.abs(matrix).max(axis=1), 1e-12).astype(np.float32) / np.float32(127)
        return cls(np.rint(matrix / scale[:, None]).astype(np.int8), scale)

    def whole(self) -> Floats:
        """The matrix, as near as it was kept."""
        return self.values.astype(np.float32) * self.scale[:, None]


class Network(NamedTuple):
    """Fitted weights.

    Parameters
    ----------
    row : ndarray of shape (n_buckets,), int32
        Row of ``embedding`` for each bucket; 0 where the training texts had too few.
    embedding : Small of shape (n_rows, d)
        Row 0 is nothing.
    filters : Small of shape (6 f, d)
        Rows of the filters that look at 1, 2 (first and second token) and 3 tokens, f each.
    filter_bias : ndarray of shape (3 f,), float32
    head : Small of shape (n_grades, 3 f + d)
    head_bias : ndarray of shape (n_grades,), float32
    longest : int
        Tokens that are looked at.
    """

    row: npt.NDArray[np.int32]
    embedding: Small
    filters: Small
    filter_bias: Floats
    head: Small
    head_bias: Floats
    longest: int


def scores(network: Network, texts: Texts, *, threads: int = 2) -> Floats:
    """Scores of each text and grade, shape (n_texts, n_grades)."""
    out = np.empty((len(texts), len(network.head_bias)), np.float32)
    filters, head = network.filters.whole().T.copy(), network.head.whole().T.copy()

    def work(start: int, end: int) -> None:
        ends = texts.ends[start : end + 1]
        vectors, sizes = _vectors(texts.data, ends, folds(), network.row, *network.embedding, network.longest)
        # One product for the tokens of all texts: what each filter's part gives for each token.
        pooled = _pool(vectors @ filters, network.filter_bias, vectors, sizes)
        out[start:end] = pooled @ head + network.head_bias

    share(work, len(texts), threads, BLOCK)
    return out


def pieces(texts: Texts, bits: int, longest: int) -> npt.NDArray[np.int32]:
    """Buckets of each token's n-grams plus 1, shape (n_texts, longest, PIECES); 0: no more."""
    out = np.zeros((len(texts), longest, PIECES), np.int32)
    _all_pieces(texts.data, texts.ends, folds(), (1 << bits) - 1, out)
    return out


@compiled
def token_pieces(text: Tokens, t: int, mask: int, out: Any) -> int:
    """Write the buckets of token ``t``: of its word, then of its characters; how many."""
    first, last = text.starts[t], text.starts[t + 1]
    out[0] = bucket(text, t, first - 1, last + 1, mask)
    n = 1
    for i in range(first - 1, last):
        for length in range(SHORTEST, LONGEST + 1):
            if n < PIECES and i + length <= last + 1 and length < last - first + 2:
                out[n] = bucket(text, t, i, i + length, mask)
                n += 1
    return n


@compiled
def _all_pieces(data: Bytes, ends: Any, folds: Folds, mask: int, out: Any) -> None:
    text, found = room(ends), np.empty(PIECES, np.int32)
    for r in range(len(ends) - 1):
        _, n = tokenise(data, ends[r], ends[r + 1], folds, text)
        for t in range(min(n, out.shape[1])):
            count = token_pieces(text, t, mask, found)
            out[r, t, :count] = found[:count] + 1


@compiled
def _vectors(
    data: Bytes, ends: Any, folds: Folds, row: Any, values: Any, scale: Any, longest: int
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Vectors of the tokens of all texts one after the other, and how many each text has."""
    text, found, d = room(ends), np.empty(PIECES, np.int32), values.shape[1]
    sizes, total = np.zeros(len(ends) - 1, np.int64), 0
    for r in range(len(ends) - 1):
        _, n = tokenise(data, ends[r], ends[r + 1], folds, text)
        sizes[r] = min(n, longest)
        total += sizes[r]
    vectors, at = np.zeros((total, d), np.float32), 0
    for r in range(len(ends) - 1):
        tokenise(data, ends[r], ends[r + 1], folds, text)
        for t in range(sizes[r]):
            count, known = token_pieces(text, t, len(row) - 1, found), 0
            for j in range(count):
                i = row[found[j]]
                if i > 0:
                    known += 1
                    for k in range(d):
                        vectors[at, k] += np.float32(values[i, k]) * scale[i]
            if known > 0:
                vectors[at] /= np.float32(np.sqrt(known))
            at += 1
    return vectors, sizes


@compiled
def _pool(parts: Floats, bias: Floats, vectors: Floats, sizes: Any) -> Floats:
    """Largest value of each filter over a text, 0 at least, and the mean vector; shape (n_texts, 3 f + d).

    ``parts`` has for each token the product with the six parts of the filters: a, b b', c c' c''. A filter of two tokens at
    t is b_t + b'_{t+1}; beyond the end of the text its parts are 0.
    """
    f, d, n = len(bias) // FILTERS, vectors.shape[1], len(sizes)
    out = np.zeros((n, FILTERS * f + d), np.float32)
    begin = 0
    for r in range(n):
        for t in range(begin, begin + sizes[r]):
            part = 0
            for width in range(1, FILTERS + 1):
                for k in range(f):
                    value = bias[(width - 1) * f + k]
                    for ahead in range(width):
                        if t + ahead < begin + sizes[r]:
                            value += parts[t + ahead, (part + ahead) * f + k]
                    out[r, (width - 1) * f + k] = max(out[r, (width - 1) * f + k], value)
                part += width
            for k in range(d):
                out[r, FILTERS * f + k] += vectors[t, k] / np.float32(sizes[r])
        begin += sizes[r]
    return out
