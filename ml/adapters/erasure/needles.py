"""The words to look for in what is no table: logs, pages, JSON, messages; and how they are struck out."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml.adapters.erasure.ownership import WHO, Owners
from ml.adapters.erasure.traces import SHORTEST, Traces

_DIGITS = 9
_MIXED = 4
"""Characters that a word needs to mean one thing: of digits alone, and of letters and digits ('o536')."""
_PIECE, _ONE_WORD = 10, 20
"""Characters of the shortest piece of a text that is looked for: of several words, and without a blank."""
_SPECIAL = re.compile(r"[\"'\\\n\r\t<>&]|[.!?;]\s")
"""Where a text is cut: what stands between these looks the same in JSON, in HTML and in Postgres' COPY."""
STRUCK = "(erased)"
_AT_ONCE = 500
"""Words in one pattern of RE2, which refuses one that grows too large."""


def distinctive(value: str) -> bool:
    """Whether a value means only one thing wherever it stands: '12680' and '2025-01-01' do not.

    Examples
    --------
    >>> distinctive("C0000001563"), distinctive("12680"), distinctive("10.0.0.1"), distinctive("a@b.example")
    (True, False, False, True)
    """
    if value.isdigit():
        return len(value) >= _DIGITS
    mixed = any(character.isdigit() for character in value)
    return len(value) >= (_MIXED if mixed else SHORTEST) and any(character.isalpha() for character in value)


def pieces(text: str) -> list[str]:
    """Parts of a text that stand in any file as they are, and are nobody else's by chance: a single word may be.

    Examples
    --------
    >>> pieces('It broke after a week. My name is "Ann"!')
    ['It broke after a week', 'My name is']
    >>> pieces("Excellent")
    []
    """
    found = (piece.strip() for piece in _SPECIAL.split(text))
    return [p for p in found if len(p) >= (_PIECE if " " in p else _ONE_WORD) or len(p.encode()) >= 3 * _PIECE]


@dataclass(frozen=True)
class Needles:
    """Words that are the customers' alone.

    Parameters
    ----------
    words : dict of str to str
        Ids, hashes and personal values: found where no letter, digit, ``-`` or ``_`` stands beside them.
    passages : dict of str to str
        Pieces of texts, found anywhere.
    """

    words: Owners
    passages: Owners

    @classmethod
    def of(cls, traces: Traces) -> Needles:
        """Take from ``traces`` what is distinctive."""
        ids = [(value, owner) for known in traces.ids.values() for value, owner in known.items()]
        words = {v: o for v, o in [*ids, *traces.hashes.items(), *traces.plain.items()] if distinctive(v)}
        shared = set(traces.shared)
        passages = {p: owner for text, owner in traces.texts.items() for p in pieces(text) if p not in shared}
        return cls(words, passages)

    @cached_property
    def _forms(self) -> dict[str, str]:
        """Each word as it may be written -> its owner; JSON in ASCII and HTML write some letters otherwise."""
        known = self.words | self.passages
        return known | {f: owner for word, owner in known.items() for f in (html.escape(word), json.dumps(word)[1:-1])}

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        return re.compile(_either(self._forms, self.words)) if self._forms else None

    @cached_property
    def _fast(self) -> list[str]:
        """The same for Arrow's RE2, which looks for all at once but knows no look-around: it may find a little more."""
        forms = [re.escape(form) for form in self._forms]
        return ["|".join(forms[first : first + _AT_ONCE]) for first in range(0, len(forms), _AT_ONCE)]

    def maybe(self, values: pa.Array | pa.ChunkedArray) -> Any:
        """Which texts may hold one, quickly."""
        found = pc.and_(pc.is_valid(values), pa.scalar(value=False))
        for pattern in self._fast:
            found = pc.or_(found, pc.fill_null(pc.match_substring_regex(values, pattern), fill_value=False))
        return found

    def find(self, text: str) -> list[str]:
        """Owners of what stands in ``text``, one for each place."""
        return [self._forms[found[0]] for found in self._pattern.finditer(text)] if self._pattern else []

    def pieces_in(self, text: str) -> set[str]:
        """The passages that stand in ``text``."""
        return {piece for piece in self.passages if piece in text}

    def strike(self, text: str, by: Callable[[str], str] = lambda _: STRUCK) -> tuple[str, list[str]]:
        """Give the text without them, and the owners."""
        if not self._pattern or not (owners := self.find(text)):
            return text, []
        return self._pattern.sub(lambda found: by(found[0]), text), owners

    def strike_bytes(self, content: bytes) -> tuple[bytes, list[str]]:
        """Put as many ``*`` in their places: the length stays, so that a file can be written to meanwhile."""
        if not pc.any(self.maybe(pa.array([content], pa.large_binary()))).as_py():
            return content, []
        text = content.decode("utf-8", "surrogateescape")
        struck, owners = self.strike(text, lambda found: "*" * len(found.encode("utf-8", "surrogateescape")))
        return struck.encode("utf-8", "surrogateescape"), owners


def _either(forms: Iterable[str], words: Owners) -> str:
    ordered = sorted(forms, key=len, reverse=True)
    return "|".join(rf"(?<![\w-]){re.escape(form)}(?![\w-])" if form in words else re.escape(form) for form in ordered)


def strike_json(value: Any, needles: Needles, traces: Traces) -> tuple[Any, list[str]]:
    """Give plain JSON without the customers: in every text, and the keys that a verdict names as examples."""
    owners: list[str] = []

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                walk(key): _examples(walk(item), traces, owners) if key == "examples" else walk(item)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [walk(item) for item in value]
        if not isinstance(value, str):
            return value
        struck, found = needles.strike(value)
        owners.extend(found)
        return struck

    return walk(value), owners


def _examples(value: Any, traces: Traces, owners: list[str]) -> Any:
    """Keys of rows ('o1/2'), of which the first part may be an id that is not distinctive."""
    if not isinstance(value, list):
        return value
    known = {id_: owner for column in (WHO, *traces.ids) for id_, owner in traces.ids.get(column, {}).items()}
    struck = []
    for example in value:
        owner = known.get(str(example).split("/", maxsplit=1)[0])
        owners += [owner] if owner else []
        struck.append(STRUCK if owner else example)
    return struck
