"""Bring the database up to date before anything runs: Nightshift's books, roles, and the tables that staff edits."""

from __future__ import annotations

from ml.adapters import postgres
from ml.adapters.books import config
from ml.registry import CONFIG


def migrate(url: str) -> tuple[str, ...]:
    """Migrate the database at ``url`` and bring ``ml_config`` up to the capabilities' specs. Two at once are safe.

    Returns
    -------
    tuple of str
        What was done or skipped, in words.
    """
    notes = postgres.migrate(url)
    config.sync(url, CONFIG)
    return notes
