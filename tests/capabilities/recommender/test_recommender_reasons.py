"""Reasons in words, and in the shop's own words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ml.capabilities.recommender.reasons import Named, Words, numbers
from ml.capabilities.recommender.templates import REASON_CODES, TEMPLATES, Reason
from ml.core.errors import NightshiftError

NAMED = {
    "source": Named(pa.array(["Cup", "Tea"]), np.array([1, 0, 1, 0])),
    "category": Named(pa.array(["", "tea"]), np.array([1, 1, 1, 1])),
    "segment": Named(pa.array(["", "retail"]), np.array([1, 1, 1, 1])),
    "days": numbers(np.array([40, 7, 40, 7])),
}


def test_every_reason_has_words() -> None:
    """The codes that are published are the first reasons, and each reason has a template."""
    assert tuple(reason.code for reason in Reason)[: len(REASON_CODES)] == REASON_CODES
    assert tuple(TEMPLATES) == tuple(reason.code for reason in Reason)


def test_each_row_has_its_own_words() -> None:
    """Kinds and values may be mixed in any order."""
    kind = np.array([Reason.BECAUSE, Reason.AGAIN, Reason.CATEGORY, Reason.RANGE])
    assert Words().of(kind, **NAMED).to_pylist() == [
        "because you bought Tea",
        "bought again about every 7 days",
        "new in tea, a category you follow",
        "from our range",
    ]
    assert Words().of(kind[:0], **NAMED).to_pylist() == []


def test_words_equal_format() -> None:
    """The vectorised words are those of str.format, row by row, for every kind."""
    rng = np.random.default_rng(7)
    kind = rng.integers(0, len(Reason), 500)
    place = rng.integers(0, 2, (3, 500))
    days = rng.integers(1, 90, 500)
    names = ("source", "category", "segment")
    named = {name: Named(NAMED[name].texts, at) for name, at in zip(names, place, strict=True)}
    texts = Words().of(kind, **named, days=numbers(days)).to_pylist()
    for row, text in enumerate(texts):
        values = {name: named[name].texts[int(at[row])].as_py() for name, at in zip(names, place, strict=True)}
        assert text == TEMPLATES[Reason(kind[row]).code].format(**values, days=days[row])


def test_the_shop_replaces_what_it_likes() -> None:
    """Words are those of the shop's language, else of its English rows, else ours; braces written twice stay as such."""
    rows = [
        ("de", "because", "{{weil}} Sie {source} kauften, {source}!"),
        ("en", "popular", "everybody's darling"),
        ("en", "because", "you have {source}"),
        ("pt", "range", "da nossa loja"),
    ]
    table = pa.table(dict(zip(("language", "code", "template"), map(list, zip(*rows, strict=True)), strict=True)))
    kind = np.array([Reason.BECAUSE, Reason.POPULAR, Reason.BECAUSE, Reason.RANGE])
    german = Words.of_shop({"reason_template": table, "recommender_setting": pa.table({"language": ["de"]})})
    assert german.of(kind, **NAMED).to_pylist() == [
        "{weil} Sie Tea kauften, Tea!",
        "everybody's darling",
        "{weil} Sie Tea kauften, Tea!",
        "from our range",
    ]
    english = Words.of_shop({"reason_template": table})
    assert english.of(kind, **NAMED).to_pylist() == [
        "you have Tea",
        "everybody's darling",
        "you have Tea",
        "from our range",
    ]
    assert Words.of_shop({}).of(kind[:1], **NAMED).to_pylist() == ["because you bought Tea"]


@pytest.mark.parametrize(
    ("code", "template", "message"),
    [
        ("because", "because of {product}", r"because: .* uses \{product\}; this code has \{source\}"),
        ("popular", "like {source}", r"uses \{source\}; this code has no placeholder"),
        ("again", "every {days:d} days", "uses a format"),
        ("again", "every {days days", "again: .*brace"),
        ("because", "because of {}", r"this code has \{source\}"),
        ("becuase", "because", "'becuase' is not a code; codes are again, because"),
        ("range", " ", "range: the template is empty"),
    ],
)
def test_a_wrong_template_is_an_error_that_says_what_to_do(code: str, template: str, message: str) -> None:
    """It names the code, what was found, what there is, and the table to correct."""
    with pytest.raises(NightshiftError, match=message) as error:
        Words({code: template})
    assert "ml_config.reason_template" in str(error.value)


def test_all_wrong_templates_are_told_at_once() -> None:
    """Two faults, two lines."""
    with pytest.raises(NightshiftError, match=r"(?s)popular.*range"):
        Words({"popular": "{x}", "range": "{y}"})
