"""What the likeness by content keeps, and its files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import csr_array

from ml.capabilities.recommender.candidates.looked import borrowed, joined
from ml.capabilities.recommender.candidates.mixed_knn import Traits
from ml.core.errors import ArtifactError
from ml.kernels.compiled import Csr, Ids, Scores
from ml.learn.looks import Looks
from ml.learn.purchases import NEVER
from ml.text.vectors import Text

FORMAT = 2

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Params:
    """Parameters of the likeness by content; chosen on windows before any that is reported."""

    dimensions: int = 192
    look_dimensions: int = 64
    neighbours: int = 50
    """Products kept as near to each."""
    weight_text: float = 1.0
    weight_category: float = 0.3
    weight_brand: float = 0.2
    weight_price: float = 0.4
    price_width: float = 1.0
    """σ: prices whose natural logarithms differ by more are not alike."""
    sharpness: int = 3
    """γ: the higher, the more a single near product counts, and many that are half near count less."""
    recent: int = 100
    """Lines of a customer that are looked at, the latest."""
    half_life_days: float = 60.0
    fresh: float = 1.0
    """How much more a product counts on the day it is listed."""
    fresh_half_life_days: float = 14.0


@dataclass(frozen=True)
class Content:
    """The projections of texts and pictures, and the products of the fit with the nearest of each.

    Attributes
    ----------
    share : float
        p: what pictures count beside words.
    words : ndarray of shape (n_products, n_dimensions), float32
        Of the texts alone; 0 where no term is known.
    seen : ndarray of shape (n_products, n_look_dimensions), float32
        Of the pictures alone; 0 where there is none.
    product_id : pyarrow.Array of shape (n_products,)
    traits : Traits
    near : ndarray of shape (n_products, neighbours), int32
        Most alike first; -1 where there are no more.
    until : int
        The time (seconds since 1970) for which ``graph`` is made.
    graph : csr_array of shape (n_products, n_products), float32
        Row j: what is near to j; values s_ij^γ times the freshness of i.
    """

    params: Params
    text: Text
    looks: Looks
    share: float
    words: Scores
    seen: Scores
    product_id: pa.Array
    traits: Traits
    near: Ids
    until: int
    graph: Csr


def save(state: Content, folder: Path) -> None:
    """Write ``content.json`` and ``content.npz``."""
    story = {
        "format": FORMAT,
        "params": asdict(state.params),
        "share": state.share,
        "product_id": state.product_id.to_pylist(),
    }
    (folder / "content.json").write_text(json.dumps(story, ensure_ascii=False), encoding="utf-8")
    parts = {"near": state.near, "words": state.words, "seen": state.seen, **state.text._asdict()}
    parts |= {f"look_{name}": values for name, values in state.looks._asdict().items()}
    parts |= {f"trait_{name}": values for name, values in state.traits._asdict().items() if name != "text"}
    np.savez(folder / "content.npz", **parts)


def load(folder: Path) -> Content:
    """Read what :func:`save` wrote; nothing in the files is executed.

    Raises
    ------
    ArtifactError
        A file is missing or has another format.
    """
    try:
        story = json.loads((folder / "content.json").read_text(encoding="utf-8"))
        with np.load(folder / "content.npz", allow_pickle=False) as arrays:
            text = Text(*(arrays[name] for name in Text._fields))
            looks = Looks(*(arrays[f"look_{name}"] for name in Looks._fields))
            words, seen = arrays["words"], arrays["seen"]
            traits = Traits(
                joined(borrowed(words, seen), seen, story["share"]),
                *(arrays[f"trait_{name}"] for name in Traits._fields[1:]),
            )
            ids = pa.array(story["product_id"], pa.string())
            # Of no time: the graph is made by the first update.
            return Content(
                Params(**story["params"]),
                text,
                looks,
                story["share"],
                words,
                seen,
                ids,
                traits,
                arrays["near"],
                NEVER,
                csr_array((0, 0)),
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            "The files of the likeness by content cannot be read.",
            came=f"{type(error).__name__}: {error}",
            do="train it again: ./nightshift train recommender",
        ) from error
