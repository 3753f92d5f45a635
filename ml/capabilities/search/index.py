"""The index of a catalogue: words, stems and what each says of which products, by BM25F."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.search.spec import Params
from ml.text.measures import measures
from ml.text.words import fold, stemmer, words

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]

FIELDS = ("title", "category", "brand", "description", "product_id")
JOINED = 200_000
"""Most pairs of words that are known as one."""
SHORTEST, LONGEST = 4, 24
"""Letters of words that may be slips of others."""


class Word(NamedTuple):
    """What a word stands for: terms of the index, how often it stands somewhere, and what kind of entry it is."""

    terms: tuple[str, ...]
    frequency: float
    kind: str


class Postings(NamedTuple):
    """Products of a term, those that it says most of first, and how much it says of each (0 to 1)."""

    ids: Ids
    impacts: Floats


@dataclass
class Index:
    """A catalogue, ready to be searched. Product number i is row i of ``products``, which is sorted by id."""

    products: pa.Table
    language: str
    idf: dict[str, float] = field(default_factory=dict)
    """By term; of the rarest 1."""
    counts: dict[str, int] = field(default_factory=dict)
    postings: dict[str, Postings] = field(default_factory=dict)
    words: dict[str, Word] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """``category:<stems>`` and ``brand:<stems>`` -> its name."""
    popularity: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    vectors: Floats | None = None
    """(n_products, n_dimensions), of length 1 or 0."""
    term_vectors: Mapping[str, Floats] = field(default_factory=dict)
    """By term, times idf."""

    def __len__(self) -> int:
        return int(self.products.num_rows)

    @property
    def stem(self) -> Callable[[str], str]:
        """Stem of a word in the catalogue's language."""
        return stemmer(self.language)


def build(products: pa.Table, language: str, params: Params, typed: Mapping[str, float]) -> Index:
    """Make the index of the products.

    Parameters
    ----------
    products : pyarrow.Table
        ``product`` of the features.
    language : str
        Of the catalogue.
    typed : mapping of str to float
        Queries that enough customers asked, folded, with how often: their words are known, too.
    """
    index = Index(products.sort_by("product_id").combine_chunks(), language)
    texts = {name: [fold(text) for text in index.products[name].to_pylist()] for name in FIELDS}
    _weigh(index, texts, params)
    _know(index, texts, typed)
    sold = index.products["sold"].to_numpy()
    most = np.log1p(sold.max(initial=0.0))
    index.popularity = (np.log1p(sold) / most if most else sold).astype(np.float32)
    for kind in ("category", "brand"):
        for name in sorted(set(index.products[kind].to_pylist()) - {""}, reverse=True):
            if stems := stems_of(name, index.stem):
                index.names[f"{kind}:{' '.join(stems)}"] = name
    return index


def stems_of(text: str, stem: Callable[[str], str]) -> list[str]:
    """Stems of a text's words, in order."""
    return [stem(word) for word in words(fold(text))]


def _weigh(index: Index, texts: Mapping[str, Sequence[str]], params: Params) -> None:
    """BM25F: tf = sum over fields of weight * count / (1 - b + b * length / mean length); impact = idf tf / (k1 + tf)."""
    weights = dict(
        zip(FIELDS, (params.title_weight, params.category_weight, params.brand_weight, 1.0, 1.0), strict=True)
    )
    vocabulary: dict[str, int] = {}
    n, stem = len(index), index.stem
    keys, values = [], []
    for name, weight in weights.items():
        rows, terms = [], []
        for row, text in enumerate(texts[name]):
            found = [stem(word) for word in words(text)] + [word for word, _ in measures(text)]
            if name == "product_id":
                found = ["".join(words(text))]
            rows.append(np.full(len(found), row))
            terms.append(np.array([vocabulary.setdefault(term, len(vocabulary)) for term in found], np.int64))
        row_of, term_of = (np.concatenate([np.zeros(0, np.int64), *part]) for part in (rows, terms))
        length = np.bincount(row_of, minlength=n)
        mean = length[length > 0].mean() if len(row_of) else 1.0
        thinned = weight / (1 - params.length + params.length * length / mean)
        keys.append(term_of * n + row_of)
        values.append(thinned[row_of])
    every, value = np.concatenate(keys), np.concatenate(values)
    pairs, inverse = np.unique(every, return_inverse=True)
    tf = np.bincount(inverse, value, len(pairs))
    of_term, of_row = np.divmod(pairs, max(n, 1))
    counts = np.bincount(of_term, minlength=len(vocabulary))
    idf = np.log1p((n - counts + 0.5) / (counts + 0.5))
    idf /= np.log1p((n + 0.5) / 0.5) if n else 1.0
    impact = (idf[of_term] * tf / (params.saturation + tf)).astype(np.float32)
    order = np.lexsort((of_row, -impact, of_term))
    ends = np.cumsum(counts)
    for name, number in vocabulary.items():
        places = order[ends[number] - counts[number] : ends[number]][: params.postings]
        index.postings[name] = Postings(of_row[places].astype(np.int32), impact[places])
        index.counts[name], index.idf[name] = int(counts[number]), float(np.float32(idf[number]))


def _know(index: Index, texts: Mapping[str, Sequence[str]], typed: Mapping[str, float]) -> None:
    """Words as they are written in the catalogue and in queries."""
    stem, seen = index.stem, Counter[str]()
    for name in ("title", "category", "brand", "description"):
        for text in texts[name]:
            seen.update(words(text))
    frequency = {word: float(count) for word, count in seen.items()}
    for query, weight in sorted(typed.items()):
        for word in words(query):
            if stem(word) in index.postings:
                frequency[word] = frequency.get(word, 0.0) + weight
    index.words = {word: Word((stem(word),), times, "word") for word, times in frequency.items()}
    for text in texts["product_id"]:
        code = "".join(words(text))
        if code:
            index.words.setdefault(code, Word((code,), 0.0, "code"))
    for (a, b), times in _pairs(texts["title"]):
        index.words.setdefault(a + b, Word((stem(a), stem(b)), float(times), "joined"))


def _pairs(titles: Sequence[str]) -> list[tuple[tuple[str, str], int]]:
    """Two words in a row of a title, which somebody may write as one; the most frequent."""
    found = Counter[tuple[str, str]]()
    for title in titles:
        found.update(pair for pair in pairwise(words(title)) if len(pair[0]) + len(pair[1]) <= LONGEST)
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))[:JOINED]


def deletions(word: str, most: int = 1) -> set[str]:
    """The word, and what is left of it without up to ``most`` of its letters.

    Examples
    --------
    >>> sorted(deletions("tea"))
    ['ea', 'ta', 'te', 'tea']
    """
    found = level = {word}
    for _ in range(most):
        level = {left[:i] + left[i + 1 :] for left in level for i in range(len(left))}
        found = found | level
    return found


def spellings(known: Mapping[str, Word]) -> dict[str, list[str]]:
    """By what is left of a word without one letter, the words that it may be; only of those that may be meant."""
    found: dict[str, list[str]] = {}
    for word in sorted(known, key=lambda name: (-known[name].frequency, name)):
        if correctable(word) and known[word].kind == "word":
            for variant in deletions(word):
                found.setdefault(variant, []).append(word)
    return {variant: few[:12] for variant, few in found.items()}


def correctable(word: str) -> bool:
    """Whether a word is long enough to be a slip of another, and no code: a digit is never a slip."""
    return SHORTEST <= len(word) <= LONGEST and not any(letter.isdigit() for letter in word)


def distance(a: str, b: str) -> int:
    """Letters to add, drop, change or swap with the next (optimal string alignment).

    Examples
    --------
    >>> distance("coffee", "cofefe"), distance("tea", "tee")
    (1, 1)
    """
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        now = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, now[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            now.append(cost)
        before, last = last, now
    return last[-1]


def best(wrong: str, known: Mapping[str, Word], spelling: Callable[[str], Iterable[str]]) -> str | None:
    """The word that was meant by one that nobody knows: the nearest, with the same first letter, the most frequent."""
    if not correctable(wrong):
        return None
    may = {word for variant in deletions(wrong, 2 if len(wrong) >= 8 else 1) for word in spelling(variant)}
    most = 2 if len(wrong) >= 8 else 1
    ranked = [(distance(wrong, word), word[0] != wrong[0], -known[word].frequency, word) for word in may]
    ranked = [entry for entry in ranked if entry[0] <= most]
    return min(ranked)[-1] if ranked else None
