"""A linear model over hashed word and character n-grams: support vectors and their naive-Bayes twin, averaged.

A text's features are the n-grams that it has, each once, weighted by its inverse document frequency. They are of four
groups, of length 1 each: of words, of characters, which count ``char_weight``, and both once more of the headline alone,
which count ``head_weight``. Grades are learned as a scale (Frank & Hall, ECML
2001): for each step of it, which texts are above. Two models answer: a support vector machine (squared hinge) on the
features, and one on the features times their absolute log-count ratio (Wang & Manning, ACL 2012). Both are linear in the
same features, so that their mean is one weight per bucket and step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import Csr, compiled, share
from ml.kernels.threads import threads
from ml.text.ngrams import CHARS, WORDS, room_for_grams, token_grams
from ml.text.params import TextParams
from ml.text.tokens import Bytes, Folds, Texts, Tokens, folds, room, tokenise

Floats = npt.NDArray[np.float32]
STEP = 4_096
NEAR = 1e-8


class Linear(NamedTuple):
    """Fitted weights: z_k = Σ_g s_g Σ_i idf_i w_ik / |idf|_g + b_k over a text's n-grams i of groups g.

    Parameters
    ----------
    idf : ndarray of shape (n_buckets,), float32
        Inverse document frequency; 0 where the training texts had too few.
    weights : ndarray of shape (n_buckets, n_steps), float32
    bias : ndarray of shape (n_steps,), float32
    shares : ndarray of shape (4,), float32
        What each group counts: words, characters, and both of the headline.
    """

    idf: Floats
    weights: Floats
    bias: Floats
    shares: Floats

    @property
    def mask(self) -> int:
        return len(self.idf) - 1


class Counted(NamedTuple):
    """Texts as a sparse matrix ``x`` of shape (n_texts, n_kept), whose column j is bucket ``kept[j]``."""

    x: Csr
    kept: npt.NDArray[np.int64]
    idf: Floats


def shares(params: TextParams) -> Floats:
    """What each group of n-grams counts."""
    return np.outer([1, params.head_weight], [1, params.char_weight]).ravel().astype(np.float32)


def count(texts: Texts, params: TextParams) -> Counted:
    """Weigh the n-grams of the training texts."""
    buckets, groups, ends = presence(texts, params.bits)
    rows = np.repeat(np.arange(len(texts)), np.diff(ends))
    idf = _idf(buckets, len(texts), params)
    return Counted(*_matrix(rows, buckets, groups, idf, len(texts), params), idf)


def solve(
    counted: Counted,
    rows: npt.NDArray[np.int64],
    grades: npt.NDArray[np.int64],
    importance: Floats,
    n_grades: int,
    params: TextParams,
) -> Linear:
    """Fit on ``rows`` of what was counted, of which some are above each step and some are not.

    ``grades``, from 0 to ``n_grades - 1``, and ``importance`` are of all texts.
    """
    weights, bias = np.zeros((len(counted.idf), n_grades - 1), np.float32), np.zeros(n_grades - 1, np.float32)
    x, grades, importance = counted.x[rows], grades[rows], importance[rows]
    for step in range(n_grades - 1):
        weights[counted.kept, step], bias[step] = _one(x, grades > step, importance, params)
    return Linear(counted.idf, _halved(weights), bias, shares(params))


def predict(counted: Counted, rows: npt.NDArray[np.int64], model: Linear) -> Floats:
    """What :func:`logits` gives for texts that were counted already."""
    return np.asarray(counted.x[rows] @ model.weights[counted.kept] + model.bias, np.float32)


def _halved(weights: Floats) -> Floats:
    """Precision that a file of half the size has, so that a saved model is the fitted one."""
    return np.asarray(weights.astype(np.float16), np.float32)


def _idf(buckets: npt.NDArray[np.int32], n: int, params: TextParams) -> Floats:
    df = np.bincount(buckets, minlength=1 << params.bits)
    return _halved(np.where(df >= params.min_reviews, np.log((1 + n) / (1 + df)) + 1, 0.0).astype(np.float32))


def _matrix(
    rows: npt.NDArray[np.int64],
    buckets: npt.NDArray[np.int32],
    groups: npt.NDArray[np.int8],
    idf: Floats,
    n: int,
    params: TextParams,
) -> tuple[Csr, npt.NDArray[np.int64]]:
    """The features of all texts as a sparse matrix of the buckets that are used, and which those are."""
    from scipy.sparse import csr_matrix

    values = idf[buckets]
    for group, counts in enumerate(shares(params)):
        of_group = groups == group
        norm = np.sqrt(np.bincount(rows[of_group], values[of_group] ** 2, minlength=n))
        values[of_group] *= (counts / np.maximum(norm, NEAR))[rows[of_group]].astype(np.float32)
    kept = np.flatnonzero(idf)
    place = np.zeros(len(idf), np.int32)
    place[kept] = np.arange(len(kept))
    used = values > 0
    return csr_matrix((values[used], (rows[used], place[buckets[used]])), shape=(n, len(kept))), kept


def _one(x: Csr, above: npt.NDArray[np.bool_], importance: Floats, params: TextParams) -> tuple[Floats, float]:
    """Weights and bias of one step."""
    from scipy.sparse import diags_array
    from sklearn.svm import LinearSVC

    ratio = _log_count_ratio(x, above, importance)
    total, bias = np.zeros(x.shape[1], np.float32), 0.0
    # Half the strength for the twin: its larger features follow the training texts closer.
    for scale, strength in ((np.ones_like(ratio), params.strength), (np.abs(ratio), params.strength / 2)):
        # Chosen by itself it would be the primal where texts outnumber n-grams: 13 s instead of 4 for 100,000 texts.
        model = LinearSVC(C=strength, dual=True, random_state=0, max_iter=2000, tol=1e-3)
        model.fit((x @ diags_array(scale)).tocsr(), above, sample_weight=importance)
        total += (model.coef_[0] * scale / 2).astype(np.float32)
        bias += float(model.intercept_[0]) / 2
    return total, bias


def _log_count_ratio(x: Csr, above: npt.NDArray[np.bool_], importance: Floats) -> Floats:
    """r_i = ln((p_i / |p|) / (q_i / |q|)), p_i = 1 + how many texts above the step have n-gram i, q_i of the others."""
    binary = x.copy()
    binary.data = np.ones_like(binary.data)
    p, q = (1 + binary.T @ np.where(rows, importance, 0) for rows in (above, ~above))
    return np.asarray(np.log(p / p.sum()) - np.log(q / q.sum()), np.float32)


def presence(texts: Texts, bits: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """Buckets of each text's n-grams, each once; the group of each; and where each text's end.

    Text i has entries ``ends[i]:ends[i + 1]``.
    """
    ends = np.zeros(len(texts) + 1, np.int64)
    seen = np.full(1 << bits, -1, np.int64)
    most = int(_most(texts.data, texts.ends, folds()))
    buckets, groups = np.empty(most, np.int32), np.empty(most, np.int8)
    _presence(texts.data, texts.ends, folds(), seen, buckets, groups, ends)
    return buckets[: ends[-1]].copy(), groups[: ends[-1]].copy(), ends


def logits(model: Linear, texts: Texts) -> Floats:
    """Scores of each text and step before calibration, shape (n_texts, n_steps)."""
    out = np.empty((len(texts), len(model.bias)), np.float32)

    def work(start: int, end: int) -> None:
        _logits(texts.data, texts.ends[start : end + 1], folds(), model, out[start:end])

    # Long pieces: each begins with a clean slate of all buckets.
    share(work, len(texts), max(STEP, len(texts) // (4 * threads())))
    return out


class Sums(NamedTuple):
    """What is added up over n-grams that were not met since the last ``stamp``.

    ``parts`` has shape (4, n_steps + 1), a row a group; columns are the steps, then Σ idf².
    """

    seen: npt.NDArray[np.int32]
    grams: npt.NDArray[np.int32]
    parts: npt.NDArray[np.float64]


@compiled
def _most(data: Bytes, ends: Any, folds: Folds) -> int:
    """A number that the n-grams of all texts do not exceed."""
    text, total = room(ends), 0
    for r in range(len(ends) - 1):
        _, t = tokenise(data, ends[r], ends[r + 1], folds, text)
        for tokens in (t, text.head[0]):
            total += tokens * WORDS + (text.starts[tokens] + 2 * tokens) * (CHARS - 1)
    return total


@compiled
def _presence(data: Bytes, ends: Any, folds: Folds, seen: Any, buckets: Any, groups: Any, out: Any) -> None:
    text, m = room(ends), 0
    grams = room_for_grams(text)
    for r in range(len(ends) - 1):
        _, t = tokenise(data, ends[r], ends[r + 1], folds, text)
        for head in range(2):
            last = text.head[0] if head else t
            for k in range(last):
                words, of_chars = token_grams(text, k, last, head, len(seen) - 1, grams)
                for j in range(words + of_chars):
                    if seen[grams[j]] != r:
                        seen[grams[j]] = r
                        buckets[m], groups[m] = grams[j], 2 * head + (j >= words)
                        m += 1
        out[r + 1] = m


@compiled
def nothing(model: Linear, text: Tokens) -> Sums:
    """Sums before the first text."""
    return Sums(
        np.full(len(model.idf), -1, np.int32),
        room_for_grams(text),
        np.zeros((len(model.shares), len(model.bias) + 1), np.float64),
    )


@compiled
def add_up(text: Tokens, first: int, last: int, model: Linear, stamp: int, sums: Sums) -> None:
    """Add up tokens ``first … last - 1`` into ``sums.parts``; a ``stamp`` is used once."""
    steps = len(model.bias)
    sums.parts[:] = 0
    for head in range(2):
        until = min(last, text.head[0]) if head else last
        for k in range(first, until):
            words, of_chars = token_grams(text, k, until, head, len(model.idf) - 1, sums.grams)
            for j in range(words + of_chars):
                i = sums.grams[j]
                value = model.idf[i]
                if value == 0 or sums.seen[i] == stamp:
                    continue
                sums.seen[i] = stamp
                group = 2 * head + (j >= words)
                for c in range(steps):
                    sums.parts[group, c] += value * model.weights[i, c]
                sums.parts[group, steps] += value * value


@compiled
def factor(model: Linear, sums: Sums, group: int) -> float:
    """What one unit of group ``group`` counts: s_g / |idf|_g; 0 where a text has none of it."""
    norm = sums.parts[group, len(model.bias)]
    return model.shares[group] / np.sqrt(norm) if norm > 0 else 0.0


@compiled
def finish(model: Linear, sums: Sums, out: Any) -> None:
    """Write the scores of what was added up."""
    for c in range(len(model.bias)):
        out[c] = model.bias[c]
        for group in range(len(model.shares)):
            out[c] += factor(model, sums, group) * sums.parts[group, c]


@compiled
def _logits(data: Bytes, ends: Any, folds: Folds, model: Linear, out: Any) -> None:
    text = room(ends)
    sums = nothing(model, text)
    for r in range(len(ends) - 1):
        _, t = tokenise(data, ends[r], ends[r + 1], folds, text)
        add_up(text, 0, t, model, r, sums)
        finish(model, sums, out[r])
