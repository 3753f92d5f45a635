"""How a text feels, by words that need no shop to teach them."""

from __future__ import annotations

import pytest

from ml.text.feeling import feeling


@pytest.mark.parametrize(
    ("text", "language", "sign"),
    [
        ("Excellent, I am very happy with it", "en", 1),
        ("Terrible, a complete waste of money", "en", -1),
        ("I am not happy at all", "en", -1),
        ("I don't recommend it", "en", -1),
        ("Where is my parcel? Thank you", "en", 0),
        ("Ich bin sehr zufrieden, toll", "de", 1),
        ("Não gostei, péssimo", "pt", -1),
        ("Excellent", "tlh", 0),
        ("", "en", 0),
        ("🙂 " * 2000, "en", 0),
    ],
)
def test_the_sign_is_that_of_the_words(text: str, language: str, sign: int) -> None:
    """Good above 0, bad below, turned by a 'not'; thanks are manners; nothing is known of a language without a list."""
    found = feeling(text, language)
    assert (found > 0) - (found < 0) == sign
    assert -1 < found < 1
