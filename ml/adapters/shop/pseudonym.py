"""Text of the shop as it may be kept: personal values as keyed hashes, and every value valid UTF-8."""

from __future__ import annotations

import base64
import hashlib

import numpy as np
import pyarrow as pa


class Pseudonym(dict[bytes, bytes]):
    """BLAKE2b with a key, 96 bit as 16 characters: equal values stay equal, and without the key nobody can try values out.

    96 bit: among a billion values the chance that any two fall together is below 1e-10. It is a dictionary of the
    digests already made, up to a million (180 MB): the customers of a shop come back in every batch and table.
    """

    def __init__(self, key: str) -> None:
        secret = key.encode()
        self._state = hashlib.blake2b(
            key=secret if len(secret) <= 64 else hashlib.sha512(secret).digest(), digest_size=12
        )

    def __missing__(self, value: bytes) -> bytes:
        state = self._state.copy()
        state.update(value)
        digest = state.digest()
        if len(self) < 1_000_000:
            self[value] = digest
        return digest

    def hashed(self, values: pa.Array) -> pa.Array:
        """Hash each distinct value; null stays null."""
        coded = values.dictionary_encode()
        distinct = coded.dictionary.cast(pa.binary()).to_numpy(zero_copy_only=False)
        # 12 bytes are exactly 16 characters of base64, so one call encodes all of them, with no string object each.
        text = base64.urlsafe_b64encode(b"".join(map(self.__getitem__, distinct)))
        offsets = np.arange(0, len(text) + 1, 16, dtype=np.int32)
        hashes = pa.StringArray.from_buffers(len(distinct), pa.py_buffer(offsets), pa.py_buffer(text))
        return hashes.take(coded.indices)


def valid_text(values: pa.Array) -> pa.Array:
    """The same text with U+FFFD in place of bytes that are no UTF-8."""
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        raw = values.cast(pa.binary()).to_pylist()
        return pa.array([None if v is None else v.decode("utf-8", "replace") for v in raw], pa.string())
    return values
