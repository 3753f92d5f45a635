"""Vectors of products: of their picture by a network (or by hand-made measures), of their text, of what is bought with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.visual.attributes import classes, colours_of
from ml.capabilities.visual.network import Lessons, train
from ml.capabilities.visual.pictures import different, held, main_pictures
from ml.capabilities.visual.placing import Placer, discriminants, embeddings, inputs, place
from ml.capabilities.visual.spec import Params
from ml.core import artifacts
from ml.core.capability import Features, Rows
from ml.learn.descriptors import COLOURS, Floats, Pixels, describe, unit
from ml.learn.looks import directions, pixels_of
from ml.text.vectors import Text, embed_text, fit_text

FORMAT = 1
MOST = 60_000
"""Pictures that a fit looks at; the first by the hash of their content."""


class Behaviour(NamedTuple):
    """Vectors of products by what is bought with them.

    Parameters
    ----------
    ids : ndarray of shape (n,), str, sorted
    vectors : ndarray of shape (n, d), float32
        Rows of length 1.
    """

    ids: np.ndarray
    vectors: Floats

    def of(self, ids: list[str]) -> Floats:
        """The vectors of products, rows of zeros where nothing is known."""
        out = np.zeros((len(ids), self.vectors.shape[1]), np.float32)
        if len(self.ids) and ids:
            wanted = np.array(ids, dtype=str)
            place = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
            present = self.ids[place] == wanted
            out[present] = self.vectors[place[present]]
        return out


class Looks:
    """What places a shop's products.

    Parameters
    ----------
    params : Params
    learning : bool
        False: hand-made measures in as many dimensions (the gate's baseline).

    Attributes
    ----------
    placer_ : Placer
        What places pictures; without a network and classes where it is the baseline or there is too little to learn from.
    text_ : Text
    behaviour_ : Behaviour
    """

    def __init__(self, params: Params, seed: int = 0, *, learning: bool = True) -> None:
        self.params, self.seed, self.learning = params, seed, learning

    def fit(self, features: Features) -> Self:
        """Learn from every readable picture but those that are held out; forgets any earlier fit."""
        product = features["product"].sort_by("product_id")
        title, description = (product[name].combine_chunks() for name in ("title", "description"))
        self.text_ = fit_text(title, description, self.params.text_dimensions, self.seed)
        self.behaviour_ = _behaviour(features["pair"], self.params.behaviour_dimensions, self.seed)
        shown = different(main_pictures(features))
        shown = shown.filter(pc.invert(held(shown, self.params.held_share))).slice(0, MOST)
        pixels = pixels_of(shown["content"].to_pylist())
        self.placer_ = self._taught(shown, pixels)
        return self

    def images(self, pixels: Pixels) -> Floats:
        """Vectors of length 1 of pictures (n, 64, 48, 3)."""
        return place(self.placer_, pixels)

    def texts(self, product: pa.Table) -> Floats:
        """Vectors of products by their title and description; rows of zeros where no word is known."""
        return embed_text(self.text_, *(product[name].combine_chunks() for name in ("title", "description")))

    def save(self, folder: Path) -> None:
        """Write ``model.json``, ``arrays.npz`` and, if there is a network, ``encoder.tflite``."""
        placer = self.placer_._asdict()
        encoder, weight = placer.pop("encoder"), placer.pop("colour_weight")
        kept = {"format": FORMAT, "learning": self.learning, "colour_weight": weight}
        (folder / "model.json").write_text(json.dumps(kept), encoding="utf-8")
        arrays = placer | {"ids": self.behaviour_.ids, "behaviour": self.behaviour_.vectors.astype(np.float16)}
        arrays |= {f"text_{name}": part for name, part in self.text_._asdict().items()}
        np.savez(folder / "arrays.npz", **arrays)
        if encoder:
            (folder / "encoder.tflite").write_bytes(encoder)

    def _taught(self, shown: pa.Table, pixels: Pixels) -> Placer:
        measured = describe(pixels)
        measures = measured.vectors()
        lessons = self._lessons(shown, measured.colour())
        enough = (lessons.kind.of >= 0).sum() >= self.params.fewest and len(lessons.kind.names) > 1
        if self.learning and enough:
            return teach(measures, lessons, self.params, pixels, train(pixels, lessons, self.params, self.seed))
        none = np.zeros((measures.shape[1] + 1, 0), np.float32)
        return Placer(b"", *directions(measures, self.params.dimensions), none, none, self.params.colour_weight)

    def _lessons(self, shown: pa.Table, colours: np.ndarray) -> Lessons:
        seen = [COLOURS[which] for which in colours]
        colour = [named or saw for named, saw in zip(colours_of(shown["title"]), seen, strict=True)]
        kind = [category or "" for category in shown["category"].to_pylist()]
        behaviour = self.behaviour_.of(shown["product_id"].to_pylist())
        return Lessons(classes(kind), classes(colour), self.texts(shown), behaviour)


def teach(measures: Floats, lessons: Lessons, params: Params, pixels: Pixels, encoder: bytes) -> Placer:
    """Fit the discriminants on the measures of pictures and on what the network gives for them (none: measures alone)."""
    x = inputs(measures, embeddings(encoder, pixels))
    kind, colour = (discriminants(x, part.of, len(part.names)) for part in (lessons.kind, lessons.colour))
    return Placer(encoder, *directions(measures, params.look_dimensions), kind, colour, params.colour_weight)


def _behaviour(pair: pa.Table, dimensions: int, seed: int) -> Behaviour:
    """Factors of the positive pointwise mutual information of what is bought together (Levy & Goldberg, NIPS 2014)."""
    from scipy.sparse import csr_array
    from sklearn.utils.extmath import randomized_svd

    pair = pair.sort_by([("product_id", "ascending"), ("other_id", "ascending")])
    ids, row = np.unique(np.array(pair["product_id"].to_pylist(), dtype=str), return_inverse=True)
    n = len(ids)
    column = np.searchsorted(ids, np.array(pair["other_id"].to_pylist(), dtype=str))
    orders = pair["orders"].to_numpy().astype(np.float64)
    total = np.bincount(row, orders, n)
    if n < 3:
        return Behaviour(ids, np.zeros((n, 1), np.float32))
    together = np.maximum(np.log(orders * total.sum() / (total[row] * total[column])), 0)
    matrix = csr_array((together, (row, column)), shape=(n, n))
    left, size, _ = randomized_svd(matrix, min(dimensions, n - 1), n_iter=4, random_state=seed)
    # Rounded as they are saved, so that a model that was read back is the same.
    return Behaviour(ids, unit((left * np.sqrt(size)).astype(np.float32)).astype(np.float16).astype(np.float32))


def fit(features: Features, params: Params, seed: int) -> Looks:
    """Fit the model."""
    return Looks(params, seed).fit(features)


def fit_baseline(features: Features, params: Params, seed: int) -> Looks:
    """Fit the hand-made measures."""
    return Looks(params, seed, learning=False).fit(features)


def load(folder: Path) -> Looks:
    """Read what :meth:`Looks.save` wrote. Nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    with artifacts.reading(folder, "visual", FORMAT) as kept:
        model = Looks(Params(), learning=kept["learning"])
        path = folder / "encoder.tflite"
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            model.placer_ = Placer(
                path.read_bytes() if path.exists() else b"",
                arrays["centre"],
                arrays["basis"],
                arrays["kind"],
                arrays["colour"],
                kept["colour_weight"],
            )
            model.behaviour_ = Behaviour(arrays["ids"], arrays["behaviour"].astype(np.float32))
            model.text_ = Text(*(arrays[f"text_{name}"] for name in Text._fields))
    return model


def vectors_of(model: Looks, features: Rows, shown: pa.Table) -> Floats:
    """Vectors of pictures; those of the night before are taken where the same version made them of the same content."""
    before = features.get("before_product_vector")
    hashes = shown["content_hash"].to_pylist()
    known = {} if before is None else _carried(before)
    new = [row for row, digest in enumerate(hashes) if digest not in known]
    computed = model.images(pixels_of(shown["content"].take(pa.array(new, pa.int64())).to_pylist()))
    if not known:
        return computed
    out = np.empty((len(hashes), computed.shape[1]), np.float32)
    out[new] = computed
    for row, digest in enumerate(hashes):
        if digest in known:
            out[row] = known[digest]
    return out


def _carried(before: pa.Table) -> dict[str, np.ndarray]:
    filled = before.filter(pc.is_valid(before["image"])).select(["content_hash", "image"]).combine_chunks()
    if not len(filled):
        return {}
    rows = filled["image"].combine_chunks().flatten().to_numpy().reshape(len(filled), -1)
    return dict(zip(filled["content_hash"].to_pylist(), rows, strict=True))
