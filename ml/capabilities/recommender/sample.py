"""A small shop with a planted answer."""

from __future__ import annotations

from ml.core.sample import Sample


def sample(seed: int) -> Sample:
    raise NotImplementedError
