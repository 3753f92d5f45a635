"""Sentences of a request, each of which may ask for something else, and wishes that are said not to be had."""

from __future__ import annotations

import re

from ml.text.tokens import HEADLINE
from ml.text.words import fold, words

_ENDS = re.compile(r"(?<=[.!?;])\s+|\n+|" + HEADLINE)
_JOINS = re.compile(r"(?i),?\s+(?:and also|and|also|und|außerdem|ausserdem|e também|e|além disso|y|et)\s+")
_NOT_WANTED = re.compile(
    r"\b(?:(?:do not|don'?t|does not|doesn'?t|did not|didn'?t|never|no longer) (?:really |even )?(?:want|wanted|wish|need|mean|intend|plan|like|asked?)"
    r"|would(?: not|n'?t) (?:like|want)|(?:am|was|are) not (?:asking|trying|going|here)|please (?:do not|don'?t)) (?:to )?(?P<en>\w+)"
    r"|\b(?:will|mochte|wollte|wunsche|werde|wurde)\b[^.!?;]{0,60}?\b(?:nicht|kein\w*) (?P<de>\w+)"
    r"|\b(?:nao|nunca) (?:quero|queria|desejo|preciso|pretendo|gostaria de|pedi para) (?P<pt>\w+)"
    r"|\bno (?:quiero|deseo|necesito) (?P<es>\w+)"
)
_DENYING = (
    "not",
    "n't",
    "dont",
    "doesnt",
    "didnt",
    "wouldnt",
    "never",
    "no ",
    "please",
    "nicht",
    "kein",
    "nao",
    "nunca",
)
"""One of these is in every text that the pattern is found in."""
_SHORTEST, _STEM = 3, 5


def sentences(text: str) -> list[str]:
    """The sentences of a text, and their parts beside an *and* where both sides are long enough to ask for something.

    Examples
    --------
    >>> sentences("Hello! Where is my parcel and how do I send back the shoes?")
    ['Hello!', 'Where is my parcel', 'how do I send back the shoes?']
    """
    found = []
    for sentence in _ENDS.split(text):
        parts = _JOINS.split(sentence)
        long = all(len(part.split()) >= _SHORTEST for part in parts)
        found += parts if long else [sentence]
    return [part.strip() for part in found if part.strip()]


def not_wanted(sentence: str) -> str:
    """The verb, folded, that the writer says they do not want to be done; empty: none.

    Examples
    --------
    >>> not_wanted("I do not want to cancel"), not_wanted("Ich möchte die Bestellung nicht stornieren")
    ('cancel', 'stornieren')
    >>> not_wanted("I cannot log in"), not_wanted("Please cancel")
    ('', '')
    """
    folded = fold(sentence).replace("\u2019", "'")
    found = _NOT_WANTED.search(folded) if any(word in folded for word in _DENYING) else None
    return next((word for word in found.groups() if word), "") if found else ""


def names(verb: str, known: frozenset[str]) -> bool:
    """Whether one of the words ``known`` begins as ``verb`` does: *cancel*, *cancelar*, *cancellation*."""
    begin = verb[:_STEM]
    return any(word.startswith(begin) for word in known)


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text, folded."""
    return frozenset(words(fold(text)))
