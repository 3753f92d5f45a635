"""The one as-of join: what was known at a time."""

from __future__ import annotations

from collections.abc import Sequence

import ibis


def as_of_join(
    left: ibis.Table,
    right: ibis.Table,
    *,
    by: Sequence[str],
    at: str,
    event_time: str,
    known_time: str | None = None,
    columns: Sequence[str],
) -> ibis.Table:
    """Add to each row of ``left`` the ``columns`` of the last row of ``right`` that was known before ``at``."""
    raise NotImplementedError
