"""py3langid's scores of many texts at once: its automaton and its naive Bayes (Lui & Baldwin 2011), compiled.

One text takes a tenth of the time; the chances are those of ``LanguageIdentifier.rank`` but for the rounding of a sum.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml.kernels.compiled import compiled

Floats = npt.NDArray[np.float32]


class Tables(NamedTuple):
    """What py3langid learned.

    Parameters
    ----------
    moves : ndarray of shape (n,), integers
        Next state by ``rows[state] + byte``.
    rows, found : ndarray of shape (n_states,), int64
        Begin of a state's moves; the feature that ends in it, -1: none.
    terms : ndarray of shape (n_features, n_columns), uint16
        Log-likelihoods as the bits of half floats; ``values`` has the number of each.
    values : ndarray of shape (65536,), float32
    prior : ndarray of shape (n_columns,), float32
    languages : tuple of str
        Of each column; one that stands twice counts with its first column.
    twice : tuple of (int, int)
        First and second column of such a language.
    """

    moves: npt.NDArray[Any]
    rows: npt.NDArray[np.int64]
    found: npt.NDArray[np.int64]
    terms: npt.NDArray[np.uint16]
    values: Floats
    prior: Floats
    languages: tuple[str, ...]
    twice: tuple[tuple[int, int], ...]


@cache
def tables() -> Tables:
    """The model that comes with py3langid."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    read = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    names = list(read.nb_classes)
    return Tables(
        np.frombuffer(read.tk_nextmove, read.tk_nextmove.typecode),
        np.array(read._rowbase, np.int64),  # noqa: SLF001 - state times 256 where the moves are not shared
        np.array(read.tk_output, np.int64),
        np.ascontiguousarray(read.nb_ptc, np.float16).view(np.uint16),
        np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32),
        np.asarray(read.nb_pc, np.float32),
        tuple(names),
        tuple((names.index(name), i) for i, name in enumerate(names) if names.index(name) != i),
    )


def chances(texts: Sequence[str]) -> Floats:
    """Chance of each language of ``tables().languages``, shape (n_texts, n_columns); each text by itself.

    Examples
    --------
    >>> found = chances(["Where is my parcel?", "Wo ist mein Paket?"])
    >>> [tables().languages[best] for best in found.argmax(axis=1)]
    ['en', 'de']
    """
    model = tables()
    encoded = [_encoded(text) for text in texts]
    ends = np.concatenate([[0], np.cumsum([len(text) for text in encoded])]).astype(np.int64)
    data = np.frombuffer(b"".join(encoded), np.uint8)
    scores = _scores(model.moves, model.rows, model.found, model.terms, model.values, model.prior, data, ends)
    scores /= np.sqrt(np.maximum(np.diff(ends), 1))[:, None].astype(np.float32)
    found = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    found /= found.sum(axis=1, keepdims=True)
    for first, second in model.twice:
        found[:, first] += found[:, second]
        found[:, second] = 0
    return np.asarray(found, np.float32)


def _encoded(text: str) -> bytes:
    text = text.lower() if text.isupper() else text
    return unicodedata.normalize("NFC", text).encode("utf8", errors="surrogatepass")


@compiled
def _scores(moves: Any, rows: Any, found: Any, terms: Any, values: Any, prior: Any, data: Any, ends: Any) -> Any:
    """Log P(l) + Σ_f log(1 + n_f) log P(f | l) of each text; 0 where it has no feature."""
    n, m = len(ends) - 1, len(prior)
    out = np.zeros((n, m), np.float32)
    seen = np.empty(max(1, (ends[1:] - ends[:-1]).max()) if n else 1, np.int64)
    for i in range(n):
        state, k = 0, 0
        for at in range(ends[i], ends[i + 1]):
            state = moves[rows[state] + data[at]]
            if found[state] >= 0:
                seen[k] = found[state]
                k += 1
        if not k:
            continue
        features = np.sort(seen[:k])
        for j in range(m):
            out[i, j] = prior[j]
        start = 0
        while start < k:
            end = start + 1
            while end < k and features[end] == features[start]:
                end += 1
            weight = np.float32(np.log1p(end - start))
            row = terms[features[start]]
            for j in range(m):
                out[i, j] += weight * values[row[j]]
            start = end
    return out
