"""The columns of the table ``order`` that features.py makes: one place for their names, and for what they are in words."""

from __future__ import annotations

WINDOWS = {"1h": 3_600, "24h": 86_400, "7d": 604_800, "90d": 7_776_000}
"""Seconds before an order that velocity looks back."""

FRAUD_WINDOWS = {"7d": 604_800, "30d": 2_592_000}
"""Seconds before an order in which a fraud must have become known."""

_SPANS = {"1h": "1 hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days"}

ENTITIES = {
    "customer": "by this customer",
    "device": "from this device",
    "card": "with this card",
    "address": "to this address",
    "ip": "from this IP address",
    "email": "with this e-mail address",
    "product": "with this dearest product",
    "basket": "with the same products at the same prices",
    "category": "whose dearest product is of this category",
    "kinds_set": "with the same categories of products",
}
"""What orders share."""

DISTINCT = {
    "customer": ("device", "card", "address", "email"),
    "device": ("customer", "card", "address", "email"),
    "ip": ("customer", "device", "card", "address", "email"),
    "address": ("customer", "device", "card", "email"),
}
"""Of which entities a window counts the different others."""

LINKS = ("device", "card", "address")
"""What joins two orders into one component. An IP address does not: a mobile network shows thousands under one."""

OWN = ("device", "card", "address", "ip")
"""What a customer may have used before."""

PLURALS = {
    "customer": "customers",
    "device": "devices",
    "card": "cards",
    "address": "addresses",
    "email": "emails",
}

RAW = {
    "total": "order value",
    "shipping": "shipping costs",
    "pieces": "pieces",
    "lines": "different products",
    "dearest": "price of the dearest piece",
    "hour": "hour of the day (UTC)",
    "weekday": "day of the week (0: Monday)",
    "instalments": "instalments",
    "payments": "payments at the order",
}
"""Numbers that the order itself says."""

DERIVED = {
    "second_price": "price of the second dearest product",
    "cheapest": "price of the cheapest piece",
    "mean_price": "mean price of a product",
    "guest": "ordered as a guest",
    "countries_differ": "shipping and billing country differ",
    "abroad": "shipped to another country than the customer's",
    "customer_value": "order value against the customer's usual (log ratio)",
    "category_value": "order value against the category's usual (log ratio)",
    "account_days": "days since the account was opened",
    "own_device_orders": "orders by this customer from this device",
    "own_card_orders": "orders by this customer with this card",
    "own_address_orders": "orders by this customer to this address",
    "own_ip_orders": "orders by this customer from this IP address",
    "strange": "of device, card, address and IP address new to this customer",
    "component_orders": "earlier orders linked by device, card or address",
    "component_entities": "devices, cards and addresses linked with this order's",
    "component_frauds": "known frauds linked by device, card or address",
}

CATEGORIES = {
    "payment": "payment method",
    "channel": "channel",
    "shipping_country": "shipping country",
    "billing_country": "billing country",
    "category": "category of the dearest product",
    "brand": "brand of the dearest product",
    "item": "dearest product",
}
"""Texts; empty where nothing is known."""


KEYS = ("product", "second", "basket", "goods_set", "kinds_set")
"""Ids of too many values to be categories: the dearest product and the next; equal for the same products at the same prices, the same
products, the same categories."""

ENCODED: dict[str, tuple[tuple[str, ...], str]] = {
    "product_rate": (("product",), "the dearest product"),
    "second_rate": (("second",), "the second dearest product"),
    "item_rate": (("item",), "the dearest product's title"),
    "category_rate": (("category",), "the dearest product's category"),
    "brand_rate": (("brand",), "the dearest product's brand"),
    "basket_rate": (("basket",), "the same products at the same prices"),
    "goods_rate": (("goods_set",), "the same products"),
    "kinds_rate": (("kinds_set",), "the same categories of products"),
    "product_terms_rate": (("product", "dearest", "shipping"), "the dearest product, its price and the shipping costs"),
    "goods_terms_rate": (("goods_set", "shipping"), "the same products and shipping costs"),
    "item_terms_rate": (("item", "shipping"), "the dearest product's title and the shipping costs"),
    "category_terms_rate": (
        ("category", "shipping", "lines"),
        "the same category, shipping costs and number of products",
    ),
    "total_rate": (("total",), "the same order value"),
    "country_rate": (("shipping_country", "billing_country", "payment"), "the same countries and payment method"),
}
"""Rates of frauds that a model learns for what is the same in two orders: the columns, and in words. See encoding.py."""


def _counted() -> dict[str, str]:
    """What is counted over the earlier orders of each entity."""
    names: dict[str, str] = {}
    for entity, of in ENTITIES.items():
        names |= {f"{entity}_orders_{w}": f"orders {of} in {_SPANS[w]}" for w in WINDOWS}
        names |= {
            f"{entity}_{PLURALS[other]}_{w}": f"different {PLURALS[other]} {of.replace('to this', 'at this')} in {span}"
            for other in DISTINCT.get(entity, ())
            for w, span in ((w, _SPANS[w]) for w in WINDOWS)
        }
        names |= {f"{entity}_frauds_{w}": f"frauds {of} that became known in {_SPANS[w]}" for w in FRAUD_WINDOWS}
        names |= {f"{entity}_fraud_share_{w}": f"orders {of} in {_SPANS[w]} are known frauds" for w in FRAUD_WINDOWS}
        names |= {
            f"{entity}_orders": f"orders {of} ever",
            f"{entity}_frauds": f"known frauds {of}",
            f"{entity}_days": f"days since the first order {of}",
            f"{entity}_hours": f"hours since the last order {of}",
        }
    return names


COUNTED = _counted()
RECENT_FRAUDS = tuple(
    f"{entity}_{what}_{w}" for entity in ENTITIES for what in ("frauds", "fraud_share") for w in FRAUD_WINDOWS
)
"""Counts and shares of the frauds that became known lately; a model has them where they foretell later orders better."""
NUMBERS: dict[str, str] = RAW | DERIVED | COUNTED
"""Every number that a model may use, with its words; null where it is not known or there is nothing to count."""


_WHO = ("customer_", "device_", "card_", "address_", "email_")
_LONG = ("_orders", "_orders_90d")
UNUSUAL = tuple(
    name
    for name in (*COUNTED, "component_entities", "customer_value", "category_value")
    if name in {"component_entities", "category_value"}
    or (name.startswith(_WHO) and not name.endswith(("_days", "_hours", *_LONG)) and "_fraud" not in name)
)
"""Where a large value is suspicious. A product that sells well is not, nor a mobile network's IP address, nor who has bought
for years: with the orders of 90 days and of ever (and those linked with them), which name a shop's best customers, the
average precision on a demo shop of 20,000 customers is .162, without them .249."""

RATES = {name: columns for name, (columns, _) in ENCODED.items()}
"""The columns behind each rate."""
