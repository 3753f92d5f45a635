"""What a picture shows, by hand-made measures: its colours, where they are, and the direction of its edges.

The baseline of the gate, and what the words of the reasons rest on. A histogram of oriented gradients (Dalal & Triggs, CVPR
2005) of 6 x 4 cells, nine directions each; a histogram of 12 hues and 4 greys; the mean colour of 4 x 3 fields.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

HEIGHT, WIDTH = 64, 48
"""Pixels that a picture is stretched to, for the descriptors and for the network."""
CELL, DIRECTIONS = (10, 12), 9
FIELDS = (4, 3)
HUES = 12
GREYS = 4
NEAR_WHITE = 0.93
"""A pixel brighter than this in every channel is background."""

COLOURS = ("black", "grey", "white", "red", "orange", "brown", "yellow", "green", "turquoise", "blue", "purple", "pink")
Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class Described(NamedTuple):
    """Measures of pictures, one row each.

    Parameters
    ----------
    edges : ndarray of shape (n, 6 * 4 * 9)
    colours : ndarray of shape (n, 16)
        Shares of the foreground: 12 hues, then 4 greys.
    fields : ndarray of shape (n, 36)
        Mean red, green and blue of 4 x 3 fields.
    spread : ndarray of shape (n,)
        Standard deviation of the brightness, 0 to 1: near 0 the picture is blank.
    """

    edges: Floats
    colours: Floats
    fields: Floats
    spread: Floats

    def vectors(self) -> Floats:
        """All measures as one vector, each part of length 1: (n, 268)."""
        parts = [self.edges, np.sqrt(self.colours), self.fields - 0.5]
        return np.concatenate([unit(part) for part in parts], axis=1)

    def colour(self) -> npt.NDArray[np.int64]:
        """The main colour of each picture: its place in ``COLOURS``."""
        return np.asarray(_names(self.colours, self.fields))


def describe(pixels: Pixels) -> Described:
    """Measure pictures, shape (n, 64, 48, 3)."""
    if not len(pixels):
        edges, colours, fields = (np.zeros((0, d), np.float32) for d in (216, 16, 36))
        return Described(edges, colours, fields, np.zeros(0, np.float32))
    # One by one: sums over a block of pictures are rounded otherwise than those over one.
    parts = [_describe(pixels[row : row + 1]) for row in range(len(pixels))]
    return Described(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def unit(x: Floats) -> Floats:
    """Rows of length 1; a row of zeros stays."""
    length = np.sqrt(np.einsum("id,id->i", x, x))[:, None]
    return np.asarray(np.divide(x, length, out=np.zeros_like(x), where=length > 1e-9), np.float32)


def _describe(pixels: Pixels) -> Described:
    rgb: Floats = pixels.astype(np.float32) / np.float32(255)
    grey: Floats = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    fields = rgb.reshape(len(rgb), FIELDS[0], HEIGHT // FIELDS[0], FIELDS[1], WIDTH // FIELDS[1], 3).mean(axis=(2, 4))
    return Described(_edges(grey), _colours(rgb), fields.reshape(len(rgb), -1), grey.std(axis=(1, 2)))


def _edges(grey: Floats) -> Floats:
    """Per cell the strength of edges by direction, normalised over the picture (L2-Hys: cut at 0.2 and again)."""
    dy, dx = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(dx, dy)[:, 2:-2, :]
    angle = (np.arctan2(dy, dx)[:, 2:-2, :] % np.pi) * (DIRECTIONS / np.pi)
    low = np.floor(angle).astype(np.int64) % DIRECTIONS
    part = (angle - np.floor(angle)).astype(np.float32)
    n, rows, columns = strength.shape
    cell = (np.arange(rows)[:, None] // CELL[0]) * (columns // CELL[1]) + np.arange(columns)[None, :] // CELL[1]
    cells = int(cell.max()) + 1
    place = (np.arange(n)[:, None, None] * cells + cell) * DIRECTIONS
    size = n * cells * DIRECTIONS
    sums = np.bincount((place + low).ravel(), (strength * (1 - part)).ravel(), size)
    sums += np.bincount((place + (low + 1) % DIRECTIONS).ravel(), (strength * part).ravel(), size)
    whole = unit(np.sqrt(sums.reshape(n, -1)).astype(np.float32))
    return unit(np.minimum(whole, 0.2))


def _colours(rgb: Floats) -> Floats:
    """Shares of hues and greys among the pixels that are not white background; all of them where all is white."""
    top, low = rgb.max(axis=3), rgb.min(axis=3)
    chroma = top - low
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    safe = np.maximum(chroma, 1e-6)
    hue = np.select(
        [top == red, top == green], [((green - blue) / safe) % 6, (blue - red) / safe + 2], (red - green) / safe + 4
    )
    coloured = chroma > np.maximum(0.12, 0.2 * top)
    bins = np.where(
        coloured,
        (hue * (HUES / 6) + 0.5).astype(np.int64) % HUES,
        HUES + np.minimum((top * GREYS).astype(np.int64), GREYS - 1),
    )
    weight = np.where(low > NEAR_WHITE, np.float32(0.02), np.float32(1))
    n = len(rgb)
    size = HUES + GREYS
    sums = np.bincount((np.arange(n)[:, None, None] * size + bins).ravel(), weight.ravel(), n * size)
    sums = sums.reshape(n, size)
    return np.asarray(sums / np.maximum(sums.sum(axis=1, keepdims=True), 1e-9), np.float32)


_OF_HUE = (3, 4, 6, 7, 7, 8, 8, 9, 9, 10, 11, 11)
"""Name of each hue from red on, by its place in ``COLOURS``."""


def _names(shares: Floats, fields: Floats) -> npt.NDArray[np.int64]:
    by_name = np.zeros((len(shares), len(COLOURS)), np.float32)
    for hue, name in enumerate(_OF_HUE):
        by_name[:, name] += shares[:, hue]
    for grey, name in enumerate((0, 1, 1, 2)):
        by_name[:, name] += shares[:, HUES + grey]
    # A dark orange is brown.
    dark = fields.reshape(len(fields), FIELDS[0] * FIELDS[1], 3).min(axis=1).max(axis=1) < 0.55
    by_name[dark, 5] += by_name[dark, 4]
    by_name[dark, 4] = 0
    return np.asarray(by_name.argmax(axis=1))
