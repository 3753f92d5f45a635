"""What a query means: its terms, what it was corrected to, the category, brand, price and colour that it names.

``words.sql`` reads a query alike, step for step; a test holds both to the same answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ml.capabilities.search.index import Index, best
from ml.text.measures import halved, measures
from ml.text.query_words import ABOVE, BELOW, COLOURS
from ml.text.words import fold, words

LONGEST = 200
"""Characters of a query that are read."""
MOST = 12
"""Words of a query that are read."""
SYNONYM = 0.8
"""What finding a synonym counts beside the word itself."""
_BELOW, _ABOVE = re.compile(BELOW), re.compile(ABOVE)


@dataclass
class Reading:
    """A query as it is understood."""

    words: list[str] = field(default_factory=list)
    """As they count, after corrections."""
    terms: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """Which word each term is of: of the terms of one place the best counts."""
    corrected: bool = False
    category: str | None = None
    brand: str | None = None
    colour: str | None = None
    least: float | None = None
    most: float | None = None


def read(query: str, index: Index, spelling: Mapping[str, Sequence[str]]) -> Reading:
    """Read a query against what the index knows."""
    reading = Reading()
    text = _prices(fold(query[:LONGEST]), reading)
    text = halved(text)
    measured = [(word, written) for word, written in measures(text) if word in index.idf]
    for _, written in measured:
        text = text.replace(written, " ")
    for word in _code(words(text), index)[:MOST]:
        _take(word, reading, index, spelling)
    for word, _ in measured:
        _add(reading, (word,), word)
    _join(reading, index)
    _names(reading, index)
    return reading


def _code(found: list[str], index: Index) -> list[str]:
    """A product's number is one word, however it is written: nothing else of it is looked for."""
    known = index.words.get("".join(found)) if len(found) > 1 else None
    return ["".join(found)] if known and known.kind == "code" else found


def _prices(text: str, reading: Reading) -> str:
    if found := _BELOW.search(text):
        reading.most = float(found[1].replace(",", "."))
        text = text[: found.start()] + " " + text[found.end() :]
    if found := _ABOVE.search(text):
        reading.least = float(found[1].replace(",", "."))
        text = text[: found.start()] + " " + text[found.end() :]
    return text


def _take(word: str, reading: Reading, index: Index, spelling: Mapping[str, Sequence[str]]) -> None:
    """A word that is known; else its stem, two words written as one, or a slip of a known one."""
    if known := index.words.get(word):
        return _add(reading, known.terms, word, alternatives=known.kind == "synonym")
    if (stem := index.stem(word)) in index.idf:
        return _add(reading, (stem,), word)
    if parts := _split(word, index):
        return _add(reading, (index.stem(parts[0]), index.stem(parts[1])), word)
    if meant := best(word, index.words, lambda variant: spelling.get(variant, ())):
        reading.corrected = True
        return _add(reading, index.words[meant].terms, meant)
    return _add(reading, (stem,), word)


def _split(word: str, index: Index) -> tuple[str, str] | None:
    """The word as two known ones of at least three letters: where the rarer of them is the most frequent."""
    found = []
    for at in range(3, len(word) - 2):
        a, b = index.words.get(word[:at]), index.words.get(word[at:])
        if a and b and a.kind == b.kind == "word":
            found.append((-min(a.frequency, b.frequency), at))
    if not found:
        return None
    at = min(found)[1]
    return word[:at], word[at:]


def _add(reading: Reading, terms: Sequence[str], word: str, *, alternatives: bool = False) -> None:
    """Take up a word: each of its terms has a place, or the first has, for which the others stand in."""
    reading.words.append(word)
    place = max(reading.places, default=0)
    for number, term in enumerate(terms):
        reading.terms.append(term)
        reading.weights.append(SYNONYM if alternatives and number else 1.0)
        reading.places.append(place + 1 if alternatives else place + 1 + number)


def _join(reading: Reading, index: Index) -> None:
    """Two neighbours that are known as one word may also be that word, at the places of both."""
    for a, b in zip(list(reading.words), reading.words[1:], strict=False):
        known = index.words.get(a + b)
        ends = [index.stem(a), index.stem(b)]
        if known and known.kind == "word" and all(end in reading.terms for end in ends):
            whole = known.terms[0]
            reading.places += [reading.places[reading.terms.index(end)] for end in ends]
            reading.terms += [whole] * 2
            # At each place it counts as much as the word it stands for, however rare it is.
            reading.weights += [min(1.0, index.idf.get(end, 1.0) / index.idf.get(whole, 1.0)) for end in ends]


def _names(reading: Reading, index: Index) -> None:
    stems = [index.stem(word) for word in reading.words]
    runs = [" ".join(stems[i : i + n]) for n in (3, 2, 1) for i in range(len(stems) - n + 1)]
    for run in runs:
        reading.category = reading.category or index.names.get(f"category:{run}")
        reading.brand = reading.brand or index.names.get(f"brand:{run}")
    reading.colour = next((word for word in reading.words if word in COLOURS), None)
