"""Splits by time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ml.core.splits import windows


def test_windows_are_adjacent_and_end_at_the_end() -> None:
    """Half-open windows touch and never overlap; the last one ends now."""
    end = datetime(2025, 3, 1, tzinfo=UTC)
    made = windows(end, timedelta(days=7), count=3)
    assert made[-1].end == end
    assert [w.start for w in made[1:]] == [w.end for w in made[:-1]]
    assert {w.end - w.start for w in made} == {timedelta(days=7)}


def test_horizon_must_be_positive() -> None:
    """A window of no length is an error."""
    with pytest.raises(ValueError, match="horizon must be positive"):
        windows(datetime(2025, 3, 1, tzinfo=UTC), timedelta(0))
