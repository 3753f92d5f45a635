"""How alike products are: words of the title, brand, category and price; and by their pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array, diags_array

from ml.capabilities.recommender.tables.tonight import Bools, Floats, Ints, Tonight
from ml.kernels.compiled import Csr, Ids, Scores, compiled, share
from ml.kernels.groups import group_of
from ml.kernels.topk.dense import top_k_dense
from ml.kernels.topk.sparse import top_k_sparse

COMMON = 3000
"""A word (or category) of more products than this finds no candidates: it costs their square and tells nothing."""
STEP = 100_000


@dataclass(frozen=True)
class Texts:
    """Titles and brands as words weighted by rarity.

    Parameters
    ----------
    words : csr_array of shape (m, n_words), float32
        TF-IDF, each row of length 1 (or empty).
    """

    words: Csr

    @classmethod
    def of(cls, tonight: Tonight) -> Texts:
        """Cut titles and brands into words; letters and digits of any script, lower case."""
        products = tonight.products
        brand = products["brand"] if "brand" in products.column_names else pa.nulls(tonight.m, pa.string())
        text = pc.utf8_lower(pc.binary_join_element_wise(products["title"], pc.fill_null(brand, ""), " "))
        lists = pc.split_pattern_regex(text, r"[^\p{L}\p{N}]+")
        words = pc.list_flatten(lists).dictionary_encode()
        words = words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words
        row = pc.list_parent_indices(lists).to_numpy()
        empty = pc.equal(words.dictionary, "").to_numpy(zero_copy_only=False)
        word = words.indices.to_numpy()
        kept = ~empty[word] if len(word) else np.empty(0, bool)
        return cls(_rarity(row[kept].astype(np.int64), word[kept].astype(np.int64), (tonight.m, len(empty))))

    def cosine(self, i: Ints, j: Ints) -> Floats:
        """Cosine of the words of products ``i[p]`` and ``j[p]``: 0 to 1."""
        found = np.zeros(len(i))
        w = self.words
        args = w.indptr.astype(np.int64), w.indices.astype(np.int32), w.data

        def work(start: int, end: int) -> None:
            _cosines(*args, i[start:end], j[start:end], found[start:end])

        share(work, len(i), STEP)
        return found

    def nearest(self, tonight: Tonight, k: int) -> tuple[Ints, Ints]:
        """Pairs (i, j): each product's ``k`` nearest available ones by words within its category, and some at all events.

        Products without a category are held against each other.
        """
        w = csr_array(self.words)
        row = group_of(w.indptr)
        # A word means something else in each category, and the category is one more, faint, word.
        key = np.concatenate(
            [
                tonight.category[row] * (w.shape[1] + 1) + w.indices,
                tonight.category * (w.shape[1] + 1) + w.shape[1],
            ]
        )
        weight = np.concatenate([w.data, np.where(tonight.category > 0, 0.05, 0)]).astype(np.float32)
        rows = np.concatenate([row, np.arange(tonight.m)])
        _, place, count = np.unique(key, return_inverse=True, return_counts=True)
        kept = (count[place] <= COMMON) & (weight > 0)
        t = csr_array((weight[kept], (rows[kept], place[kept])), shape=(tonight.m, len(count)))
        towards = csr_array(diags_array(tonight.available.astype(np.float32)) @ t)
        ids, _, _ = top_k_sparse(t, csr_array(towards.T), k + 1)
        i, rank = np.nonzero(ids >= 0)
        j = ids[i, rank].astype(np.int64)
        return i[i != j], j[i != j]


@dataclass(frozen=True)
class Looks:
    """What products look like, see :mod:`ml.learn.looks`.

    Parameters
    ----------
    seen : ndarray of shape (m, d), float32
        Rows of length 1; 0 where there is no picture. No columns: a shop without pictures.
    wordless : ndarray of shape (m,), bool
        Of which no known word is written: the picture alone can tell.
    share : float
        What a picture counts beside words, as measured by the fit of the likeness by content.
    """

    seen: Scores
    wordless: Bools
    share: float

    @cached_property
    def shown(self) -> Bools:
        """Which products have a picture."""
        return np.asarray(self.seen.any(axis=1), bool)

    def instead(self, i: Ints, j: Ints) -> Bools:
        """Whether the pictures of products ``i[p]`` and ``j[p]`` stand for the words, as one of them has none."""
        return (self.wordless[i] | self.wordless[j]) & self.shown[i] & self.shown[j]

    def beside(self, words: Floats, i: Ints, j: Ints) -> Floats:
        """Likeness by words and pictures, given that by words: 0 to 1."""
        weight = np.where(self.instead(i, j), 1.0, self.share * (self.shown[i] & self.shown[j]))
        rows = np.flatnonzero(weight)
        made = words.copy()
        for start in range(0, len(rows), STEP):
            part = rows[start : start + STEP]
            cosine = np.einsum("pd,pd->p", self.seen[i[part]], self.seen[j[part]]).astype(np.float64)
            made[part] += weight[part] * (np.clip(cosine, 0, 1) - words[part])
        return made

    def nearest(self, tonight: Tonight, k: int) -> tuple[Ints, Ints]:
        """Pairs (i, j): each product without words and the ``k`` available ones that look most like it, both ways round."""
        asked, others = (np.flatnonzero(kind & self.shown) for kind in (self.wordless, tonight.available))
        if not len(asked) or not len(others):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        ids, _ = top_k_dense(self.seen[asked], self.seen[others], min(k + 1, len(others)))
        row, rank = np.nonzero(ids >= 0)
        i, j = asked[row], others[ids[row, rank]]
        back = tonight.available[i]
        i, j = np.concatenate([i, j[back]]), np.concatenate([j, i[back]])
        return i[i != j], j[i != j]


def same_category(tonight: Tonight, i: Ints, j: Ints) -> tuple[Bools, Bools]:
    """Whether the products' categories are the same one, and whether they are known to differ."""
    known = (tonight.category[i] > 0) & (tonight.category[j] > 0)
    same = tonight.category[i] == tonight.category[j]
    return known & same, known & ~same


def price_near(tonight: Tonight, i: Ints, j: Ints) -> Floats:
    """Ratio of the lower to the higher price, 0 to 1; ½ where one is not known."""
    price = pc.fill_null(tonight.products["price"], float("nan")).to_numpy().astype(np.float64)
    price = np.where(price > 0, price, np.nan)
    return np.nan_to_num(np.minimum(price[i], price[j]) / np.maximum(price[i], price[j]), nan=0.5)


def _rarity(row: Ints, word: Ints, shape: tuple[int, int]) -> Csr:
    """TF-IDF with log(1 + m / df); a word counts once a product."""
    there = csr_array((np.ones(len(row), np.float32), (row, word)), shape=shape)
    there.sum_duplicates()
    there.sort_indices()
    df = np.bincount(there.indices, minlength=shape[1])
    there.data = np.log1p(shape[0] / np.maximum(df, 1)).astype(np.float32)[there.indices]
    length = np.sqrt(np.add.reduceat(np.append(there.data**2, 0), there.indptr[:-1])) if shape[0] else np.empty(0)
    length = np.where(np.diff(there.indptr) > 0, length, 1)
    there.data /= np.repeat(length, np.diff(there.indptr)).astype(np.float32)
    return there


@compiled
def _cosines(ptr: Ints, words: Ids, weights: Scores, i: Ints, j: Ints, out: Floats) -> None:
    """Σ_w a_iw a_jw of each pair, by one walk along both sorted rows."""
    for p in range(len(i)):
        a, b = ptr[i[p]], ptr[j[p]]
        end_a, end_b = ptr[i[p] + 1], ptr[j[p] + 1]
        total = 0.0
        while a < end_a and b < end_b:
            if words[a] == words[b]:
                total += weights[a] * weights[b]
                a += 1
                b += 1
            elif words[a] < words[b]:
                a += 1
            else:
                b += 1
        out[p] = min(total, 1.0)
