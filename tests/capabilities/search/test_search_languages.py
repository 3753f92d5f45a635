"""Small shops in eight languages: forms of a word, amounts, numbers of products, slips and what is beside what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import pyarrow as pa
import pytest

from bench._search_database import publish
from ml.adapters import postgres
from ml.capabilities.search.model import Search, fit
from ml.capabilities.search.spec import SPEC
from ml.core.capability import Known, published
from ml.settings import Settings


class Words(NamedTuple):
    """What a language calls the six kinds of things, and colours of them; the last is sold by volume."""

    kinds: tuple[str, ...]
    colours: tuple[str, ...]
    about: str
    volume: str = "{} ml"


_SHOPS: Mapping[str, Words] = {
    "en": Words(
        ("running shoe", "leather boot", "phone", "phone case", "coffee machine", "water bottle"),
        ("red", "blue", "black"),
        "A good thing for every day, made with care for you and your home.",
    ),
    "de": Words(
        ("Laufschuhe", "Lederstiefel", "Telefon", "Telefonhüllen", "Kaffeemaschinen", "Wasserflaschen"),
        ("rote", "blaue", "schwarze"),
        "Gut verarbeitet und für jeden Tag gemacht, mit Sorgfalt für dich und dein Zuhause.",
    ),
    "fr": Words(
        ("chaussure", "botte en cuir", "téléphone", "coque pour téléphone", "cafetière", "bouteille"),
        ("rouge", "bleue", "noire"),
        "Un bon produit pour tous les jours, fabriqué avec soin pour vous et votre maison.",
    ),
    "es": Words(
        ("zapato", "botín de cuero", "teléfono", "funda para teléfono", "cafetera", "biberón"),
        ("rojo", "azul", "negro"),
        "Un buen producto para todos los días, hecho con cuidado para usted y su casa.",
    ),
    "pt": Words(
        ("tênis", "coturno de couro", "telefone", "capa para telefone", "cafeteira", "garrafa"),
        ("vermelho", "azul", "preto"),
        "Um bom produto para todos os dias, feito com cuidado para você e sua casa.",
    ),
    "ru": Words(
        ("кроссовка", "кожаная сумка", "телефон", "чехол для телефона", "кофеварка", "бутылка"),
        ("красный", "синий", "чёрный"),
        "Хороший товар на каждый день, сделан с заботой для вас и вашего дома.",
        "{} мл",
    ),
    "zh": Words(
        ("跑步鞋", "皮靴", "手机", "手机壳", "咖啡机", "水瓶"),
        ("红色", "蓝色", "黑色"),
        "每天都可以使用的好产品，为您和您的家用心制作。",
        "{}毫升",
    ),
    "ja": Words(
        ("ランニングシューズ", "革のブーツ", "携帯電話", "携帯電話ケース", "コーヒーメーカー", "水筒"),
        ("赤い", "青い", "黒い"),
        "毎日使える良い商品です。あなたと家のために丁寧に作りました。",
        "{}ml",
    ),
}
_BRANDS = ("Alba", "Borealis", "Cormor", "Zylox", "Qwerna")


@cache
def _shop(language: str) -> tuple[Known, Search]:
    """Each kind in each colour of each brand, and the last kind in four sizes; nobody has searched yet."""
    words = _SHOPS[language]
    rows = [
        (f"{colour} {brand} {kind}", kind, brand)
        for kind in words.kinds
        for colour in words.colours
        for brand in _BRANDS
    ]
    rows += [
        (f"{words.kinds[5]} Alba {words.volume.format(size)}", words.kinds[5], "Alba") for size in (250, 500, 750, 1000)
    ]
    title, kind, brand = (list(column) for column in zip(*rows, strict=True))
    n = len(rows)

    def nobody(**columns: pa.DataType) -> pa.Table:
        return pa.table({name: pa.array([], of) for name, of in columns.items()})

    text, number, count = pa.string(), pa.float64(), pa.int64()
    known = Known(
        {
            "product": pa.table(
                {
                    "product_id": [f"sku-{i:03d}" for i in range(n)],
                    "title": title,
                    "description": [words.about] * n,
                    "category": kind,
                    "brand": brand,
                    "price": [5.0 + i for i in range(n)],
                    "sold": [1.0] * n,
                    "available": [True] * n,
                }
            ),
            "asked": nobody(query=text, asked=number, every=count, people=count, empty=number, unclicked=number),
            "clicked": nobody(query=text, product_id=text, clicks=number, bought=number),
            "reworded": nobody(query=text, then=text, times=count, people=count),
            "customer": nobody(customer_id=text, category=text, weight=number),
        }
    )
    return known, fit(known, replace(SPEC.params, sentence_model=False), 7)


def _found(language: str, query: str, n: int = 5) -> list[str]:
    known, model = _shop(language)
    engine = model.engine(known)
    titles = engine.index.products["title"].to_pylist()
    return [titles[i] for i in engine.answer(query, n).ids]


@pytest.mark.parametrize("language", _SHOPS)
def test_a_colour_and_a_kind_are_first_and_a_case_is_no_phone(language: str) -> None:
    """What has both words leads; who asks for a phone sees phones, who asks for its case sees cases."""
    words = _SHOPS[language]
    both = _found(language, f"{words.colours[0]} {words.kinds[0]}")
    assert all(title.startswith(words.colours[0]) and title.endswith(words.kinds[0]) for title in both), both
    assert all(title.endswith(words.kinds[2]) for title in _found(language, words.kinds[2]))
    assert all(title.endswith(words.kinds[3]) for title in _found(language, words.kinds[3]))


_FORMS = {
    "en": ("running shoes", "RUNNING-SHOE", "runningshoe"),
    "de": ("Laufschuh", "LAUFSCHUHE", "Lauf-Schuhe"),
    "fr": ("chaussures", "CHAUSSURE"),
    "es": ("zapatos", "ZAPATO"),
    "pt": ("tenis", "TÊNIS"),
    "ru": ("кроссовки", "КРОССОВКА", "кроссовку"),
    "zh": ("跑步鞋", "跑步 鞋"),
    "ja": ("ﾗﾝﾆﾝｸﾞｼｭｰｽﾞ", "ランニング シューズ"),
}


@pytest.mark.parametrize("language", _SHOPS)
def test_forms_of_a_word_find_the_same(language: str) -> None:
    """Singular and plural, accents, case, hyphens and width."""
    for query in _FORMS[language]:
        assert all(title.endswith(_SHOPS[language].kinds[0]) for title in _found(language, query)), query


_HALF_A_LITRE = {
    "en": ("500ml", "0,5 l", "half a litre"),
    "de": ("500 ml", "0,5 Liter", "halber Liter"),
    "fr": ("500ml", "0,5 l", "demi litre"),
    "es": ("500 ml", "0,5 litros", "medio litro"),
    "pt": ("500ml", "0,5 l", "meio litro"),
    "ru": ("500мл", "0,5 л", "пол-литра", "500 ml"),
    "zh": ("500毫升", "0.5升", "500ml"),
    "ja": ("500ミリリットル", "0.5リットル", "５００ｍｌ"),
}


@pytest.mark.parametrize("language", _SHOPS)
def test_amounts_meet(language: str) -> None:
    """However half a litre is written, the product of that size is first."""
    for amount in _HALF_A_LITRE[language]:
        for query in (amount, f"{_SHOPS[language].kinds[5]} {amount}"):
            assert "500" in _found(language, query, 1)[0], query


@pytest.mark.parametrize("language", _SHOPS)
def test_a_number_in_full_is_first_and_rare_names_stay_apart(language: str) -> None:
    """``sku-003`` in any way of writing is that product alone; of two rare brands neither stands for the other."""
    known, model = _shop(language)
    engine = model.engine(known)
    ids = engine.index.products["product_id"].to_pylist()
    for query in ("sku-003", "SKU 003", "Sku003"):
        assert ids[engine.answer(query, 1).ids[0]] == "sku-003", query
    assert all("Zylox" in title for title in _found(language, "zylox"))
    assert all("Qwerna" in title for title in _found(language, "qwerna"))
    assert _found(language, "zylok") == _found(language, "zylox")


def test_years_and_other_words_are_no_litres() -> None:
    """A unit of one letter counts where no further letter follows."""
    known, model = _shop("ru")
    assert model.engine(known).answer("5 лет", 3).reading.words == ["5", "лет"]


def test_the_function_reads_them_as_the_model_does(settings: Settings) -> None:
    """In Postgres: the same products first."""
    known, model = _shop("ru")
    publish(settings.database_url, SPEC, published(SPEC, model, known))
    with postgres.transaction(settings.database_url, role="shop_reader", readonly=True) as cursor:
        for query in ("красный кроссовка", "кроссовки", "0,5 л", "пол-литра", "sku-003"):
            cursor.execute("SELECT title, understood FROM ml.search(%s, 5)", (query,))
            rows = cursor.fetchall()
            answer = model.engine(known).answer(query, 5)
            assert rows[0]["understood"]["words"] == answer.reading.words, query
            # Vectors are kept in 16 bit: colours that tie may change places.
            assert rows[0]["title"].split()[-1] == _found("ru", query, 1)[0].split()[-1], query
