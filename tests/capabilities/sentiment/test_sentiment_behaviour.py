"""What a reader of reviews must be able to do, in the languages of the demo shop (after CheckList, Ribeiro et al., ACL 2020)."""

from __future__ import annotations

import pytest

from ml.capabilities.sentiment.behaviour import ABILITIES, CASES, passes, shares
from ml.capabilities.sentiment.model import fit, fit_baseline
from ml.capabilities.sentiment.spec import Params
from tests.capabilities.sentiment.reviews import aspects, demo, features, published, sentiments, taught


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.ability}: {case.texts[0]}")
def test_what_a_reader_must_be_able_to_do(case):
    """Each case of each ability is passed in the languages of the demo shop."""
    assert passes(taught(), [case]) == [True]


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("Not bad.", 1),
        ("Delivery was not late at all.", 1),
        ("Die Lieferung war gar nicht langsam.", 1),
        ("Not recommended.", -1),
        ("Nicht gut.", -1),
        ("Não gostei.", -1),
    ],
)
def test_a_shop_of_few_reviews_reads_a_not(text, side):
    """With 125 reviews it is the word list that knows what a 'not' turns round, also before a bad word."""
    few = demo(200)
    fitted = fit({name: few[name] for name in ("moment", "review")}, Params(), 7)
    assert sentiments(fitted, text)[0]["score"] * side > 0.2


def test_abilities_are_told_apart():
    """Each ability has a figure of its own in the languages of the shop, and a reader of mere words does not pass all."""
    assert shares(taught()) == dict.fromkeys([f"behaviour {name}" for name in ABILITIES], 1.0)
    untaught = fit_baseline(features([]), Params(), 7)
    assert shares(untaught) == {}
    assert not all(passes(untaught, CASES))


@pytest.mark.parametrize(
    ("text", "praised", "blamed"),
    [
        ("The quality is excellent but delivery was late again.", "quality", "delivery"),
        ("Delivery was slow but the fit is perfect.", "size", "delivery"),
        ("A qualidade é excelente mas a entrega foi muito lenta.", "quality", "delivery"),
        ("Die Qualität ist hervorragend aber der Karton war zerdrückt.", "quality", "packaging"),
    ],
)
def test_contrast(text, praised, blamed):
    """Each side of a 'but' speaks for its own aspect."""
    found = aspects(taught(), text)
    assert found[praised] > 0 > found[blamed]


def test_reasons_are_words_of_the_text():
    """A reason names words that stand in the text, with the direction in which they moved the score."""
    text = "Great. The quality is excellent."
    (row,) = sentiments(taught(), text)
    parts = row["reason"].split(", ")
    assert parts
    assert all(part[:2] in {"+ ", "- "} and part[2:] in text for part in parts)
    assert any(part.startswith("+") for part in parts)


def test_quotes_are_clauses_of_the_text():
    """The quote of an aspect is the clause that speaks of it."""
    from tests.capabilities.sentiment.reviews import features, published

    text = "Not for me, sorry. The quality is good, it is soft and warm; but the courier came late!"
    rows = published(taught(), features([{"text": text}]))["review_aspect"].to_pylist()
    assert {row["aspect"]: row["quote"] for row in rows} == {
        "quality": "The quality is good",
        "delivery": "but the courier came late!",
    }


def test_a_headline_is_told_from_the_text():
    """The same word can mean another thing in a headline."""
    nouns = [f"{a}{b}{c}" for a in "bdfg" for b in "aeiou" for c in "klmn"]
    good = [{"title": "fine", "text": f"{noun} {noun}", "stars": 5} for noun in nouns]
    bad = [{"title": f"{noun} {noun}", "text": "fine", "stars": 1} for noun in nouns]
    fitted = fit(features(good + bad), Params(), 0)
    reviews = features([{"title": "fine", "text": "zuq zuq"}, {"title": "zuq zuq", "text": "fine"}])
    up, down = published(fitted, reviews)["review_sentiment"]["score"].to_pylist()
    assert up > 0.2
    assert down < -0.2


def test_no_reason_or_quote_runs_from_a_headline_into_the_text():
    """What is published of a review stands in its headline or in its text, without the mark between them."""
    title, text = "Quality excellent", "excellent quality, delivery late"
    tables = published(taught(), features([{"title": title, "text": text}]))
    (row,) = tables["review_sentiment"].to_pylist()
    phrases = [phrase[2:] for phrase in row["reason"].split(", ")]
    assert len(phrases) >= 2
    assert all(phrase in title or phrase in text for phrase in phrases)
    assert all(quote in title or quote in text for quote in tables["review_aspect"]["quote"].to_pylist())
