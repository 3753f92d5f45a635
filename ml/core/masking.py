"""What a text of a customer must not carry into the lake: numbers of cards and accounts, passwords, addresses, telephones."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

CARD, IBAN, EMAIL, PHONE, PASSWORD = "[card]", "[iban]", "[e-mail]", "[phone]", "[password]"
MASKS = (CARD, IBAN, EMAIL, PHONE, PASSWORD)
"""What stands in the place of what was masked."""

_MAY = r"[0-9]{7}|(?:[0-9][ ./()\-]{0,3}){7}|@|\b[A-Z]{2}[0-9]{2}|(?i)passw|kennwort|senha|\bpwd?\b|\bpin\b|\bcvv|\bcvc"
"""To look is faster than to replace, and most texts have nothing of the kind."""
_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}")
_IBAN = re.compile(r"(?i)(?<![a-z0-9])[a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]){11,30}")
_DIGITS = re.compile(r"(?<![\w])\+?\(?[0-9](?:(?:\) ?| ?[/(-] ?\(?| |\.)?[0-9]){6,22}(?![\w])")
_DATE = re.compile(r"\b(?:[0-3]?[0-9][./-][01]?[0-9][./-](?:20)?[0-9]{2}|20[0-9]{2}[./-][01]?[0-9][./-][0-3]?[0-9])\b")
_PASSWORD = re.compile(
    r"(?i)\b((?:my |mein |minha )?(?:password|passwort|kennwort|passcode|senha|pwd|pw|pin|cvv|cvc)\b(?:\s+(?:is|ist|lautet|é)\b\s*[:=]?|\s*[:=])\s*)(\S+)"
)
_PHONE_WORDS = re.compile(r"(?i)(?:phone|tel|call|mobile|ruf|handy|fon|ligue|celular|whatsapp)\W*(?:\w+\W+){0,3}$")
_CARD_LENGTHS = range(13, 20)
_PHONE_LENGTHS = range(7, 16)


def masked(text: str) -> str:
    """Put a mask in the place of what should not be kept.

    A card is 13 to 19 digits whose check digit is right (Luhn, US 2,950,048), an IBAN one whose remainder by 97 is 1 (ISO
    13616). A telephone number begins with + or 0, or stands after a word like *call*: numbers of orders and parcels stay.

    Examples
    --------
    >>> masked("card 4111 1111 1111 1111, order 4111111111111112, mail a.b@c.example or call +49 30 1234567")
    'card [card], order 4111111111111112, mail [e-mail] or call [phone]'
    >>> masked("IBAN DE89 3704 0044 0532 0130 00, my password is hunter2")
    'IBAN [iban], my password is [password]'
    """
    text = _PASSWORD.sub(rf"\1{PASSWORD}", text)
    text = _EMAIL.sub(EMAIL, text)
    text = _IBAN.sub(_iban, text)
    return _DIGITS.sub(_number(text), text)


_SPOKEN = {
    name: str(i)
    for i, name in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
} | {"oh": "0"}
_SPOKEN_RUN = re.compile(rf"(?i)\b(?:{'|'.join(_SPOKEN)})(?:[\s,.-]+(?:{'|'.join(_SPOKEN)}|[0-9]+))" + r"{6,}\b")
_LONG_RUN = re.compile(r"(?<![0-9])[0-9](?:[ ,.-]{0,2}[0-9]){11,18}(?![0-9])")


def masked_speech(text: str) -> str:
    """Mask what was understood of a recording, as :func:`masked`; stricter, for a digit may have been misheard.

    Digits that are spoken one by one are written first, and each run of 12 to 19 digits is taken for a card, whatever its check digit.

    Examples
    --------
    >>> masked_speech("My card is four one one one, 1 1 1 1 one one one one one one two")
    'My card is [card]'
    >>> masked_speech("Order 4711 came at two")
    'Order 4711 came at two'
    """

    def digits(match: re.Match[str]) -> str:
        return "".join(_SPOKEN.get(part.lower(), part) for part in re.findall(r"[A-Za-z]+|[0-9]+", match.group()))

    return _LONG_RUN.sub(CARD, masked(_SPOKEN_RUN.sub(digits, text)))


def masked_texts(texts: pa.Array) -> pa.Array:
    """Mask each text; null stays null."""
    may = pc.fill_null(pc.match_substring_regex(texts, _MAY), False)
    if not pc.any(may).as_py():
        return texts
    found = pa.array([masked(text) for text in texts.filter(may).to_pylist()], texts.type)
    return pc.replace_with_mask(texts, may, found)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others.

    Examples
    --------
    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits))]
    return sum(d - 9 * (d > 9) for d in doubled) % 10 == 0


def _iban(match: re.Match[str]) -> str:
    """A prefix of what was found that is an IBAN: words may follow it without a sign between."""
    text = match.group()
    for end in range(len(text), 14, -1):
        plain = re.sub(r"[ -]", "", text[:end]).upper()
        if 15 <= len(plain) <= 34 and text[end - 1] not in " -":
            number = "".join(str(int(c, 36)) for c in plain[4:] + plain[:4])
            if int(number) % 97 == 1:
                return IBAN + text[end:]
    return text


def _number(text: str) -> Callable[[re.Match[str]], str]:
    def instead(match: re.Match[str]) -> str:
        found = match.group()
        digits = re.sub(r"[^0-9]", "", found)
        if len(digits) in _CARD_LENGTHS and luhn(digits) and len(set(digits)) > 1:
            return CARD
        called = _PHONE_WORDS.search(text[max(0, match.start() - 60) : match.start()]) is not None
        if len(digits) in _PHONE_LENGTHS and not _DATE.search(found) and (found.startswith(("+", "0", "(0")) or called):
            return PHONE
        return found

    return instead
