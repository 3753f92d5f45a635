"""Words of short texts (titles, queries), cut by rules that a SQL function applies alike: data, not code.

A text is folded (case, accents, width), then cut at everything that is no letter and no digit; each character of Chinese
and Japanese is a word of its own. An inflected word becomes a stem by taking one suffix off, the longest that leaves three
letters: light stemming, which serves retrieval about as well as a full stemmer does (Savoy, SAC 2006). :data:`RULES` holds
all of it as texts; what reads them needs ``translate`` and regular expressions alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

LONGEST = 60
"""Letters of a word that are looked at."""

_SINGLE = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŧ": "t", "þ": "t", "ŋ": "n"}
DOUBLES = (("ß", "ss"), ("æ", "ae"), ("œ", "oe"), ("ĳ", "ij"), ("ﬁ", "fi"), ("ﬂ", "fl"))
MARKS = "[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u200b-\u200f\ufe0e\ufe0f]"
"""Accents on their own, vowel signs that are mostly left out, and what is not seen."""
CHARACTERS = "([\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u9fff])"
"""Of scripts without spaces between words."""
BREAKS = (
    "[\u0001-\u002f\u003a-\u0060\u007b-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7\u02c2-\u02df\u055a-\u055f"
    "\u05be\u05f3\u05f4\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u2010-\u206f\u20a0-\u20cf\u2100-\u2bff"
    "\u3000-\u3040\u30fb\ud7fc-\ufaff\ufe10-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\uffe0-\uffff"
    "\U00010000-\U0010ffff]+"
)
"""What separates words: signs, spaces, symbols, emoji."""
POSSESSIVE = "['\u2019]s(?![a-z0-9])"

SUFFIXES = {
    "en": "ings ing ies y sses ss es e s",
    "de": "ern ers em en er es e s n",
    "nl": "heden en e s",
    "fr": "ements ement issantes issante euses euse ives ive eaux es s e x",
    "pt": "amentos amento adoras adora adores ador oes aes ais eis os as s o a e",
    "es": "amientos amiento adoras adora adores ador ones es os as s o a e",
    "it": "amenti amento atrici atrice atori atore i e o a",
    "sv": "ornas arnas ernas orna arna erna ens ets or ar er en et a e s",
    "da": "ernes erne eren erer ers er en et e s",
    "pl": "ami ach owie ow om emu ego ych ymi y i a e o u",
    "ru": "ами ями ого его ому ему ыми ими ах ях ов ев ой ей ый ий ая яя ое ее ые ие ом ем а я о е ы и у ю ь",
    "tr": "larin lerin lari leri lar ler i u a e",
}
"""Suffixes by language, without accents."""


class Rules(NamedTuple):
    """How texts of a language are cut; each a text that Python and Postgres read alike."""

    fold_from: str
    fold_to: str
    """Character i of the first becomes character i of the second."""
    stem: str
    """Regular expression: what its first group matches stays of a word; empty: words stay whole."""


@cache
def rules(language: str) -> Rules:
    """The rules of a language (ISO 639-1); of one without suffixes, or several, words are not stemmed."""
    source, target = _folds()
    suffixes = "|".join(sorted(fold(SUFFIXES.get(language, "")).split(), key=lambda suffix: (-len(suffix), suffix)))
    return Rules(source, target, f"^(.{{3,}}?)(?:{suffixes})$" if suffixes else "")


def sql_rules(language: str, own: Sequence[str] = ("", "", "", "")) -> list[str]:
    """The rules as ``words.sql`` takes them, with four of the caller's own in places 8 to 11."""
    language_rules = rules(language)
    doubles = (part for pair in DOUBLES for part in pair)
    return [
        language_rules.fold_from,
        language_rules.fold_to,
        MARKS,
        CHARACTERS,
        BREAKS,
        POSSESSIVE,
        language_rules.stem,
        *own,
        *doubles,
    ]


@cache
def _folds() -> tuple[str, str]:
    source, target = [], []
    for code in (*range(0x41, 0x5B), *range(0xAA, 0x2000), *range(0xFF10, 0xFF9E)):
        char = chr(code)
        lower = char.lower()
        base = unicodedata.normalize("NFKD", lower if len(lower) == 1 else lower[0])[:1]
        base = _SINGLE.get(base, base)
        if base and base != char and unicodedata.category(char)[0] in "LN" and unicodedata.category(base) != "Mn":
            source.append(char)
            target.append(base)
    return "".join(source), "".join(target)


@cache
def _table() -> dict[int, str]:
    return dict(zip(map(ord, _folds()[0]), _folds()[1], strict=True))


def fold(text: str) -> str:
    """Take case, accents and width away.

    Examples
    --------
    >>> fold("Crème BRÛLÉE, Straße Ａ4")
    'creme brulee, strasse a4'
    """
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFC", text)
    folded = text.translate(_table())
    for char, instead in DOUBLES:
        folded = folded.replace(char, instead)
    return _MARKS.sub("", folded)


_MARKS, _CHARACTERS, _BREAKS, _POSSESSIVE = (re.compile(p) for p in (MARKS, CHARACTERS, BREAKS, POSSESSIVE))


def words(folded: str) -> list[str]:
    """Cut a folded text into its words, in order.

    Examples
    --------
    >>> words("men's t-shirt, 茶碗")
    ['men', 't', 'shirt', '茶', '碗']
    """
    text = _POSSESSIVE.sub("", folded)
    if not text.isascii():
        text = _CHARACTERS.sub(r" \1 ", text)
    return [word[:LONGEST] for word in _BREAKS.split(text) if word]


def stemmer(language: str) -> Callable[[str], str]:
    """Function that gives the stem of a folded word.

    Examples
    --------
    >>> [stemmer("en")(word) for word in ("shoe", "shoes", "battery", "batteries", "glass", "glasses")]
    ['sho', 'sho', 'batter', 'batter', 'gla', 'gla']
    """
    pattern = rules(language).stem
    if not pattern:
        return lambda word: word
    found = re.compile(pattern)

    @cache
    def stem(word: str) -> str:
        match = found.match(word)
        return match[1] if match else word

    return stem
