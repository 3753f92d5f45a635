"""Shops and texts that are not as one would like them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ml.capabilities.sentiment import model
from ml.capabilities.sentiment.spec import SPEC, Params
from ml.text.clean import clean
from ml.text.tokens import HEADLINE
from tests.capabilities.sentiment.reviews import demo, features, published, sentiments, taught

GOOD = {"text": "Great quality, very happy", "stars": 5, "product": "p"}
SHOPS = {
    "no review": [],
    "one review": [GOOD],
    "one class": [{**GOOD, "text": f"Great quality number {i}"} for i in range(80)],
    "no words": [{"stars": 1 + i % 5, "product": "p"} for i in range(80)],
    "no stars": [{"text": "good" if i % 2 else "bad", "product": "p"} for i in range(80)],
    "no product": [{"text": "good" if i % 2 else "bad", "stars": 5 if i % 2 else 1} for i in range(80)],
}


@pytest.mark.parametrize("name", list(SHOPS))
def test_an_odd_shop_gets_its_tables(name):
    """Whatever the shop has, each review has its row, and each product of a review."""
    rows = SHOPS[name]
    known = features(rows)
    tables = published(model.fit(known, Params(), 7), known)
    assert list(tables) == [table.name for table in SPEC.publishes]
    assert tables["review_sentiment"]["review_id"].to_pylist() == known["review"]["review_id"].to_pylist()
    products = sorted({row["product"] for row in rows if row.get("product")})
    assert tables["product_sentiment"]["product_id"].to_pylist() == products


def test_without_words_the_stars_speak():
    """A review without words is as positive as its stars; without those nothing is known of it."""
    rows = published(taught(), features([{"stars": n} for n in (1, 2, 3, 4, 5, None)]))["review_sentiment"].to_pylist()
    assert [row["label"] for row in rows] == ["negative", "negative", "neutral", "positive", "positive", "neutral"]
    assert [row["score"] for row in rows] == [-1, -0.5, 0, 0.5, 1, 0]
    assert {row["language"] for row in rows} == {"zxx"}
    assert not any(row["mismatch"] for row in rows)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("😀😀😀", "positive"),
        ("😡", "negative"),
        ("Great", "positive"),
        ("GREAT!!! LOVE IT!!!", "positive"),
        ("great " * 17_000, "positive"),
        ("bad\0bad", "negative"),
        ("<p>Very <b>disappointed</b></p><script>var great = 'great great'</script>", "negative"),
        ("'); DROP TABLE review; -- would not buy again", "negative"),
        ("Would not buy again https://great.example/love-it", "negative"),
        ("Great " + "\U0010ffff" * 20, "positive"),
    ],
)
def test_odd_texts_are_read(text, label):
    """Emoji, one word, shouting, 100 kB, NUL, markup, SQL and links: what is said of the product counts."""
    (row,) = sentiments(taught(), text)
    assert row["label"] == label


def test_chinese_is_read_without_spaces():
    """A shop of Chinese reviews: words are found in lines without spaces, and its own signs part the clauses."""
    said_of = {5: ("质量很好", "包装精美", "非常喜欢"), 1: ("质量太差", "包装破损", "非常失望")}
    rows = [
        {"text": "，".join(f"{words[(i + k) % 3]}{i % 7}" for k in range(1 + i % 3)), "stars": stars, "product": "p"}
        for i in range(60)
        for stars, words in said_of.items()
    ]
    new = [
        {"text": text, "product": "p"} for text in ("质量很好，但是包装破损。", "真的非常失望！", "质量很好 包装很精美")
    ]
    tables = published(model.fit(features(rows), Params(), 7), features(new))
    mixed, bad, _ = tables["review_sentiment"].to_pylist()
    assert (mixed["language"], bad["language"], bad["label"]) == ("zh", "zh", "negative")
    assert "失望" in bad["reason"]
    aspects = [(row["aspect"], row["score"] > 0, row["quote"]) for row in tables["review_aspect"].to_pylist()]
    assert aspects == [
        ("packaging", False, "但是包装破损"),
        ("quality", True, "质量很好"),
        ("packaging", True, "包装很精美"),
        ("quality", True, "质量很好"),
    ]


@pytest.mark.parametrize(
    "text", ["Świetny produkt, polecam każdemu, szybka dostawa i dobra jakość", "商品很好,我很喜欢", "....", "12345"]
)
def test_what_cannot_be_read_is_unsure(text):
    """A text in a language that the shop never had has a row, and no great confidence in either direction."""
    (row,) = sentiments(taught(), text)
    assert row["language"] not in {"en", "de", "pt"}
    assert abs(row["score"]) < 0.95


def test_cleaning():
    """Markup, entities, links, addresses and control characters go; words, accents, capitals, emoji and lines stay."""
    texts = pa.array(["<a href='x'>Ótimo</a>&nbsp;&eacute; 5 < 6\r\n\r\n❤️", "see www.x.com or me@x.com\u200b!", None])
    titles = pa.array([None, "T &amp; T", None])
    assert clean(titles, texts).to_pylist() == ["Ótimo é 5 < 6\n❤️", f"T & T{HEADLINE}\nsee or !", ""]


@pytest.mark.parametrize(
    ("title", "text", "cleaned"),
    [
        ("Good", "it is", f"Good{HEADLINE}\nit is"),
        ("Good", None, f"Good{HEADLINE}"),
        (" <b></b>\n", "it is", "it is"),
        ("", f"a{HEADLINE}b", "a b"),
        (f"a{HEADLINE}b", "c", f"a b{HEADLINE}\nc"),
        (HEADLINE, "", ""),
    ],
)
def test_a_headline_has_an_end(title, text, cleaned):
    """A headline with words is marked, one without is none, and nobody can type the mark."""
    joined = clean(pa.array([title], pa.string()), pa.array([text], pa.string()))
    assert joined.to_pylist() == [cleaned]


def test_stars_that_contradict_are_told():
    """A text that is surely of the other side than its stars is a mismatch; three stars contradict nothing."""
    text = "Very disappointed. The quality is poor and the support was rude."
    flags = {stars: sentiments(taught(), text, stars=stars)[0]["mismatch"] for stars in (1, 3, 5, None)}
    assert flags == {1: False, 3: False, 5: True, None: False}


UNREAD = (
    "素晴らしい商品です。",
    "最高です！また買います。",
    "とても使いやすい。",
    "Отличный товар, рекомендую всем!",
    "คุณภาพดี",
    "Bardzo dobra jakość i szybka dostawa.",
    "Erinomainen tuote, suosittelen lämpimästi.",
    "추천합니다!",
    "מוצר מעולה",
    "qwrt zxcv plmk",
)
"""Praise in languages that the model was never taught; some share a sign or a word with one that it was."""


@pytest.mark.parametrize(
    ("stars", "label", "score"),
    [(5, "positive", 1), (4, "positive", 0.5), (3, "neutral", 0), (1, "negative", -1), (None, "neutral", 0)],
)
def test_of_a_language_that_was_never_read_the_stars_decide(stars, label, score):
    """No word is known: the stars, else neutral; no words in the reason, and no mismatch."""
    for row in sentiments(taught(), *UNREAD, stars=stars):
        assert (row["label"], row["score"], row["reason"], row["mismatch"]) == (label, score, "", False)
        assert row["confidence"] == pytest.approx(1 / 3 if stars is None else 0.5 if stars == 4 else 1)


@pytest.mark.parametrize(
    ("texts", "stars", "raised"),
    [(UNREAD, 1, False), (UNREAD, 5, False), (["Terrible, broken, very disappointed"] * 10, 1, True)],
)
def test_what_was_not_read_raises_no_alert(texts, stars, raised):
    """Ten reviews in three days beside a year of praise: an alert if they are bad and can be read, none if they cannot."""
    before = [{"text": "Great quality, love it", "stars": 5, "product": "p", "ago": 30 + n} for n in range(200)]
    new = [{"text": text, "stars": stars, "product": "p", "ago": n % 3} for n, text in enumerate(texts)]
    assert bool(len(published(taught(), features([*before, *new]))["sentiment_alert"])) == raised


def test_label_score_and_confidence_agree():
    """A label is never against the sign of its score, and none is more likely than it."""
    reviews = demo()["review"].slice(0, 3000)
    rows = published(taught(), {"moment": demo()["moment"], "review": reviews})["review_sentiment"].to_pylist()
    assert {row["label"] for row in rows} == {"negative", "neutral", "positive"}
    for row in rows:
        assert row["score"] * {"negative": 1, "neutral": 0, "positive": -1}[row["label"]] <= 0
        assert row["confidence"] >= (1 + abs(row["score"])) / 3 * (row["label"] != "neutral") - 1e-9
