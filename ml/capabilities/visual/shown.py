"""A picture that somebody shows: its vector, and in words what a product's picture has in common with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ml.capabilities.visual.encode import pixels_of, written
from ml.capabilities.visual.model import Looks, load
from ml.capabilities.visual.placing import place
from ml.learn.descriptors import COLOURS, Floats, describe


@dataclass(frozen=True)
class Shown:
    """What a version sees in a picture.

    Parameters
    ----------
    vector : str
        As ``ml.search_by_vector`` takes it.
    parts : ndarray of shape (d,), float32
        The same numbers: roots of the chances of each kind, then of each colour, then the look.
    kinds, colours : int
        How many numbers are of kinds and of colours.
    colour : str
        The main colour.
    """

    vector: str
    parts: Floats
    kinds: int
    colours: int
    colour: str

    def why(self, row: Mapping[str, Any]) -> str:
        """The kind where both most likely show the same, the colour where both have it; else that they are alike."""
        other = np.array(json.loads(row["image"]), np.float32)
        words = []
        if self._same(other, 0, self.kinds) and row["category"]:
            words.append(f"same kind ({row['category']})")
        if self._same(other, self.kinds, self.kinds + self.colours):
            words.append(f"both {self.colour}")
        return ", ".join(words) or "alike on the whole"

    def _same(self, other: Floats, start: int, end: int) -> bool:
        return end > start and bool(self.parts[start:end].argmax() == other[start:end].argmax())


def read(folder: Path, version: int, content: bytes) -> Shown:
    """Read a picture file with the model in a folder.

    Raises
    ------
    ml.core.pictures.Unreadable
        The file is no picture; the message says why.
    """
    pixels = pixels_of(content)
    placer = _model(folder, version).placer_
    parts = place(placer, pixels)[0]
    colour = COLOURS[describe(pixels).colour()[0]]
    return Shown(written(parts, version), parts, placer.kind.shape[1], placer.colour.shape[1], colour)


@lru_cache(2)
def _model(folder: Path, version: int) -> Looks:  # noqa: ARG001 - a folder of another version is another model
    return load(folder)
