"""What is said of reviews is true: aspects in their own language, reasons that say something, texts and accounts counted once."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from ml.capabilities.sentiment import model, products, repeats
from ml.capabilities.sentiment.aspect_words import common, entries, of_language
from ml.capabilities.sentiment.config import ASPECT_WORD
from ml.capabilities.sentiment.model import Sentiment
from ml.capabilities.sentiment.spec import Params
from ml.learn.class_calibration import calibrate, chances, choose, of_steps
from ml.text.function_words import EMPTY, words_of
from ml.text.marked_words import fold
from ml.text.tokens import Texts
from tests.capabilities.sentiment.reviews import aspects, demo, features, published, sentiments, taught

SAID = {
    "nl": ("De levering was snel en netjes verzorgd.", "delivery"),
    "pl": ("Dostawa była szybka, paczka przyszła w dwa dni.", "delivery"),
    "ru": ("Доставка была очень быстрой, всё пришло целым.", "delivery"),
    "tr": ("Kargo çok hızlıydı, ürün sağlam geldi.", "delivery"),
    "id": ("Pengiriman cepat sekali dan barangnya bagus.", "delivery"),
    "vi": ("Giao hàng rất nhanh, tôi rất hài lòng.", "delivery"),
    "ar": ("التوصيل كان سريعا جدا والمنتج ممتاز", "delivery"),
    "th": ("การจัดส่งเร็วมากและสินค้าดีมาก", "delivery"),
    "ja": ("配送がとても早くて助かりました。", "delivery"),
    "ko": ("배송이 정말 빨라서 만족합니다.", "delivery"),
    "zh": ("快递非常快，我很满意。", "delivery"),
    "fr": ("La livraison était rapide et soignée.", "delivery"),
}


@cache
def _shop_of(language: str) -> Sentiment:
    """A shop whose reviews are in one language: the sentence, with a number that differs."""
    text = SAID[language][0]
    rows = [{"text": f"{text} {i}", "stars": 5 if i % 3 else 1} for i in range(12)]
    return model.fit(features(rows), Params(network=False), 7)


@pytest.mark.parametrize("language", SAID)
def test_aspects_are_named_in_each_language(language: str) -> None:
    """In twelve languages a sentence about the delivery is one about the delivery."""
    text, aspect = SAID[language]
    assert aspect in aspects(_shop_of(language), text)


def test_each_language_has_words_for_each_aspect() -> None:
    """No language that the platform names aspects in lacks a word for one of them."""
    found = entries({})
    languages = {code for _, codes in found for code in codes.split()}
    every = {word.aspect for word, _ in found}
    assert len(languages) >= 17
    for code in languages:
        assert {word.aspect for word in of_language(found, [code]) if not word.hint} == every, code


def test_a_word_counts_in_its_own_language_alone() -> None:
    """'Livre' is a book in French and free in Portuguese; neither is a delivery, and staff may say that a word counts everywhere."""
    known = {word.word for word in of_language(entries({}), ["pt"])}
    assert not {"colissimo", "liefer*", "コスパ"} & known
    assert "delivery" not in aspects(_shop_of("fr"), "Ce livre est magnifique, je le relis souvent.")
    rows = [dict(row) | {"language": None, "note": None} for row in ASPECT_WORD.rows]
    rows += [{"word": "wick", "aspect": "candle", "hint": False, "beside": False, "language": None, "note": None}]
    words = entries({"aspect_word": pa.Table.from_pylist(rows)})
    assert {word.word for word in of_language(words, ["pt"])} == known | {"wick"}


@pytest.mark.parametrize(
    ("text", "aspect", "counts"),
    [
        ("My order came fast.", "delivery", True),
        ("This bike is really fast.", "delivery", False),
        ("I bought it because it was cheap.", "price", True),
        ("The plot feels cheap to me.", "price", False),
        ("The box arrived open.", "packaging", True),
        ("This box set of films is great.", "packaging", False),
        ("The support was rude.", "service", True),
        ("The arch support of these shoes is great.", "service", False),
    ],
)
def test_a_word_of_two_meanings_needs_a_word_of_the_order(text: str, aspect: str, counts: bool) -> None:
    """Fast, cheap, box and support speak of an aspect only beside a word of the order or a hint of the same aspect."""
    assert (aspect in aspects(taught(), text)) == counts


def test_a_word_in_half_of_all_reviews_is_no_aspect() -> None:
    """In a shop of tailors everybody writes 'fit': the word says where one is, not what is praised."""
    texts = Texts.of(pa.array([f"The fit of suit {i}." if i % 3 else f"The price of {i}" for i in range(90)]))
    assert common(texts, of_language(entries({}), ["en"])) == ["fit"]
    assert common(Texts.of(pa.array(["fit"] * 10)), of_language(entries({}), ["en"])) == []


def test_reasons_are_words_that_say_something() -> None:
    """No reason of a demo shop is an article or a pronoun alone, and none runs over the end of a sentence."""
    reviews = demo()["review"].slice(0, 1500)
    rows = published(taught(), {"moment": demo()["moment"], "review": reviews})["review_sentiment"].to_pylist()
    empty = {code: {fold(word)[0] for word in words_of(EMPTY, [code])} for code in ("en", "de", "pt")}
    parts = [(row["language"], part[2:]) for row in rows for part in row["reason"].split(", ") if part]
    assert len(parts) > 1000
    assert not [
        part for code, part in parts if fold(part) and fold(part)[0] in empty.get(code, ()) and len(fold(part)) == 1
    ]
    assert not [part for _, part in parts if ". " in part]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("この商品は最悪でした。", "最悪でした"),
        ("スピーカーが壊れていた。", "壊れていた"),
        ("デザインが素晴らしい。", "素晴らしい"),
        ("クオリティが低い", "クオリティ"),
    ],
)
def test_reasons_in_japanese_are_whole_words(text: str, word: str) -> None:
    """A word is told whole: a run of katakana, or characters with the hiragana that end them, without the particle."""
    bad, good = ("最悪でした", "壊れていた", "低い", "クオリティが低い"), ("素晴らしい", "満足しています", "良い")
    rows = [{"text": f"{w}。{i}", "stars": 1} for w in bad for i in range(12)]
    rows += [{"text": f"{w}。{i}", "stars": 5} for w in good for i in range(12)]
    (row,) = sentiments(model.fit(features(rows), Params(network=False), 7), text)
    assert word in [part[2:] for part in row["reason"].split(", ")], row["reason"]


def test_thumbs_are_calibrated() -> None:
    """A shop of one and five stars alone has true chances too, and three stars, which nobody gave, are never said."""
    rng = np.random.default_rng(7)
    z = rng.normal(0, 1, (4000, 3)).astype(np.float32)
    truth = np.where(rng.random(4000) < 1 / (1 + np.exp(-(0.5 * z[:, 0] + 1.5))), 2, 0)
    usual = of_steps(np.array([0, 0, 1, 2]))
    calibration = calibrate(z, truth, usual)
    chance = chances(calibration, z)
    assert set(choose(calibration, chance)) <= {0, 2}
    assert chance[:, 1].max() < 0.01
    likely = chance[:, 2] > 0.85
    assert abs((truth[likely] == 2).mean() - chance[likely, 2].mean()) < 0.03
    untold = chances(usual, z)[:, 2]
    assert np.abs(untold - 1 / (1 + np.exp(-(0.5 * z[:, 0] + 1.5)))).mean() > 0.1


def test_an_account_says_the_same_once() -> None:
    """Thirty equal bad reviews of one account are one: in the product's means, in its aspects, and no alert comes of them."""
    before = [{"text": "Great quality, love it", "stars": 5, "product": "p", "ago": 30 + n} for n in range(200)]
    spam = [{"text": "Terrible quality, broken", "stars": 1, "product": "p", "ago": n % 3} for n in range(30)]
    known = features([*before, *spam])

    def by(account: list[str | None]) -> dict[str, pa.Table]:
        review = known["review"].append_column("customer_id", pa.array([None] * 200 + account, pa.string()))
        return published(taught(), {**known, "review": review})

    same, different = by(["a"] * 30), by([f"a{i}" for i in range(30)])
    assert len(different["sentiment_alert"]) > len(same["sentiment_alert"]) == 0
    assert same["product_sentiment"]["n"].to_pylist() == [201]
    assert len(same["review_sentiment"]) == 230
    (quality,) = [row for row in same["product_aspect"].to_pylist() if row["aspect"] == "quality"]
    assert quality["criticised"] == 1
    rows = known["review"].append_column("customer_id", pa.array([None] * 200 + ["a"] * 30, pa.string()))
    assert repeats.first(rows).sum() == 201


def test_praise_and_criticism_are_told_as_a_net() -> None:
    """An aspect is praised or criticised, never both; the net lies in its bounds, and they narrow with the reviews."""
    rows = [{"product": "a", "text": "The quality is excellent."}] * 12
    rows += [{"product": "a", "text": "The quality is poor."}] * 4
    rows += [{"product": "b", "text": "The quality is excellent."}, {"product": "b", "text": "The quality is poor."}]
    tables = published(taught(), features(rows))
    by_product = {row["product_id"]: row for row in tables["product_sentiment"].to_pylist()}
    assert (by_product["a"]["praised"], by_product["a"]["criticised"], by_product["a"]["criticism_quote"]) == (
        "quality",
        "",
        "",
    )
    assert (by_product["b"]["praised"], by_product["b"]["criticised"]) == ("", "")
    net = {row["product_id"]: row for row in tables["product_aspect"].to_pylist() if row["aspect"] == "quality"}
    assert (net["a"]["n"], net["a"]["praised"], net["a"]["criticised"], net["a"]["net"]) == (16, 12, 4, 0.5)
    assert all(row["low"] <= row["net"] <= row["high"] for row in net.values())
    width = [
        high - low for low, high in (products.spread(np.int64(n), np.int64(n // 2), np.int64(n // 4)) for n in (8, 80))
    ]
    assert width[1] < width[0]
