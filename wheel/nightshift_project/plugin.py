"""Nightshift's pages in the UI of an Airflow that is already there: nothing of its scheduler is changed."""

from __future__ import annotations

from nightshift_project import find

find()

from nightshift_plugin import NightshiftPlugin as Local  # noqa: E402  # its place is known only now


class NightshiftPlugin(Local):  # type: ignore[misc]
    """As in a stack of our own, without what prepares the scheduler for our tasks: that one serves others too."""

    name = "nightshift"
    listeners = []  # noqa: RUF012 - Airflow's own way
