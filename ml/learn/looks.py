"""What products' pictures look like as short vectors: hand-made measures in a few principal directions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ml.core.pictures import decoded, rgb
from ml.learn.descriptors import HEIGHT, WIDTH, Floats, Pixels, describe, unit

SIZE = 268
"""Of the measures of a picture, :meth:`ml.learn.descriptors.Described.vectors`."""
BLOCK = 1000
"""Pictures whose pixels are held at once."""


class Looks(NamedTuple):
    """A projection learned from the pictures of a shop; pictures that come later go through it unchanged."""

    centre: Floats
    """(268,): the measures' mean."""
    basis: Floats
    """(268, n_dimensions): principal directions."""


def fit_looks(contents: Sequence[str | None], dimensions: int) -> tuple[Looks, Floats]:
    """Learn the projection, and place the pictures that it was learned from.

    Parameters
    ----------
    contents : sequence of str or None
        Thumbnails in base64, one a product; None where there is none.
    dimensions : int
        At most so many.

    Returns
    -------
    Looks
    ndarray of shape (n_products, n_dimensions), float32
        Rows of length 1, or 0 where there is no picture.
    """
    measured = _measures(contents)
    shown = np.array([content is not None for content in contents], bool)
    looks = Looks(*directions(measured[shown], dimensions))
    return looks, _placed(looks, measured, shown)


def embed_looks(looks: Looks, contents: Sequence[str | None]) -> Floats:
    """Place pictures, as :func:`fit_looks` does: (n_products, n_dimensions)."""
    return _placed(looks, _measures(contents), np.array([content is not None for content in contents], bool))


def directions(x: Floats, dimensions: int) -> tuple[Floats, Floats]:
    """Mean and principal directions, at most ``dimensions``; of fewer than two rows the axes themselves."""
    if len(x) < 2:
        return np.zeros(x.shape[1], np.float32), np.eye(x.shape[1], dimensions, dtype=np.float32)
    centre = x.mean(axis=0)
    spread = (x - centre).T.astype(np.float64) @ (x - centre)
    found = np.linalg.eigh(spread)[1][:, ::-1][:, : min(dimensions, len(x) - 1)]
    return centre, np.ascontiguousarray(found, np.float32)


def pixels_of(contents: Iterable[str]) -> Pixels:
    """Thumbnails in base64 as pixels, shape (n, 64, 48, 3)."""
    pixels = [rgb(decoded(content), WIDTH, HEIGHT) for content in contents]
    return np.array(pixels, np.uint8).reshape(len(pixels), HEIGHT, WIDTH, 3)


def _measures(contents: Sequence[str | None]) -> Floats:
    vectors = np.zeros((len(contents), SIZE), np.float32)
    shown = [row for row, content in enumerate(contents) if content is not None]
    for start in range(0, len(shown), BLOCK):
        rows = shown[start : start + BLOCK]
        vectors[rows] = describe(pixels_of(content for row in rows if (content := contents[row]) is not None)).vectors()
    return vectors


def _placed(looks: Looks, measured: Floats, shown: np.ndarray) -> Floats:
    # Row by row, so that a picture's vector does not depend on those beside it.
    vectors = np.array([row @ looks.basis for row in measured - looks.centre], np.float32)
    return unit(vectors.reshape(len(measured), looks.basis.shape[1]) * shown[:, None])
