"""The languages of the pages: message catalogues, and numbers and dates as the language writes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers

from ml.registry import CAPABILITIES
from ml.text import messages

FOLDER = Path(__file__).parent / "locale"
ENGLISH = "en"
COOKIE = "nightshift_language"


@cache
def languages() -> dict[str, str]:
    """By code, each language that has a catalogue, in its own words; English needs none."""
    codes = [ENGLISH, *sorted(path.stem for path in FOLDER.glob("*.po"))]
    return {code: (Locale.parse(code).get_display_name(code) or code) for code in codes}


@cache
def catalogue(language: str) -> dict[str, str]:
    """Translations of a language, the console's and those of the capabilities' own ``locale`` folders."""
    packages = dict.fromkeys(spec.package for spec in CAPABILITIES.values())
    found: dict[str, str] = {}
    for folder in (FOLDER, *map(messages.folder, packages)):
        found |= messages.read(folder / f"{language}.po", language).texts
    return found


@cache
def _sentences(language: str) -> messages.Reasons | None:
    found = {} if language == ENGLISH else messages.read(FOLDER / f"{language}.po", language).reasons
    return messages.Reasons(found) if found else None


def choose(asked: Iterable[str | None]) -> str:
    """The first language asked for that there is; a browser's header names several by weight.

    Examples
    --------
    >>> choose([None, "fr-CH, fr;q=0.9, zh-CN;q=0.8, en;q=0.7"])
    'zh'
    >>> choose(["xx"])
    'en'
    """
    for wish in asked:
        for part in (wish or "").split(","):
            code = part.split(";")[0].strip().lower()
            for known in (code, code.partition("-")[0]):
                if known in languages():
                    return known
    return ENGLISH


@lru_cache(16_384)
def _decimal(value: float, language: str, pattern: str | None) -> str:
    return numbers.format_decimal(value, format=pattern, locale=language)


@lru_cache(4096)
def _moment(value: datetime, language: str, zone: str) -> str:
    return dates.format_datetime(value, "yyyy-MM-dd HH:mm", tzinfo=ZoneInfo(zone), locale=language)


class Words:
    """The texts, numbers and times of one language."""

    def __init__(self, language: str, zone: str = "UTC") -> None:
        self.language, self.zone = language, zone
        self._catalogue = catalogue(language)

    def __call__(self, text: str, /, **values: Any) -> str:
        """The text in this language, its ``{names}`` filled in; what has no translation stays English."""
        found = self._catalogue.get(text, text)
        return found.format(**values) if values else found

    def reason(self, capability: str, text: str | None) -> str:
        """A reason of a capability's tables in this language; what has no message is as it was published."""
        spec = CAPABILITIES.get(capability)
        put = messages.reasons(spec.package, self.language) if spec and text else None
        return put(text) if put and text else text or ""

    def sentence(self, text: str | None) -> str:
        """What the platform itself wrote down (a rule's name, an alert, a verdict) in this language, else as it stands."""
        put = _sentences(self.language)
        return put(text) if put and text else text or ""

    def number(self, value: float | None, digits: int = 4) -> str:
        """A number, to so many significant digits where it is no whole one; a dash for none."""
        if value is None:
            return "–"
        if isinstance(value, bool):
            return self("yes") if value else self("no")
        if value == int(value) and abs(value) < 1e15:
            return _decimal(int(value), self.language, None)
        rounded = float(f"{value:.{digits}g}")
        return _decimal(rounded, self.language, "#,##0.######")

    def percent(self, share: float | None) -> str:
        """A share as a percentage; a dash for none."""
        return "–" if share is None else numbers.format_percent(share, format="#,##0.#%", locale=self.language)

    def time(self, value: datetime | date | None) -> str:
        """A time in the shop's zone, or a day; a dash for none."""
        if value is None:
            return "–"
        if isinstance(value, datetime):
            return _moment(value, self.language, self.zone)
        return value.isoformat()

    def seconds(self, value: float | None) -> str:
        """A duration."""
        if value is None:
            return "–"
        whole = round(value)
        if whole < 100:
            return self("{n} s", n=self.number(value, 3))
        return self("{m} min {s} s", m=whole // 60, s=whole % 60)
