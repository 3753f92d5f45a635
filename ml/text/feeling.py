"""How the writer of a text feels, by words whose feeling needs no shop to teach it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from ml.text.function_words import NEGATORS
from ml.text.function_words import words as listed
from ml.text.lexicon import BAD, GOOD
from ml.text.words import fold, words

_POLITE = {"thank you", "obrigado", "danke", "gracias", "merci", "grazie", "谢谢"}
"""Said by everybody who asks for something."""
_TURNING = {*NEGATORS, "no", "t"}
"""The last is what is left of don't and isn't."""
_REACH = 2
"""A word of negation turns what begins so many words after it, or sooner."""


def feeling(text: str, language: str) -> float:
    """From -1 (bad) to 1 (good): good words less bad ones, by their number and one; 0 where none is known.

    Parameters
    ----------
    language : str
        Code of the text's language; of one without a list nothing is known.

    Examples
    --------
    >>> feeling("The parcel is great, I am very happy", "en") > 0 > feeling("Awful. Very disappointed!", "en")
    True
    >>> feeling("I am not happy", "en") < 0
    True
    >>> feeling("Where is my parcel? Thank you", "en")
    0.0
    """
    return feeling_of(words(fold(text)), language)


def feeling_of(text_words: Sequence[str], language: str) -> float:
    """The same of a text that is cut into its folded words already."""
    known, begins = _known(language)
    good = bad = after = 0  # the last: where the phrase before ended, whose 'not' turns it alone
    for at, word in enumerate(text_words):
        if word not in begins or at < after:
            continue
        length = next((n for n in begins[word] if tuple(text_words[at : at + n]) in known), 0)
        if not length:
            continue
        turned = any(word in _TURNING for word in text_words[max(after, at - _REACH) : at])
        if known[tuple(text_words[at : at + length])] != turned:
            good += 1
        else:
            bad += 1
        after = at + length
    return (good - bad) / (good + bad + 1)


@cache
def _known(language: str) -> tuple[Mapping[tuple[str, ...], bool], Mapping[str, Sequence[int]]]:
    """Whether a phrase, by its words, is good; and by its first word how many words phrases have, the longest first."""
    known = {
        tuple(words(fold(phrase))): good
        for lists, good in ((BAD, False), (GOOD, True))
        for phrase in listed(lists.get(language, ""))
        if phrase not in _POLITE and words(fold(phrase))
    }
    lengths: dict[str, set[int]] = {}
    for phrase in known:
        lengths.setdefault(phrase[0], set()).add(len(phrase))
    return known, {word: sorted(some, reverse=True) for word, some in lengths.items()}
