"""Words, stems and measures: Python and Postgres cut every text alike."""

from __future__ import annotations

import random

from ml.adapters import postgres
from ml.adapters.batches import sql_functions
from ml.capabilities.search.score import rules_of
from ml.registry import CAPABILITIES
from ml.settings import Settings
from ml.text.measures import measures
from ml.text.words import SUFFIXES, fold, rules, stemmer, words

_SCRIPTS = (
    "abcdefghijklmnopqrstuvwxyz",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "0123456789",
    " -_.,;:!?'\"()/&+%#@*[]{}\\^|~`<>=$",
    "  \t\n",
    "äöüßÄÖÜẞéèêëçñãõáíóúâîûåøæœŁłđŞşğİıÅØÆŒ",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяЁ",
    "αβγδεζηθικλμνξοπρστυφχψωΆΈ",
    "אבגדהו",
    "ابتثجح",
    "你好茶碗鞋",
    "こんにちはカタカナー",
    "한국어신발",
    "🎁👟❤️",
    "\u2019\u2018\u201c\u2026\u2014\u00a0\u200b\u0301\u0308",
    "ＡＢＣ１２３",
    "½²№™®°€£",
)
_LANGUAGES = ("en", "de", "fr", "pt", "es", "it", "nl", "sv", "ru", "tr")


def _texts(n: int) -> list[str]:
    """Strings of every script, some of words with suffixes."""
    drawn = random.Random(5)
    texts = []
    for number in range(n):
        language = _LANGUAGES[number % len(_LANGUAGES)]
        pool = _SCRIPTS[drawn.randrange(len(_SCRIPTS))] + _SCRIPTS[drawn.randrange(6)] + "aeiou "
        text = "".join(drawn.choice(pool) for _ in range(drawn.randrange(25)))
        texts.append(
            text + drawn.choice(SUFFIXES[language].split()) + drawn.choice(["", "'s", " 0,5 l", "500ml", " half a kg"])
        )
    return texts


def test_postgres_cuts_ten_thousand_strings_as_python_does(settings: Settings) -> None:
    """Folded text, words and stems in ten languages are the same."""
    with postgres.transaction(settings.database_url) as cursor:
        sql_functions.create(cursor, CAPABILITIES["search"].script().split("-- A word, and what is left")[0], "UTC")
        texts = _texts(10_000)
        for place, language in enumerate(_LANGUAGES):
            some = texts[place :: len(_LANGUAGES)]
            cursor.execute(
                "SELECT ml_ops.search_fold(%(r)s, t) AS folded, ml_ops.search_words(%(r)s, ml_ops.search_fold(%(r)s, t)) AS cut, "
                "ARRAY(SELECT ml_ops.search_stem(%(r)s, w) FROM unnest(ml_ops.search_words(%(r)s, ml_ops.search_fold(%(r)s, t))) "
                "WITH ORDINALITY AS u (w, o) ORDER BY o) AS stems FROM unnest(%(t)s) WITH ORDINALITY AS x (t, o) ORDER BY o",
                {"r": rules_of(language), "t": some},
            )
            stem = stemmer(language)
            for text, row in zip(some, cursor.fetchall(), strict=True):
                assert row["folded"] == fold(text), repr(text)
                assert row["cut"] == words(fold(text)), repr(text)
                assert row["stems"] == [stem(word) for word in words(fold(text))], repr(text)


def test_forms_of_a_word_meet() -> None:
    """Singular and plural, accents, case and hyphens; what is short stays whole."""
    stem = stemmer("en")
    for one, other in (
        ("shoe", "shoes"),
        ("battery", "batteries"),
        ("glass", "glasses"),
        ("dress", "dresses"),
        ("bus", "buses"),
    ):
        assert stem(one) == stem(other)
    assert stem("red") == "red"
    assert words(fold("T-Shirt")) == words(fold("t shirt"))
    assert fold("Crème") == fold("CREME\u0300".replace("E\u0300", "E"))
    assert rules("und").stem == ""


def test_amounts_meet_however_they_are_written() -> None:
    """500ml, 0,5 l and half a litre are one word; an inch in a sentence is none."""
    for text in ("500ml", "0,5 l", "0.5 litre", "half a litre", "50 cl", "half litre"):
        assert [word for word, _ in measures(fold(text))] == ["ml:500"], text
    assert measures("made in 2019") == []
    assert measures("1,5 kg")[0][0] == measures("1500g")[0][0] == "g:1500"
