"""What search needs, publishes and promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.capabilities.search.config import CONFIG
from ml.core.spec import Capability, Example, Gate, Published, PublishedColumn

DIMENSIONS = 96
"""Of the vectors of words and products."""


@dataclass(frozen=True)
class Params:
    """Parameters of search."""

    title_weight: float = 3.0
    """How often a word of the title counts; of the description once (BM25F: Robertson et al., CIKM 2004)."""
    category_weight: float = 2.0
    brand_weight: float = 2.5
    saturation: float = 1.2
    """k1 of BM25F: the larger, the more a word counts that stands often."""
    length: float = 0.5
    """b of BM25F: 0, a long text is no worse; 1, its words are thinned by its length."""
    postings: int = 4000
    """Most products of one word in the index, those that it says most of."""
    fewest_people: int = 3
    """k: no query that fewer customers typed is published, suggested or kept in a model."""
    half_life_days: float = 60.0
    """After so long a sale, a search or a click counts half."""
    patience: float = 0.7
    """Chance to look at place p of a list falls as p ** -patience; clicks are weighed up by it."""
    served: int = 40
    """Products in the list of a known query."""
    served_queries: int = 50_000
    suggestions: int = 20_000
    """Most texts that are suggested."""
    suggest_days: int = 180
    """Days of searches that suggestions look back on."""
    judged: int = 2_000
    """Most searches that an evaluation looks at, drawn by lot."""
    taught: int = 1_500
    """Most searches that the weights are learned from."""
    meaning: bool = True
    """Vectors of words: False: words alone."""
    sentence_model: bool = True
    """Let English words learn from a sentence model; False: from the catalogue alone."""
    word_runs: int = 20_000
    """Most word runs that are shown to the sentence model."""


_RANK = PublishedColumn("rank", "integer", "1 is best.")
_WHY = PublishedColumn("reason", "text", "Why, in words.")
_QUERY = PublishedColumn("query", "text", "What was typed, folded: without case and accents.")

PRODUCT = Published(
    "search_product",
    "The index by product: what ml.search ranks, filters and counts by.",
    ("product_id",),
    (
        PublishedColumn("product_id", "text", "The product."),
        PublishedColumn("product_no", "integer", "Its number in the lists of ml.search_term."),
        PublishedColumn("title", "text", "Its name."),
        PublishedColumn("category", "text", "Its category; empty: none."),
        PublishedColumn("brand", "text", "Its brand; empty: none."),
        PublishedColumn("price", "number", "Its price.", "shop currency", nullable=True),
        PublishedColumn("popularity", "number", "How it sells, against the best seller.", "0 to 1"),
        PublishedColumn("available", "boolean", "For sale and not out of stock at the night."),
        PublishedColumn("vector", "vector", "What it means; null: nothing that is known.", nullable=True),
    ),
    indexes=(("product_no",), ("category",)),
    nearest="vector",
    clustered=True,
)

TERM = Published(
    "search_term",
    "The index by word stem: in which products it stands, and how much it says of each.",
    ("term",),
    (
        PublishedColumn("term", "text", "A stem, or a measure as unit:amount."),
        PublishedColumn("products", "integer", "Products with it."),
        PublishedColumn("idf", "number", "How much it tells: log of the share of products without it to that with it."),
        PublishedColumn("ids", "integers", "Numbers of the products, those that it says most of first."),
        PublishedColumn("impacts", "numbers", "How much it says of each of these.", "0 to 1"),
        PublishedColumn("vector", "vector", "What it means, times idf; null: not known.", nullable=True),
    ),
    for_all=True,
)

WORD = Published(
    "search_word",
    "Every word that catalogue or log knows, and the stems it stands for; such a word is never corrected.",
    ("word",),
    (
        PublishedColumn("word", "text", "As it is typed, folded."),
        PublishedColumn(
            "terms", "texts", "Its stem; of two words written as one, both; of a learned synonym, that too."
        ),
        PublishedColumn("frequency", "number", "How often it stands in titles and queries."),
        PublishedColumn("kind", "text", "word, joined (two words written as one) or synonym."),
    ),
    for_all=True,
)

SPELLING = Published(
    "search_spelling",
    "What is left of a word when letters are missing, to correct slips (SymSpell: Garbe 2012).",
    ("variant",),
    (
        PublishedColumn("variant", "text", "A word without one of its letters, or whole."),
        PublishedColumn("words", "texts", "The words that it may be, the most frequent first."),
    ),
    for_all=True,
)

PREFIX = Published(
    "search_prefix",
    "Completions by what was typed so far; ml.suggest reads them.",
    ("prefix",),
    (
        PublishedColumn("prefix", "text", "Folded."),
        PublishedColumn("texts", "texts", "What may be meant, best first."),
        PublishedColumn("kinds", "texts", "query, category, brand or product, of each."),
        PublishedColumn("weights", "numbers", "How likely each is against the others."),
    ),
    for_all=True,
)

SETTING = Published(
    "search_setting",
    "How queries are read: rules of ml.text, weights of the ranking. One row, for the SQL functions.",
    ("name",),
    (
        PublishedColumn("name", "text", "Always shop."),
        PublishedColumn("language", "text", "Of the catalogue, ISO 639-1; und: several, or not known."),
        PublishedColumn("rules", "texts", "Regular expressions and letters by which a query is cut into words."),
        PublishedColumn("units", "texts", "Units as they are written."),
        PublishedColumn("bases", "texts", "The unit that each is counted in."),
        PublishedColumn("factors", "numbers", "How many of it each is."),
        PublishedColumn("weights", "numbers", "Of the parts of a product's score."),
        PublishedColumn("colours", "texts", "Words that are colours."),
    ),
    for_all=True,
)

QUERY = Published(
    "query",
    "Each query that enough customers asked, and how it went; those of the catalogue that nobody asked yet count 0.",
    ("query",),
    (
        _QUERY,
        PublishedColumn("asked", "number", "How often lately.", "searches"),
        PublishedColumn("people", "integer", "Different customers, at least."),
        PublishedColumn("click_rate", "number", "Share after which a product was clicked.", "0 to 1"),
        PublishedColumn("buy_rate", "number", "Share after which what was clicked was bought within a day.", "0 to 1"),
        PublishedColumn("corrected", "text", "How it is read where it has a slip; null: as it is.", nullable=True),
        PublishedColumn("category", "text", "The category that is meant; null: no one.", nullable=True),
        PublishedColumn("brand", "text", "The brand that is named; null: none.", nullable=True),
        PublishedColumn("meaning", "text", "What was understood, in words."),
        PublishedColumn("understood", "text", "The same as ml.search tells it, as JSON."),
        PublishedColumn(
            "products",
            "integer",
            "Products that answer it, of which ml.query_product has the first; null: no list.",
            nullable=True,
        ),
        PublishedColumn(
            "rest_categories",
            "texts",
            "Categories of those that ml.query_product has not; null: no list.",
            nullable=True,
        ),
        PublishedColumn("rest_scores", "numbers", "The best score of these in each category.", nullable=True),
    ),
    indexes=(("asked",),),
    for_all=True,
)

QUERY_PRODUCT = Published(
    "query_product",
    "The list of each known query: what was clicked and bought after it, corrected for the place it stood at.",
    ("query", "rank"),
    (
        _QUERY,
        _RANK,
        PublishedColumn("product_id", "text", "The product."),
        PublishedColumn("score", "number", "How well it fits; comparable within one query."),
        PublishedColumn("clicks", "number", "Share of the query's clicks, corrected for place.", "0 to 1"),
        PublishedColumn("purchases", "number", "Of these clicks, those that became a purchase.", "0 to 1"),
        _WHY,
    ),
    for_all=True,
    english=True,
)

GAP = Published(
    "search_gap",
    "What customers look for and do not find, by demand; for the buyers of the shop.",
    ("query",),
    (
        _QUERY,
        PublishedColumn("asked", "number", "How often lately.", "searches"),
        PublishedColumn("people", "integer", "Different customers, at least."),
        PublishedColumn("without_click", "number", "Share after which nothing was clicked.", "0 to 1"),
        PublishedColumn("nearest", "text", "The products that come nearest, by title."),
        _WHY,
    ),
    for_all=True,
)

SYNONYM = Published(
    "search_synonym",
    "Words that customers use for one another, learned; the staff forbids a wrong one in ml_config.search_rule.",
    ("word", "synonym"),
    (
        PublishedColumn("word", "text", "What was typed."),
        PublishedColumn("synonym", "text", "What finds what was meant."),
        PublishedColumn("score", "number", "How sure.", "0 to 1"),
        PublishedColumn("people", "integer", "Customers who showed it, at least."),
        _WHY,
    ),
    for_all=True,
)

CUSTOMER = Published(
    "search_customer",
    "What fits a customer: the categories that they buy and click in.",
    ("customer_id", "category"),
    (
        PublishedColumn("customer_id", "text", "Who."),
        PublishedColumn("category", "text", "The category."),
        PublishedColumn("share", "number", "Of what they bought and clicked lately.", "0 to 1"),
    ),
    for_all=True,
)

SPEC = Capability(
    name="search",
    title="Search",
    question="What does this customer look for, and what do they look for in vain?",
    package="ml.capabilities.search",
    needs=("customer", "product"),
    wants=("order", "order_item", "search", "stock"),
    publishes=(
        PRODUCT,
        TERM,
        WORD,
        SPELLING,
        PREFIX,
        SETTING,
        QUERY,
        QUERY_PRODUCT,
        GAP,
        SYNONYM,
        CUSTOMER,
    ),
    params=Params(),
    gate=Gate(metric="mrr@10", baseline="words alone", horizon=timedelta(days=28), min_units=50),
    train_schedule="0 5 * * 0",
    cutoffs=(timedelta(days=28),),
    carries=("search_product",),
    examples=(
        Example(
            "What customers look for in vain",
            "SELECT query, round(asked::numeric, 1) AS searches, people AS customers, nearest, reason FROM ml.search_gap "
            "ORDER BY asked DESC, query LIMIT 3",
        ),
        Example(
            "A search, answered inside Postgres",
            "SELECT rank, title AS product, round(score::numeric, 3) AS score, why FROM ml.search(%s, 3)",
            each="SELECT query AS key, concat('Search for ', query) AS title FROM ml.query WHERE asked > 0 "
            "ORDER BY asked DESC, query LIMIT 2",
        ),
    ),
    headlines={
        "queries that are known": "SELECT count(*) FROM ml.query WHERE asked > 0",
        "share of searches after which a product is clicked": (
            "SELECT coalesce(sum(asked * click_rate) / nullif(sum(asked), 0), 0) FROM ml.query"
        ),
        "queries without an answer": "SELECT count(*) FROM ml.search_gap",
    },
    config=CONFIG,
    functions=("ml.contract:on_sale.sql", "ml.text:words.sql", "words.sql", "known.sql", "search.sql", "suggest.sql"),
    skips={
        "test_optional_tables_may_be_absent": (
            "without a search log nobody has asked, missed or reworded anything: ml.search_gap, ml.search_synonym and "
            "ml.search_customer are empty; tests/capabilities/search checks that the index is there"
        ),
    },
)
