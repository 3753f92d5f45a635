"""What the words of a shop mean: each column that holds a word has a vocabulary, read from ``vocabulary.json``.

A shop writes ``canceled``, ``wc-cancelled`` or ``Storniert``; everything behind the validation sees ``cancelled``. A word
that no vocabulary knows is never guessed: in a closed vocabulary it means nothing and becomes :data:`UNKNOWN`; in an open
one (a method of payment) it stays as it is, trimmed and in lower case.
"""

from __future__ import annotations

import difflib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

UNKNOWN = "unknown"
"""What stands in the clean table for a word that a closed vocabulary does not know."""

_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i"})  # letters that Unicode does not take apart
_PREFIXES = ("wc-", "wc_", "wc ")
"""What WooCommerce puts before its order states."""


@dataclass(frozen=True)
class Word:
    """A word of the contract. ``means`` is its class, ``meaning`` a sentence.

    ``purchase``: an order of this status counts as bought. ``open``: it may still be held back.
    """

    name: str
    means: str
    meaning: str = ""
    purchase: bool = False
    open: bool = False
    spellings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """The words of a column, by name, and how shops spell them. ``closed``: a word that is not in it means nothing."""

    name: str
    closed: bool
    words: Mapping[str, Word]
    spelled: Mapping[str, str] = field(repr=False)

    def read(self, text: str) -> str | None:
        """Give the contract's word for what a shop wrote; None where there is none.

        Examples
        --------
        >>> [vocabulary("order.status").read(text) for text in ("Canceled", "wc-on-hold", "Storniert", "frobnicated")]
        ['cancelled', 'pending', 'cancelled', None]
        """
        return self.spelled.get(key(text))

    def clean(self, text: str) -> str:
        """Give what stands in the clean table for what a shop wrote."""
        return self.read(text) or (UNKNOWN if self.closed else text.strip().lower())

    def near(self, text: str) -> str | None:
        """Give the known word that is spelled most like ``text``; None where none is near.

        Examples
        --------
        >>> vocabulary("order.status").near("cancled")
        'cancelled'
        """
        close = difflib.get_close_matches(key(text), self.spelled, 1, 0.8)
        return self.spelled[close[0]] if close else None


def key(text: str) -> str:
    """Reduce a word to what tells it from others: no case, no accents, nothing between letters, no ``wc-`` before it.

    Examples
    --------
    >>> key("On-Hold"), key("wc-on_hold"), key("Échoué"), key("R$")
    ('onhold', 'onhold', 'echoue', 'r$')
    """
    low = text.strip().casefold()
    for prefix in _PREFIXES:
        low = low.removeprefix(prefix)
    apart = unicodedata.normalize("NFKD", low.translate(_LETTERS))
    return "".join(c for c in apart if c.isalnum() or unicodedata.category(c) == "Sc")


@cache
def vocabularies() -> Mapping[str, Vocabulary]:
    """All vocabularies by name."""
    document = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    return {name: _vocabulary(name, **entry) for name, entry in document.items()}


def vocabulary(name: str) -> Vocabulary:
    """The vocabulary of this name."""
    return vocabularies()[name]


def spellings(name: str, word: str) -> frozenset[str]:
    """How a word may be written, in lower case with and without accents, for engines that only compare.

    Examples
    --------
    >>> {"yes", "sí", "si"} <= spellings("boolean", "true")
    True
    """
    written = (word, *vocabulary(name).words[word].spellings)
    return frozenset({text.lower() for text in written} | {key(text) for text in written})


def _vocabulary(name: str, closed: bool, words: Mapping[str, Mapping[str, Any]]) -> Vocabulary:
    entries = {
        word: Word(word, **{**fields, "spellings": tuple(fields["spellings"])}) for word, fields in words.items()
    }
    spelled = {key(text): word.name for word in entries.values() for text in (word.name, *word.spellings)}
    return Vocabulary(name, closed, entries, spelled)


def statuses(*, purchase: bool | None = None, open: bool | None = None) -> tuple[str, ...]:  # noqa: A002
    """Words of ``order.status`` that count as bought, or that may still be held back.

    Examples
    --------
    >>> statuses(open=True)
    ('pending', 'placed', 'paid')
    """
    return tuple(
        word.name
        for word in vocabulary("order.status").words.values()
        if purchase in (None, word.purchase) and open in (None, word.open)
    )
