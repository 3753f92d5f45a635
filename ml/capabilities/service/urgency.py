"""How soon a ticket needs an answer, and which of the staff's rules it falls under.

What counts is what is said of time and danger, and a promise that was broken. Swearing, capitals and exclamation marks do not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ml.text.words import fold, words

_SOON = re.compile(
    r"\b(?:urgent\w*|asap|as soon as possible|immediately|right away|today|tonight|tomorrow|deadline|before the weekend|birthday|wedding"
    r"|dringend\w*|sofort|umgehend|eilig|heute|morgen|so schnell wie moglich|geburtstag|hochzeit|frist"
    r"|urgente\w*|urgencia|imediatamente|hoje|amanha|o mais rapido possivel|aniversario|casamento|prazo)\b"
)
_LATE_DAYS = 7.0
_SAID, _LATE, _BACK = 0.5, 0.4, 0.2


def urgency(text: str, days_late: float | None, *, reopened: bool, rule: bool) -> float:
    """From 0 to 1: half for words of haste, up to 0.4 for a promise that is a week late, 0.2 where the customer had to come back.

    Examples
    --------
    >>> urgency("This is bloody awful!!!", None, reopened=False, rule=False)
    0.0
    >>> urgency("I need it tomorrow", None, reopened=False, rule=False)
    0.5
    """
    return urgency_of(fold(text), days_late, reopened=reopened, rule=rule)


def urgency_of(folded: str, days_late: float | None, *, reopened: bool, rule: bool) -> float:
    """The same of a text that is folded already."""
    if rule:
        return 1.0
    soon = _SAID if _SOON.search(folded) else 0.0
    late = _LATE * min(1.0, days_late / _LATE_DAYS) if days_late is not None and days_late > 0 else 0.0
    return min(1.0, soon + late + _BACK * reopened)


class Rules:
    """What must go to a person: phrases and intents of ``ml_config.service_rule``."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        ordered = sorted(rows, key=lambda row: (not row["urgent"], str(row["rule"])))
        self.intents = {row["rule"]: row for row in reversed(ordered) if row["kind"] == "intent"}
        self.phrases: dict[str, list[tuple[int, str, Mapping[str, Any]]]] = {}
        for place, row in enumerate(ordered):
            if row["kind"] == "word" and (phrase := words(fold(row["rule"]))):
                self.phrases.setdefault(phrase[0], []).append((place, f" {' '.join(phrase)} ", row))

    def find(self, text_words: Sequence[str], intent: str) -> Mapping[str, Any] | None:
        """The first rule that a ticket of these folded words falls under, urgent ones first."""
        may = [rule for word in self.phrases.keys() & set(text_words) for rule in self.phrases[word]]
        whole = f" {' '.join(text_words)} " if may else ""
        met = [(place, row) for place, phrase, row in may if phrase in whole]
        return min(met, key=lambda pair: pair[0])[1] if met else self.intents.get(intent)
