"""Pictures from outside: read without trust, made small, and told in words where one is none.

A file may be cut off, no picture at all, or a small file that unpacks to billions of pixels: its size is looked at before
its pixels are.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

LARGEST_FILE = 20 * 2**20
"""Bytes."""
LARGEST = 60_000_000
"""Pixels of a picture: 180 MB when unpacked."""
SIDE = 96
"""Longest side of a thumbnail, in pixels."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
QUALITY = 92

Pixels = npt.NDArray[np.uint8]


class Unreadable(ValueError):
    """What was given is no picture, or no other file, that can be used; the message says why."""


class Picture(NamedTuple):
    """What is kept of a picture.

    Parameters
    ----------
    content_hash : str
        SHA-256 of the file, in hexadecimal digits.
    width, height : int
        Of the picture as it came, upright, in pixels.
    thumbnail : str
        A JPEG of at most ``SIDE`` pixels a side, in base64.
    """

    content_hash: str
    width: int
    height: int
    thumbnail: str


def look_at(content: bytes) -> Picture:
    """Read a picture file and make its thumbnail: upright, on white where it is transparent, the first of several frames.

    Raises
    ------
    Unreadable
        No picture, cut off, of no size, too large, or of another format than ``FORMATS``.

    Examples
    --------
    >>> look_at(b"<html>404</html>")
    Traceback (most recent call last):
    ...
    ml.core.pictures.Unreadable: not a picture: it begins with b'<html>404</h' (JPEG, PNG, WEBP, GIF, BMP, TIFF are read)
    """
    image, width, height = _opened(content)
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    kept = io.BytesIO()
    image.save(kept, "JPEG", quality=QUALITY, subsampling=0)
    digest = hashlib.sha256(content).hexdigest()
    return Picture(digest, width, height, base64.b64encode(kept.getvalue()).decode("ascii"))


def rgb(content: bytes, width: int, height: int) -> Pixels:
    """Pixels of a picture file stretched to a size, shape (height, width, 3): what a model is given.

    Raises
    ------
    Unreadable
        As :func:`look_at`.
    """
    image, _, _ = _opened(content)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0))


def decoded(text: str) -> bytes:
    r"""Bytes of a text that holds a file: base64, a ``data:`` address of it, or Postgres' ``\\x`` and hexadecimal digits.

    Raises
    ------
    Unreadable
        It is none of these.
    """
    try:
        if text.startswith("\\x"):
            return bytes.fromhex(text[2:])
        head, comma, body = text.partition(",")
        return base64.b64decode(body if comma and head.startswith("data:") else text, validate=False)
    except (ValueError, binascii.Error) as error:
        raise Unreadable(f"its content is neither base64 nor hexadecimal digits ({error})") from None


def _opened(content: bytes) -> tuple[Image.Image, int, int]:
    if not content:
        raise Unreadable("the file is empty")
    if len(content) > LARGEST_FILE:
        raise Unreadable(f"the file has {len(content):,} bytes, at most {LARGEST_FILE:,} are read")
    try:
        return _upright(content)
    except Unreadable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable(f"the picture unpacks to far more than {LARGEST:,} pixels") from None
    except UnidentifiedImageError:
        raise Unreadable(f"not a picture: it begins with {content[:12]!r} ({', '.join(FORMATS)} are read)") from None
    except Exception as error:  # noqa: BLE001 (a decoder may raise anything on a broken file)
        raise Unreadable(f"the picture is broken: {str(error) or type(error).__name__}"[:200]) from None


def _upright(content: bytes) -> tuple[Image.Image, int, int]:
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        width, height = image.size
        if width * height > LARGEST:
            raise Unreadable(f"the picture has {width} x {height} pixels, at most {LARGEST:,} are unpacked")
        image.draft("RGB", (4 * SIDE, 4 * SIDE))
        image.load()
        turned = ImageOps.exif_transpose(image)
        if (turned.width > turned.height) is not (width > height) and turned.width != turned.height:
            width, height = height, width
        if "A" in turned.getbands() or "transparency" in turned.info:
            layer = turned.convert("RGBA")
            white = Image.new("RGBA", layer.size, "white")
            return Image.alpha_composite(white, layer).convert("RGB"), width, height
        return turned.convert("RGB"), width, height
