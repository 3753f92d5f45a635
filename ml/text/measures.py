"""Measures in titles and queries: '500ml', '0,5 l' and 'half a litre' are one word. Rules as data, as :mod:`ml.text.words`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

_BASES: Mapping[str, tuple[str, str]] = {
    "ml": ("1", "ml milliliter millilitre mililitro mililitros millilitri мл 毫升 ミリリットル 밀리리터"),
    "ml ": ("10", "cl"),
    "ml  ": ("100", "dl"),
    "ml   ": (
        "1000",
        "l ltr liter litre liters litres litro litros litri litr litra л литр литра литров 升 リットル 리터",
    ),
    "g": (
        "1",
        "g gr gram grams gramm gramme grammes grama gramas gramo gramos grammi г гр грамм граммов 克 グラム 그램",
    ),
    "g ": ("1000", "kg kilo kilos kilogram kilograms kilogramm kilogramme кг 公斤 千克 キロ キログラム 킬로그램"),
    "g  ": ("0.001", "mg"),
    "g   ": ("28.35", "oz ounce ounces"),
    "g    ": ("453.6", "lb lbs pound pounds"),
    "mm": ("1", "mm мм 毫米 ミリ"),
    "mm ": ("10", "cm centimeter centimetre centimetro centimetros zentimeter см 厘米 センチ 센티미터"),
    "mm  ": ("1000", "m meter metre meters metres metro metros metri м метр метра метров 米 メートル 미터"),
    "mm   ": ("25.4", "inch inches zoll polegadas pulgadas pouces pollici"),
    "gb": ("1", "gb gigabyte gigabytes"),
    "gb ": ("1000", "tb terabyte terabytes"),
    "gb  ": ("0.001", "mb megabyte megabytes"),
    "w": ("1", "w watt watts"),
    "w ": ("1000", "kw"),
    "mah": ("1", "mah"),
    "v": ("1", "v volt volts"),
    "hz": ("1", "hz"),
    "pcs": ("1", "pcs pc pieces pack stuck stk pieza piezas pecas unidades tabletten tablets capsules bags шт штук"),
}
UNITS: dict[str, tuple[str, Decimal]] = {
    word: (base.strip(), Decimal(factor)) for base, (factor, words) in _BASES.items() for word in words.split()
}
"""A unit as it is written (folded) -> the unit that it is counted in, and how many of these it is."""

HALF = "(^|[^a-zа-я])(?:half an?|half|halber|halbes|halbe|halben|meio|meia|medio|media|demi|mezzo|halve|пол)[ -](?=(?:{})(?![a-zа-я]))"
"""What is half of a unit; becomes 0.5."""
_NAMES = "|".join(sorted(UNITS, key=lambda name: (-len(name), name)))
HALVES = HALF.format(_NAMES)
MEASURE = f"(?:^|[^a-z0-9.,])(([0-9]{{1,6}}(?:[.,][0-9]{{1,3}})?)[ -]?({_NAMES}))(?![a-z0-9а-я])"
"""A number and a unit, in a folded text: both, the number, the unit."""

_HALVES, _MEASURE = re.compile(HALVES), re.compile(MEASURE)


def measures(folded: str) -> list[tuple[str, str]]:
    """Each measure of a folded text: as a word, and as it is written.

    Examples
    --------
    >>> [measures(text)[0][0] for text in ("cola 0,5 l", "cola 500ml", "half a litre of cola")]
    ['ml:500', 'ml:500', 'ml:500']
    """
    found = []
    for written, number, unit in _MEASURE.findall(halved(folded)):
        base, factor = UNITS[unit]
        amount = (Decimal(number.replace(",", ".")) * factor).quantize(Decimal("0.001"), ROUND_HALF_UP).normalize()
        found.append((f"{base}:{amount:f}", written))
    return found


def halved(folded: str) -> str:
    """The text with '0.5' for 'half a'.

    Examples
    --------
    >>> halved("half a litre, half price")
    ' 0.5 litre, half price'
    """
    return _HALVES.sub(r"\1 0.5 ", folded)
