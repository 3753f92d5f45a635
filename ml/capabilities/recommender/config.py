"""What the shop's staff tells the recommender: rules, words, and a setting."""

from __future__ import annotations

from ml.capabilities.recommender.templates import TEMPLATES
from ml.core.spec import ConfigColumn, ConfigTable

KINDS = ("pin", "boost", "bury", "exclude")

RULE = ConfigTable(
    "rule",
    "What to show more, less, never, or at a fixed place. A rule holds for every product that fits all that it names.",
    ("id",),
    (
        ConfigColumn("id", "integer", "Number; given by the database.", numbered=True),
        ConfigColumn("kind", "text", "pin, boost, bury or exclude.", required=True),
        ConfigColumn("product_id", "text", "The product; null: any.", references="product.product_id"),
        ConfigColumn("category", "text", "Products of this category; null: any.", references="product.category"),
        ConfigColumn("brand", "text", "Products of this brand; null: any.", references="product.brand"),
        ConfigColumn("min_price", "number", "Products at this price or above; null: any.", "shop currency"),
        ConfigColumn("max_price", "number", "Products at this price or below; null: any.", "shop currency"),
        ConfigColumn(
            "segment", "text", "Only for customers of this segment; null: for all.", references="customer.segment"
        ),
        ConfigColumn("rank", "integer", "For a pin: the place at which the product stands, 1 is first."),
        ConfigColumn("factor", "number", "For a boost or bury: 2 moves a product from place 10 to 5, 0.5 to 20."),
        ConfigColumn("starts_on", "date", "First day on which it holds; null: from now on."),
        ConfigColumn("ends_on", "date", "Last day on which it holds; null: until it is deleted."),
        ConfigColumn("note", "text", "Why, and who asked for it."),
        ConfigColumn(
            "rule_set",
            "text",
            "Holds only for the arm of an experiment that shows this set, from its night on; null: for all.",
        ),
    ),
    checks={
        "kind is pin, boost, bury or exclude": "kind IN ('pin', 'boost', 'bury', 'exclude')",
        "a rule names a product, category, brand or price": (
            "product_id IS NOT NULL OR category IS NOT NULL OR brand IS NOT NULL"
            " OR min_price IS NOT NULL OR max_price IS NOT NULL"
        ),
        "a name is never an empty text": (
            "coalesce(product_id, 'x') <> '' AND coalesce(category, 'x') <> '' AND coalesce(brand, 'x') <> ''"
            " AND coalesce(segment, 'x') <> '' AND coalesce(rule_set, 'x') <> ''"
        ),
        "a pin names its product and its rank, no other kind a rank": (
            "CASE WHEN kind = 'pin' THEN product_id IS NOT NULL AND rank IS NOT NULL ELSE rank IS NULL END"
        ),
        "rank is between 1 and 1000": "rank BETWEEN 1 AND 1000",
        "only a boost or a bury has a factor": "kind IN ('boost', 'bury') OR factor IS NULL",
        "a boost has a factor above 1, at most 1000": (
            "kind <> 'boost' OR coalesce(factor > 1 AND factor <= 1000, false)"
        ),
        "a bury has a factor above 0 and below 1": "kind <> 'bury' OR coalesce(factor >= 0.001 AND factor < 1, false)",
        "max_price is not below min_price, neither below 0": (
            "coalesce(min_price, 0) BETWEEN 0 AND 1e15 AND coalesce(max_price, 0) BETWEEN 0 AND 1e15"
            " AND coalesce(min_price <= max_price, true)"
        ),
        "ends_on is not before starts_on": "starts_on <= ends_on",
    },
    examples={
        "Pin a product to the first place of every list, over Christmas.": (
            "INSERT INTO ml_config.rule (kind, product_id, rank, starts_on, ends_on, note)\n"
            "VALUES ('pin', '22726', 1, '2026-12-01', '2026-12-24', 'Christmas page, asked for by Ann')"
        ),
        "Show a brand more: what stood at place 10 moves to 5.": (
            "INSERT INTO ml_config.rule (kind, brand, factor) VALUES ('boost', 'Larsen', 2)"
        ),
        "Show what costs less than 5 less, to one segment only.": (
            "INSERT INTO ml_config.rule (kind, max_price, segment, factor) VALUES ('bury', 5, 'premium', 0.5)"
        ),
        "Never recommend a product, or a whole category.": (
            "INSERT INTO ml_config.rule (kind, product_id) VALUES ('exclude', '85123A');\n"
            "INSERT INTO ml_config.rule (kind, category, note) VALUES ('exclude', 'Gift cards', 'no margin')"
        ),
        "End a rule today, or take it back.": (
            "UPDATE ml_config.rule SET ends_on = current_date WHERE kind = 'boost' AND brand = 'Larsen';\n"
            "DELETE FROM ml_config.rule WHERE kind = 'exclude' AND product_id = '85123A'"
        ),
    },
)

CATEGORY_RULE = ConfigTable(
    "category_rule",
    "What holds for all products of a category.",
    ("category",),
    (
        ConfigColumn("category", "text", "The category.", references="product.category"),
        ConfigColumn(
            "show_bought", "boolean", "Show products again to who bought them; null: as learned from the orders."
        ),
        ConfigColumn("max_per_list", "integer", "At most so many of its products in one list; null: any number."),
        ConfigColumn("note", "text", "Why, and who asked for it."),
    ),
    checks={"max_per_list is 1 or more": "max_per_list >= 1"},
    examples={
        "At most three products of a category in one list.": (
            "INSERT INTO ml_config.category_rule (category, max_per_list) VALUES ('Candles', 3)"
        ),
        "Do not show furniture again to who bought it; do show coffee again.": (
            "INSERT INTO ml_config.category_rule (category, show_bought)\nVALUES ('Furniture', false), ('Coffee', true)"
        ),
    },
)

_FILLED = ("source", "category", "segment", "days")


def _names(holder: str) -> str:
    """SQL: the template names ``{holder}`` only where the English words of its code do."""
    codes = ", ".join(f"'{code}'" for code, words in TEMPLATES.items() if f"{{{holder}}}" in words)
    return f"template NOT LIKE '%{{{holder}}}%' OR code IN ({codes})"


def _without_holders() -> str:
    text = "template"
    for holder in _FILLED:
        text = f"replace({text}, '{{{holder}}}', '')"
    return text


REASON_TEMPLATE = ConfigTable(
    "reason_template",
    "The words of the reasons, by language; what a language lacks is said in English.",
    ("language", "code"),
    (
        ConfigColumn("language", "text", "Language, as in recommender_setting."),
        ConfigColumn("code", "text", "Which reason; the codes are those of the English rows."),
        ConfigColumn(
            "template",
            "text",
            "The words; {source}, {category}, {segment} and {days} are filled in, each where the English row has it.",
            required=True,
        ),
    ),
    checks={
        "code is one of the English rows": "code IN (" + ", ".join(f"'{code}'" for code in TEMPLATES) + ")",
        "a template is not empty, nor longer than 500": "trim(template) <> '' AND length(template) <= 500",
        "only {source} {category} {segment} {days} stand in braces": (
            f"{_without_holders()} NOT LIKE '%{{%' AND {_without_holders()} NOT LIKE '%}}%'"
        ),
        **{f"{{{holder}}} stands only where the English row has it": _names(holder) for holder in _FILLED},
    },
    rows=tuple({"language": "en", "code": code, "template": words} for code, words in TEMPLATES.items()),
    examples={
        "Say a reason in other words.": (
            "UPDATE ml_config.reason_template SET template = 'goes well with your {source}'\n"
            "WHERE language = 'en' AND code = 'because'"
        ),
        "Say it in German (see recommender_setting).": (
            "INSERT INTO ml_config.reason_template (language, code, template)\n"
            "VALUES ('de', 'because', 'weil {source} gekauft wurde')"
        ),
    },
)

SETTING = ConfigTable(
    "recommender_setting",
    "What holds for all recommendations; one row.",
    ("one",),
    (
        ConfigColumn("one", "boolean", "Always true: there is one row.", default="true"),
        ConfigColumn(
            "language",
            "text",
            "Language of the reasons.",
            required=True,
            default="'en'",
            references="reason_template.language",
        ),
    ),
    checks={"there is one row": "one"},
    rows=({"one": True, "language": "en"},),
    examples={"Reasons in German.": "UPDATE ml_config.recommender_setting SET language = 'de'"},
)

CONFIG = (RULE, CATEGORY_RULE, REASON_TEMPLATE, SETTING)
