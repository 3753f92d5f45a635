"""The index of ``ml.answer``: a linear model over word stems that Postgres evaluates, learned from the same texts as the classifier.

A text's terms are its words, its pairs of words and the first five letters of each word; a score is Σ idf_t w_tk / ‖idf‖ over its
terms, those that are not known among them. A term of a filed ticket is kept only where that many tickets have it.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml.kernels.compiled import Csr
from ml.text import knowing, ridge
from ml.text.ridge import Labels
from ml.text.words import fold, words

LONGEST, PREFIX, KEPT = 1000, 5, 24
"""Characters of a question that are read; letters of a beginning; intents of a term that are kept, the strongest."""
PENALTY = 0.1
Phrases = dict[str, Any]
"""``terms``: by term [idf, intents' numbers, weights]; ``strange``: idf of a term that nobody wrote; ``knowing``."""


def terms(text: str) -> list[str]:
    """Terms of a text, each once, in order.

    Examples
    --------
    >>> terms("Cancel it")
    ['cancel', 'it', 'cancel it', 'cance*']
    """
    found = words(fold(text[:LONGEST]))
    pairs = [f"{one} {other}" for one, other in itertools.pairwise(found)]
    begins = [f"{word[:PREFIX]}*" for word in found if len(word) >= PREFIX]
    return list(dict.fromkeys([*found, *pairs, *begins]))


def learn(texts: Sequence[str], labels: Labels, n_classes: int, own: int, fewest: int, most: int) -> Phrases:
    """Fit on texts, of which the first ``own`` are the shop's; of the others a term counts where ``fewest`` have it."""
    read = [terms(text) for text in texts[:most]]
    labels = labels[: len(read)]
    of_shop = {term for some in read[:own] for term in some}
    df = Counter(term for some in read for term in some)
    kept = sorted(term for term, n in df.items() if term in of_shop or n >= fewest)
    n, number = len(read), {term: i for i, term in enumerate(kept)}
    strange = math.log(1 + n) + 1
    idf = {term: math.log((1 + n) / (1 + df[term])) + 1 for term in kept}
    x = _matrix(read, number, idf, strange)
    alpha, left = ridge.solve(np.asarray((x @ x.T).todense(), np.float64), labels, n_classes, PENALTY)
    weights = np.asarray(x.T @ alpha)
    found = {}
    for term, row in zip(kept, weights, strict=True):
        top = np.sort(np.argsort(-np.abs(row), kind="stable")[:KEPT])
        found[term] = [round(idf[term], 5), top.tolist(), [round(float(w), 5) for w in row[top]]]
    return {"terms": found, "strange": round(strange, 5), "knowing": knowing.learn(left, labels)._asdict()}


def _matrix(read: Sequence[Sequence[str]], number: Mapping[str, int], idf: Mapping[str, float], strange: float) -> Csr:
    from scipy.sparse import csr_array

    norms = [math.sqrt(sum(idf.get(term, strange) ** 2 for term in some)) or 1.0 for some in read]
    rows = [[(number[t], idf[t] / norm) for t in some if t in number] for some, norm in zip(read, norms, strict=True)]
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.array([column for row in rows for column, _ in row], np.int64)
    values = np.array([value for row in rows for _, value in row], np.float64)
    return csr_array((values, columns, ends), shape=(len(rows), len(number)))


def scores(phrases: Phrases, text: str, n_classes: int) -> list[float]:
    """Score of each intent, as ``ml.answer`` computes it."""
    total, square = [0.0] * n_classes, 0.0
    for term in terms(text):
        idf, intents, weights = phrases["terms"].get(term, (phrases["strange"], (), ()))
        square += idf**2
        for k, weight in zip(intents, weights, strict=True):
            total[k] += idf * weight
    return [value / math.sqrt(square) for value in total] if square else total
