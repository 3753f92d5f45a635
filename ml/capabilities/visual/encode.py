"""Vectors of pictures by the version of the encoder that is in this file: ``encode(open(path, "rb").read())``."""

from __future__ import annotations

import io
import json
import pkgutil
from functools import cache

import numpy as np

from ml.capabilities.visual.placing import Placer, place
from ml.core.pictures import decoded, look_at, rgb
from ml.learn.descriptors import HEIGHT, WIDTH, Floats, Pixels


def encode(content: bytes) -> str:
    """The vector of a picture file as ``ml.search_by_vector`` takes it: version:[numbers].

    The picture goes through the same thumbnail as the shop's own.

    Raises
    ------
    nightshift_encoder.pictures.Unreadable
        The file is no picture; the message says why.
    """
    placer, version = _placer()
    return written(place(placer, pixels_of(content))[0], version)


def pixels_of(content: bytes) -> Pixels:
    """Pixels of a picture file as a model is given them, shape (1, 64, 48, 3); errors as of :func:`encode`."""
    return rgb(decoded(look_at(content).thumbnail), WIDTH, HEIGHT)[None]


def written(vector: Floats, version: int) -> str:
    """A vector as ``ml.search_by_vector`` takes it."""
    return f"{version}:[{','.join(f'{number:.5g}' for number in vector)}]"


@cache
def _placer() -> tuple[Placer, int]:
    about = json.loads(_part("about.json"))
    with np.load(io.BytesIO(_part("arrays.npz")), allow_pickle=False) as arrays:
        centre, basis, kind, colour = (arrays[name] for name in ("centre", "basis", "kind", "colour"))
    placer = Placer(_part("network.tflite"), centre, basis, kind, colour, about["colour_weight"])
    return placer, int(about["version"])


def _part(name: str) -> bytes:
    return pkgutil.get_data(__name__, name) or b""
