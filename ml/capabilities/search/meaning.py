"""What words and products mean, as vectors: of English by a sentence model that words imitate, else by the words beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.search.index import Index, stems_of
from ml.capabilities.search.spec import DIMENSIONS, Params
from ml.core.batches import ARROW
from ml.text import sentences, word_vectors
from ml.text.words import fold, stemmer, words

Floats = npt.NDArray[np.float32]

LONGEST = 150
"""Characters of a title that are read."""
_PER_PRODUCT = 2
"""Word runs by product in a small catalogue."""


@dataclass
class Meaning:
    """Vectors of stems, times their rarity; and how a sentence model's vectors become as short (none: no such model)."""

    terms: dict[str, Floats] = field(default_factory=dict)
    basis: Floats | None = None
    """(384, n_dimensions)."""

    def of_products(self, products: pa.Table, language: str, before: pa.Table | None) -> pa.Array:
        """Vector of each product by its title, of length 1; null where nothing of it is known."""
        titles = products["title"].to_pylist()
        if not self.terms:
            return pa.nulls(len(titles), ARROW["vector"])
        if self.basis is None:
            found = [self._sum(title, language) for title in titles]
        else:
            known = _known(before)
            new = [title for title in titles if title not in known]
            embedded = sentences.embed([title[:LONGEST] for title in new])
            # Not by BLAS, whose rounding depends on how many rows there are.
            known |= dict(zip(new, shortened(np.einsum("ij,jk->ik", embedded, self.basis)), strict=True))
            found = [known[title] for title in titles]
        return pa.array(
            [vector if vector is not None and np.any(vector) else None for vector in found], ARROW["vector"]
        )

    def _sum(self, title: str, language: str) -> Floats | None:
        stem = stemmer(language)
        parts = [self.terms[term] for term in stems_of(title, stem) if term in self.terms]
        return shortened(np.sum(parts, axis=0)[None])[0] if parts else None

    def save(self, folder: Path) -> None:
        """Write the vectors."""
        names = sorted(self.terms)
        (folder / "terms.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
        np.save(
            folder / "terms.npy",
            np.array([self.terms[name] for name in names], np.float16).reshape(len(names), DIMENSIONS),
        )
        np.save(folder / "basis.npy", np.zeros((0, 0), np.float32) if self.basis is None else self.basis)

    @classmethod
    def load(cls, folder: Path) -> Meaning:
        """Read what :meth:`save` wrote."""
        names = json.loads((folder / "terms.json").read_text(encoding="utf-8"))
        vectors = np.load(folder / "terms.npy", allow_pickle=False).astype(np.float32)
        basis = np.load(folder / "basis.npy", allow_pickle=False)
        return cls(dict(zip(names, vectors, strict=True)), basis if basis.size else None)


def shortened(vectors: Floats) -> Floats:
    """The vectors at length 1, as exact as Postgres keeps them."""
    length = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    short: Floats = (vectors / length).astype(np.float16).astype(np.float32)
    return short


def dense(column: pa.Array | pa.ChunkedArray) -> Floats:
    """A column of vectors as an array; a null is zeros."""
    rows = column.to_pylist()
    return np.array([row or [0.0] * DIMENSIONS for row in rows], np.float32).reshape(len(rows), DIMENSIONS)


def learn_meaning(index: Index, params: Params) -> Meaning:
    """Learn the vectors of a catalogue's words."""
    titles = [words(fold(title))[:40] for title in index.products["title"].to_pylist()]
    brands = [words(fold(brand)) for brand in index.products["brand"].to_pylist()]
    categories = [words(fold(category)) for category in index.products["category"].to_pylist()]
    if params.sentence_model and index.language == "en" and titles and sentences.available():
        most = min(params.word_runs, _PER_PRODUCT * len(titles))
        return _imitated(word_vectors.runs([title[:12] for title in titles], most, 0), index)
    stems = [
        [index.stem(word) for word in (*title, *brand, *category)]
        for title, brand, category in zip(titles, brands, categories, strict=True)
    ]
    return Meaning(_rounded(word_vectors.together(stems, index.idf, DIMENSIONS, 0)))


def _imitated(runs: list[tuple[str, ...]], index: Index) -> Meaning:
    """Words whose sums point where the sentence model does, in the dimensions in which its vectors differ most (PCA)."""
    whole = sentences.embed([" ".join(run) for run in runs])
    _, axes = np.linalg.eigh(whole.T.astype(np.float64) @ whole)
    basis = axes[:, ::-1][:, :DIMENSIONS]
    basis = (basis * np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(basis.shape[1])])).astype(np.float32)
    stems = [[index.stem(word) for word in run] for run in runs]
    return Meaning(_rounded(word_vectors.imitate(stems, whole @ basis, index.idf)), basis)


def _rounded(terms: Mapping[str, Floats]) -> dict[str, Floats]:
    return {term: vector.astype(np.float16).astype(np.float32) for term, vector in terms.items()}


def _known(before: pa.Table | None) -> dict[str, Floats | None]:
    """Vectors of titles that the same model read before."""
    if before is None or not len(before):
        return {}
    rows = zip(before["title"].to_pylist(), before["vector"].to_pylist(), strict=True)
    return {title: np.array(vector, np.float32) for title, vector in rows if vector is not None}
