"""A night in one process waits for a server that is away, and for nothing else."""

from __future__ import annotations

import psycopg2
import pytest

from ml.core.errors import DataRefused, Unreachable
from ml.pipeline.night import patiently


def failing(*errors: Exception):
    """A step that ends in each of these errors, then goes through."""
    left = list(errors)

    def step() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return step


def test_a_lost_connection_is_tried_again() -> None:
    """As often as there are pauses; each is said in words."""
    messages: list[str] = []
    lost = psycopg2.OperationalError("server closed the connection unexpectedly")
    assert patiently(messages.append, failing(lost, Unreachable("Away.")), (0, 0)) == "done"
    assert ["did not answer" in messages[0], "Away." in messages[1], len(messages)] == [True, True, 2]
    with pytest.raises(psycopg2.OperationalError):
        patiently(messages.append, failing(lost, lost), (0,))


def test_what_needs_a_person_is_not() -> None:
    """Broken data ends the night at the first try."""
    messages: list[str] = []
    with pytest.raises(DataRefused):
        patiently(messages.append, failing(DataRefused("Broken.")), (0, 0))
    assert messages == []
