"""What a reader of reviews must be able to do, in the languages of the demo shop (after CheckList, Ribeiro et al., ACL 2020)."""

from __future__ import annotations

import pytest

from ml.capabilities.sentiment.model import fit
from ml.capabilities.sentiment.spec import Params
from tests.capabilities.sentiment.reviews import aspects, features, published, said, taught


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("The quality is excellent.", "The quality is not good."),
        ("Delivery was on time.", "Delivery was not on time."),
        ("A qualidade é excelente.", "A qualidade não é boa."),
        ("O envio chegou no prazo.", "O envio não chegou no prazo."),
        ("Die Qualität ist hervorragend.", "Die Qualität ist nicht gut."),
        ("Recommended.", "Not recommended."),
        ("Would buy again.", "Would not buy again."),
    ],
)
def test_negation(good, bad):
    """A 'not' takes a text from the good side to the bad one, or at least well down."""
    first, second = (row["score"] for row in said(taught(), good, bad))
    assert first > 0
    assert second < first - 0.3


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
    """Each side of a 'but' speaks for its own aspect, and the text as a whole is between the two."""
    found = aspects(taught(), text)
    assert found[praised] > 0 > found[blamed]
    (whole,) = said(taught(), text)
    assert abs(whole["score"]) < 0.7


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Very disappointed. The quality is poor.", "Very dissapointed. The qulaity is poor."),
        ("Sehr zufrieden. Die Lieferung war schnell.", "Sehr zufireden. Die Liefreung war shcnell."),
        ("Muito satisfeito. O preço é justo.", "Muito satsifeito. O perço é jsuto."),
        ("não recomendo", "nao recomendo"),
        ("Great", "GREAT"),
        ("So goood", "So gooooooooood"),
    ],
)
def test_typos(right, wrong):
    """Swapped letters, missing accents, capitals and stretched words do not change the label."""
    first, second = said(taught(), right, wrong)
    assert first["label"] == second["label"]


@pytest.mark.parametrize("text", ["{} was here. The quality is excellent.", "Very disappointed, says {}."])
def test_invariance_to_names(text):
    """Whose name stands in a text hardly moves its score."""
    rows = said(taught(), *(text.format(name) for name in ("Anna", "João", "Mr. Okafor", "Sieglinde", "Zhang Wei")))
    scores = [row["score"] for row in rows]
    assert len({row["label"] for row in rows}) == 1
    assert max(scores) - min(scores) < 0.3


@pytest.mark.parametrize("text", ["This {} is great, very happy with it.", "Very disappointed with this {}."])
def test_invariance_to_products(text):
    """What kind of thing is spoken of hardly moves the score."""
    rows = said(taught(), *(text.format(thing) for thing in ("dress", "lamp", "phone case", "garden hose", "blender")))
    scores = [row["score"] for row in rows]
    assert len({row["label"] for row in rows}) == 1
    assert max(scores) - min(scores) < 0.3


def test_reasons_are_words_of_the_text():
    """A reason names words that stand in the text, with the direction in which they moved the score."""
    text = "Great. The quality is excellent."
    (row,) = said(taught(), text)
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
    asked = features([{"title": "fine", "text": "zuq zuq"}, {"title": "zuq zuq", "text": "fine"}])
    up, down = published(fitted, asked)["review_sentiment"]["score"].to_pylist()
    assert up > 0.2
    assert down < -0.2


def test_no_reason_or_quote_runs_from_a_headline_into_the_text():
    """What is published of a review stands in its headline or in its text, without the mark between them."""
    title, text = "Quality excellent", "excellent quality, delivery late"
    made = published(taught(), features([{"title": title, "text": text}]))
    (row,) = made["review_sentiment"].to_pylist()
    phrases = [phrase[2:] for phrase in row["reason"].split(", ")]
    assert len(phrases) >= 2
    assert all(phrase in title or phrase in text for phrase in phrases)
    assert all(quote in title or quote in text for quote in made["review_aspect"]["quote"].to_pylist())
