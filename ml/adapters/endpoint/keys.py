"""Who may ask, and how often. Of a key only its hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Scope = Literal["backend", "browser"]
"""``backend``: everything. ``browser``: what belongs to no customer, and posting events, as a page's key can be read by all."""


@dataclass(frozen=True)
class Key:
    """A key as it is kept."""

    name: str
    sha256: str
    scope: Scope = "backend"


def new_key(name: str, scope: Scope) -> tuple[str, Key]:
    """Make a key; its text is shown once and kept nowhere."""
    text = f"ns_{secrets.token_urlsafe(32)}"
    return text, Key(name, _hash(text), scope)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class _Bucket:
    left: float
    at: float


@dataclass
class Keys:
    """The keys, and a token bucket for each: ``rate`` requests a second, twice as many at once."""

    kept: Mapping[str, Key]
    rate: float = 50.0
    clock: Callable[[], float] = time.monotonic
    buckets: dict[str, _Bucket] = field(default_factory=dict)

    def find(self, text: str) -> Key | None:
        """Find whose key this is; each is compared in constant time."""
        came, found = _hash(text), None
        for key in self.kept.values():
            if hmac.compare_digest(key.sha256, came):
                found = key
        return found

    def wait(self, name: str) -> float:
        """Take one request of a key: 0, or the seconds until there is another."""
        now, most = self.clock(), max(1.0, 2 * self.rate)
        bucket = self.buckets.setdefault(name, _Bucket(most, now))
        bucket.left = min(most, bucket.left + (now - bucket.at) * self.rate)
        bucket.at = now
        if bucket.left < 1:
            return (1 - bucket.left) / self.rate
        bucket.left -= 1
        return 0.0
