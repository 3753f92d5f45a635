"""Which team gets a ticket, and how long it is expected to take there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]
_DAY_HOURS = 24


class Teams:
    """Who answers what.

    Parameters
    ----------
    rows : list of mapping
        Of ``ml_config.service_team``.
    waiting : mapping of str to int
        Tickets that wait at each team.
    now : int
        Microseconds since 1970.
    zone : str
        The shop's time zone.
    """

    def __init__(self, rows: list[Row], waiting: Mapping[str, int], now: int, zone: str) -> None:
        self.rows = sorted(rows, key=lambda row: (row["intents"] is None, str(row["team"])))
        self.waiting = waiting
        self._found: dict[tuple[str, str], Row | None] = {}
        at = datetime.fromtimestamp(now / 1e6, UTC).astimezone(ZoneInfo(zone))
        self.hour = at.hour + at.minute / 60

    def of(self, intent: str, language: str) -> Row | None:
        """The first team that has the intent, the language and room; else of those the one with the least work; None: there is no team.

        A team that names the intent comes before those that have all; where none has the language, any may have it.
        """
        key = intent, language
        if key not in self._found:
            self._found[key] = self._of(intent, language)
        return self._found[key]

    def _of(self, intent: str, language: str) -> Row | None:
        speaking = [row for row in self.rows if row["languages"] is None or language in row["languages"].split()]
        able = [row for row in speaking or self.rows if row["intents"] is None or intent in _names(row["intents"])]
        able = able or (speaking or self.rows)[-1:]
        if not able:
            return None
        free = [row for row in able if self.days(row) < 1]
        return free[0] if free else min(able, key=self.days)

    def days(self, team: Row) -> float:
        """Days of work that wait at a team; 0 where it is not known how much it answers in a day."""
        return self.waiting.get(team["team"], 0) / team["capacity"] if team["capacity"] else 0.0

    def delay(self, team: Row) -> float:
        """Hours by which it takes longer than usual: until the team opens, and the days of work beyond the first."""
        opens, closes = team["opens"] or 0, _DAY_HOURS if team["closes"] is None else team["closes"]
        works = opens <= self.hour < closes
        until = 0.0 if works else (opens - self.hour) % _DAY_HOURS
        return until + _DAY_HOURS * max(0.0, self.days(team) - 1)


def _names(intents: str) -> list[str]:
    return [name.strip() for name in intents.split(",")]
