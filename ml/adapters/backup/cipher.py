"""Names and bytes of a backup's objects: by content, in clear or encrypted by a key."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import IO, Any

from ml.core.errors import WrongUse

CHUNK = 4 * 2**20
TAG = 16
"""Bytes that AES-GCM adds to a chunk."""
LEAST = 32
"""Letters of a key."""


class Clear:
    """Objects as they are, each named by its SHA-256."""

    check = ""

    def name(self, file: IO[bytes]) -> tuple[str, int]:
        """Name of an object with the content of ``file``, and the bytes of the content."""
        return _digest(file, hashlib.sha256())

    def stored(self, size: int) -> int:
        """Bytes of the object that holds ``size`` bytes."""
        return size

    def encode(self, name: str, file: IO[bytes]) -> Iterator[bytes]:
        """The object's bytes."""
        del name
        return chunks(file, CHUNK)

    def decode(self, name: str, file: IO[bytes]) -> Iterator[bytes]:
        """The content of an object.

        Raises
        ------
        ValueError
            It is not what its name says; told after the last chunk.
        """
        found = hashlib.sha256()
        for chunk in chunks(file, CHUNK):
            found.update(chunk)
            yield chunk
        if found.hexdigest() != name:
            raise ValueError("its sha256 is not its name")


class Encrypted:
    """Objects under AES-256-GCM, each with a key of its own; the name is a keyed hash of the content.

    The same content gives the same object, so that what did not change is kept once. Who has no key learns sizes, and which
    files of two backups are equal.
    """

    def __init__(self, key: str) -> None:
        if len(key) < LEAST:
            raise WrongUse(
                "The key of the backups is too short.",
                came=f"NIGHTSHIFT_BACKUP_KEY with {len(key)} letters",
                do=f"take {LEAST} or more by chance, as openssl rand -base64 32 prints, and keep it apart from the backups",
            )
        root = hashlib.sha256(key.encode()).digest()
        self._names, self._bytes = _derived(root, b"names"), _derived(root, b"bytes")
        self.check = _derived(root, b"check").hex()[:16]

    def name(self, file: IO[bytes]) -> tuple[str, int]:
        return _digest(file, hmac.new(self._names, digestmod=hashlib.sha256))

    def stored(self, size: int) -> int:
        return size + TAG * max(1, -(-size // CHUNK))

    def encode(self, name: str, file: IO[bytes]) -> Iterator[bytes]:
        cipher, ahead = self._cipher(name), file.read(CHUNK)
        number = 0
        while True:
            chunk, ahead = ahead, file.read(CHUNK)
            yield cipher.encrypt(number.to_bytes(12), chunk, b"more" if ahead else b"last")
            if not ahead:
                return
            number += 1

    def decode(self, name: str, file: IO[bytes]) -> Iterator[bytes]:
        from cryptography.exceptions import InvalidTag

        cipher, ahead = self._cipher(name), file.read(CHUNK + TAG)
        number = 0
        while True:
            chunk, ahead = ahead, file.read(CHUNK + TAG)
            try:
                yield cipher.decrypt(number.to_bytes(12), chunk, b"more" if ahead else b"last")
            except (InvalidTag, ValueError):
                raise ValueError("it was changed, or cut off") from None
            if not ahead:
                return
            number += 1

    def _cipher(self, name: str) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(_derived(self._bytes, name.encode()))


def of(key: str) -> Clear | Encrypted:
    """The cipher of a key; without one, none."""
    return Encrypted(key) if key else Clear()


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.new(key, purpose, hashlib.sha256).digest()


def _digest(file: IO[bytes], found: Any) -> tuple[str, int]:
    size = 0
    for chunk in chunks(file, 2**18):
        found.update(chunk)
        size += len(chunk)
    return found.hexdigest(), size


def chunks(file: IO[bytes], size: int = CHUNK) -> Iterator[bytes]:
    """A file piece by piece."""
    while chunk := file.read(size):
        yield chunk
