"""What life does to a file of text: each takes its bytes and a place in them."""

from __future__ import annotations

import gzip
from collections.abc import Callable


def _insert(what: bytes) -> Callable[[bytes, int], bytes]:
    return lambda data, spot: data[:spot] + what + data[spot:]


def _replace(what: bytes, by: bytes) -> Callable[[bytes, int], bytes]:
    """Replace the first one behind the place."""
    return lambda data, spot: data[:spot] + data[spot:].replace(what, by, 1)


def _line(data: bytes, spot: int) -> tuple[int, int]:
    return data.rfind(b"\n", 0, spot) + 1, data.find(b"\n", spot) + 1 or len(data)


def _line_twice(data: bytes, spot: int) -> bytes:
    begin, end = _line(data, spot)
    return data[:end] + data[begin:]


def _header_again(data: bytes, spot: int) -> bytes:
    _, end = _line(data, spot)
    return data[:end] + data.split(b"\n")[0] + b"\n" + data[end:]


HARM: dict[str, Callable[[bytes, int], bytes]] = {
    "quote": _insert(b'"'),
    "quote after a delimiter": _replace(b",", b',"'),
    "quote gone": _replace(b'"', b""),
    "delimiter": _insert(b","),
    "carriage return": _insert(b"\r"),
    "line feed": _insert(b"\n"),
    "not UTF-8": _insert(b"\xe9"),
    "blank before a quote": _replace(b',"', b', "'),
    "byte gone": lambda data, spot: data[:spot] + data[spot + 1 :],
    "cut off": lambda data, spot: data[:spot],
    "line twice": _line_twice,
    "header again": _header_again,
    "UTF-16": lambda data, _: data.decode(errors="replace").encode("utf-16"),
    "zip": lambda data, _: b"PK\x03\x04" + data,
    "gzip": lambda data, _: gzip.compress(data, mtime=0),
    "empty": lambda _, __: b"",
    "JSON": lambda _, __: b'[{"customer_id": 1}]',
}
"""By name."""
