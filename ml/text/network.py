"""A small convolutional network over words made of their n-grams, with weights of one byte; scored without TensorFlow.

A token's vector is the sum of the embeddings of its word and of its character 3- to 5-grams over the root of their number
(Bojanowski et al., TACL 2017), so that a misspelt word has a vector too. Filters over 1, 2 and 3 tokens, the largest value of
each over the text, and the mean vector, and both once more over the headline, go into one linear layer (Kim, EMNLP 2014).
Every matrix is kept as int8 with one scale per row: a quarter of the size, and the table that a text is looked up in fits
in a cache.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import compiled, share
from ml.text.ngrams import bucket
from ml.text.tokens import Bytes, Folds, Texts, Tokens, folds, room, tokenise

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
    head : Small of shape (n_grades, 2 (3 f + d))
        Of the linear layer.
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


def scores(network: Network, texts: Texts) -> Floats:
    """Scores of each text and grade, shape (n_texts, n_grades)."""
    out = np.empty((len(texts), len(network.head_bias)), np.float32)
    filters, head = network.filters.whole().T.copy(), network.head.whole().T.copy()

    def work(start: int, end: int) -> None:
        ends = texts.ends[start : end + 1]
        read = _vectors(texts.data, ends, folds(), network.row, *network.embedding, network.longest)
        # One product for the tokens of all texts: what each filter's part gives for each token.
        pooled = _pool(read.vectors @ filters, network.filter_bias, read)
        out[start:end] = pooled @ head + network.head_bias

    share(work, len(texts), BLOCK)
    return out


def pieces(texts: Texts, bits: int, longest: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Buckets of each token's n-grams plus 1, shape (n_texts, longest, PIECES), 0: no more; and tokens of each headline."""
    out, head = np.zeros((len(texts), longest, PIECES), np.int32), np.zeros(len(texts), np.int32)
    _all_pieces(texts.data, texts.ends, folds(), (1 << bits) - 1, out, head)
    return out, head


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
def _all_pieces(data: Bytes, ends: Any, folds: Folds, mask: int, out: Any, head: Any) -> None:
    text, found = room(ends), np.empty(PIECES, np.int32)
    for r in range(len(ends) - 1):
        _, n = tokenise(data, ends[r], ends[r + 1], folds, text)
        for t in range(min(n, out.shape[1])):
            count = token_pieces(text, t, mask, found)
            out[r, t, :count] = found[:count] + 1
        head[r] = min(text.head[0], out.shape[1])


class Vectors(NamedTuple):
    """Vectors of the tokens of all texts one after the other.

    Parameters
    ----------
    vectors : ndarray of shape (n_tokens, d), float32
    known : ndarray of shape (n_tokens,), bool
        False where training saw nothing of a token.
    sizes, heads : ndarray of shape (n_texts,), int64
        Tokens of each text, and of its headline.
    """

    vectors: Floats
    known: npt.NDArray[np.bool_]
    sizes: npt.NDArray[np.int64]
    heads: npt.NDArray[np.int64]


@compiled
def _vectors(data: Bytes, ends: Any, folds: Folds, row: Any, values: Any, scale: Any, longest: int) -> Vectors:
    """Read the texts and look their tokens up."""
    text, found, d = room(ends), np.empty(PIECES, np.int32), values.shape[1]
    sizes, heads, total = np.zeros(len(ends) - 1, np.int64), np.zeros(len(ends) - 1, np.int64), 0
    for r in range(len(ends) - 1):
        _, n = tokenise(data, ends[r], ends[r + 1], folds, text)
        sizes[r], heads[r] = min(n, longest), min(text.head[0], longest)
        total += sizes[r]
    vectors, known, at = np.zeros((total, d), np.float32), np.zeros(total, np.bool_), 0
    for r in range(len(ends) - 1):
        tokenise(data, ends[r], ends[r + 1], folds, text)
        for t in range(sizes[r]):
            count, found_pieces = token_pieces(text, t, len(row) - 1, found), 0
            for j in range(count):
                i = row[found[j]]
                if i > 0:
                    found_pieces += 1
                    for k in range(d):
                        vectors[at, k] += np.float32(values[i, k]) * scale[i]
            if found_pieces > 0:
                known[at] = True
                vectors[at] /= np.float32(np.sqrt(found_pieces))
            at += 1
    return Vectors(vectors, known, sizes, heads)


@compiled
def _pool(parts: Floats, bias: Floats, read: Vectors) -> Floats:
    """Largest value of each filter over a text, 0 at least, and the mean vector, then both over the headline alone.

    Shape (n_texts, 2 (3 f + d)). ``parts`` has for each token the product with the six parts of the filters: a, b b',
    c c' c''. A filter of two tokens at t is b_t + b'_{t+1}; beyond the end of the text its parts are 0. A token that is
    not known counts for the filters of those before it only.
    """
    f, d, n = len(bias) // FILTERS, read.vectors.shape[1], len(read.sizes)
    one = FILTERS * f + d
    out, begin = np.zeros((n, 2 * one), np.float32), 0
    for r in range(n):
        end, head = begin + read.sizes[r], begin + read.heads[r]
        of_text, of_head = max(1, read.known[begin:end].sum()), max(1, read.known[begin:head].sum())
        for t in range(begin, end):
            if not read.known[t]:
                continue
            part = 0
            for width in range(1, FILTERS + 1):
                for k in range(f):
                    at = (width - 1) * f + k
                    value = bias[at]
                    for ahead in range(min(width, end - t)):
                        value += parts[t + ahead, (part + ahead) * f + k]
                    out[r, at] = max(out[r, at], value)
                    if t < head:
                        out[r, one + at] = max(out[r, one + at], value)
                part += width
            for k in range(d):
                out[r, FILTERS * f + k] += read.vectors[t, k] / np.float32(of_text)
                if t < head:
                    out[r, one + FILTERS * f + k] += read.vectors[t, k] / np.float32(of_head)
        begin = end
    return out
