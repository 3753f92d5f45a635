"""What the shop's staff tells search: synonyms, redirects, pinned products, words to leave out, and what sold out does."""

from __future__ import annotations

from ml.core.spec import ConfigColumn, ConfigTable

KINDS = ("synonym", "one_way", "forbid", "redirect", "pin", "stop_word")

RULE = ConfigTable(
    "search_rule",
    "What search does beside what it learned; in force from the next query on.",
    ("id",),
    (
        ConfigColumn("id", "integer", "Number; given by the database.", numbered=True),
        ConfigColumn(
            "kind",
            "text",
            "synonym (each word finds the other), one_way (the query's word finds the target too), forbid (a learned synonym "
            "that is wrong), redirect (the query is answered as the target), pin (a product for a query) or stop_word (is left "
            "out).",
            required=True,
        ),
        ConfigColumn("query", "text", "The word or the whole query, as customers type it.", required=True),
        ConfigColumn(
            "target",
            "text",
            "The other word, the query to answer instead, or the product_id that is pinned; null: none.",
        ),
        ConfigColumn("place", "integer", "Of a pin: its place in the list, from 1; null: 1."),
        ConfigColumn("note", "text", "Why, for colleagues."),
        ConfigColumn("starts_on", "date", "First day; null: always."),
        ConfigColumn("ends_on", "date", "Last day; null: until it is deleted."),
    ),
    checks={
        "kind is one of the six": "kind IN (" + ", ".join(f"'{kind}'" for kind in KINDS) + ")",
        "query is not empty": "trim(query) <> ''",
        "all but stop words have a target": "kind = 'stop_word' OR trim(target) <> ''",
        "place is 1 to 100": "place BETWEEN 1 AND 100",
    },
    examples={
        "Couch and sofa mean the same.": (
            "INSERT INTO ml_config.search_rule (kind, query, target) VALUES ('synonym', 'couch', 'sofa')"
        ),
        "A product comes first for a query until the end of the year.": (
            "INSERT INTO ml_config.search_rule (kind, query, target, place, ends_on)\n"
            "VALUES ('pin', 'christmas', 'P0000000017', 1, '2026-12-31')"
        ),
        "A learned synonym is wrong.": (
            "INSERT INTO ml_config.search_rule (kind, query, target) VALUES ('forbid', 'phone', 'tablet')"
        ),
        "An old name is answered as the new one.": (
            "INSERT INTO ml_config.search_rule (kind, query, target) VALUES ('redirect', 'twitter', 'x')"
        ),
    },
)

OPTION = ConfigTable(
    "search_option",
    "How search answers; one row.",
    ("one",),
    (
        ConfigColumn("one", "boolean", "Always true: there is one row.", default="true"),
        ConfigColumn("sold_out", "text", "A sold-out product is shown last or gone.", required=True, default="'last'"),
    ),
    checks={"there is one row": "one", "sold_out is last or gone": "sold_out IN ('last', 'gone')"},
    rows=({"one": True, "sold_out": "last"},),
    examples={"Sold-out products are not shown.": "UPDATE ml_config.search_option SET sold_out = 'gone'"},
)

CONFIG = (RULE, OPTION)
