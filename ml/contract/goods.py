"""What a shop sells, and what only stands on its orders: postage, fees, discounts, adjustments.

Such a line is nobody's choice. It is known by its words: a title made of nothing but the words below, one of them a word
for a fee, or a category of services that is not for sale. A title with one other word (*Toy delivery van*) is a product.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis

FEES = (
    # English, and codes that till systems write as a title
    "postage",
    "shipping",
    "carriage",
    "freight",
    "delivery",
    "handling",
    "surcharge",
    "fee",
    "fees",
    "charge",
    "charges",
    "commission",
    "discount",
    "rebate",
    "adjustment",
    "bad debt",
    "gratuity",
    "vat",
    "tax",
    "rounding",
    "gift card",
    "gift voucher",
    "voucher",
    "e gift card",
    # German, Dutch, Scandinavian
    "versand",
    "versandkosten",
    "porto",
    "liefergebühr",
    "lieferkosten",
    "gebühr",
    "gebühren",
    "zuschlag",
    "rabatt",
    "pfand",
    "gutschein",
    "geschenkgutschein",
    "verzendkosten",
    "bezorgkosten",
    "korting",
    "toeslag",
    "frakt",
    "fraktkostnad",
    "fragt",
    "gebyr",
    "avgift",
    # French, Spanish, Portuguese, Italian
    "frais de port",
    "frais de livraison",
    "livraison",
    "remise",
    "consigne",
    "chèque cadeau",
    "carte cadeau",
    "gastos de envío",
    "envío",
    "envio",
    "descuento",
    "recargo",
    "propina",
    "tarjeta regalo",
    "frete",
    "desconto",
    "taxa",
    "taxa de entrega",
    "spedizione",
    "spese di spedizione",
    "sconto",
    "commissione",
    "buono regalo",
    # Polish, Turkish, Russian, Japanese, Chinese, Korean
    "wysyłka",
    "dostawa",
    "opłata",
    "rabat",
    "kargo",
    "kargo ücreti",
    "indirim",
    "доставка",
    "скидка",
    "комиссия",
    "送料",
    "手数料",
    "割引",
    "运费",
    "配送费",
    "手续费",
    "折扣",
    "배송비",
    "수수료",
    "할인",
)
"""Words for what is no product."""
BESIDE = (
    "standard",
    "express",
    "next",
    "day",
    "same",
    "first",
    "second",
    "class",
    "international",
    "domestic",
    "free",
    "extra",
    "bank",
    "amazon",
    "ebay",
    "paypal",
    "dotcom",
    "cruk",
    "packing",
    "packaging",
    "insurance",
    "service",
    "order",
    "cod",
    "adjust",
    "adjusted",
    "small",
    "late",
    "and",
    "for",
    "of",
    "by",
    "kostenlos",
    "kostenlose",
    "standardversand",
    "gratis",
    "gratuite",
    "gratuits",
    "rapide",
    "normal",
    "gratuita",
    "und",
    "et",
    "y",
    "e",
)
"""Words that may stand beside one of them."""
SERVICES = ("service", "services", "fee", "fees", "shipping", "postage", "gift card", "gift cards")
"""Categories of what is no product where it is not for sale either."""


def _any(words: tuple[str, ...]) -> str:
    longest = sorted(words, key=lambda word: (-len(word), word))
    return "|".join(r"\s+".join(map(re.escape, word.split())) for word in longest)


# Between the words: anything but letters. A title in capitals is read in lower case.
_GAP = r"[^\p{L}]+"
TITLE = rf"^(?:{_GAP})?(?:(?:{_any(BESIDE)}){_GAP})*(?:{_any(FEES)})(?:{_GAP}(?:{_any(FEES + BESIDE)}))*(?:{_GAP})?$"
"""RE2 of a title in lower case that names no product."""


def goods(products: ibis.Table) -> ibis.Table:
    """Keep the clean products that a customer can choose."""
    title = products["title"].nullif("").fill_null(products["product_id"]).lower()
    hidden = (products["active"] == False).fill_null(False)  # noqa: E712  # an Ibis expression
    service = products["category"].lower().isin(SERVICES).fill_null(False)
    return products.filter(~(title.re_search(TITLE) | (hidden & service)))
