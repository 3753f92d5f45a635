"""What ``visual`` needs, publishes and promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.core.spec import Capability, Example, Gate, Published, PublishedColumn


@dataclass(frozen=True)
class Params:
    """Parameters of ``visual``."""

    neighbours: int = 12
    """Products listed as alike to each."""
    judged: int = 10
    """Neighbours that the gate looks at."""
    held_share: float = 0.1
    """Share of the pictures, by the hash of their content, that no model learns from: the gate judges on them."""
    dimensions: int = 128
    """Of the network's embedding: the last third is for the colour. And of the baseline's vectors."""
    look_dimensions: int = 32
    """Of a vector's part for the mere look, beside the kinds and colours."""
    width: int = 24
    """Filters of the network's first layer; the others have two and four times as many."""
    epochs: int = 16
    pictures: int = 20_000
    """Pictures that an epoch looks at, at most."""
    batch: int = 64
    rate: float = 0.003
    seconds: float = 420.0
    """No further epoch is begun after so long."""
    fewest: int = 40
    """Pictures with a category below which no network is taught."""
    text_dimensions: int = 64
    behaviour_dimensions: int = 64
    tiny: int = 50
    """Pixels of the shorter side below which a picture is too small to be shown large."""
    colour_weight: float = 0.8
    """How much colour counts beside kind where pictures are compared."""


PARAMS = Params()

PRODUCT_VECTOR = Published(
    "product_vector",
    "Vectors of each product: its picture's, its text's and its buyers'. Null where there is none.",
    ("product_id",),
    (
        PublishedColumn("product_id", "text", "The product."),
        PublishedColumn("category", "text", "Its category.", nullable=True),
        PublishedColumn("active", "boolean", "Whether it is for sale."),
        PublishedColumn("content_hash", "text", "SHA-256 of the picture that it was made from.", nullable=True),
        PublishedColumn("image", "vector", "Of its first picture that can be read; length 1.", nullable=True),
        PublishedColumn("text", "vector", "Of its title and description; length 1.", nullable=True),
        PublishedColumn("behaviour", "vector", "Of what is bought with it; length 1.", nullable=True),
    ),
    nearest="image",
)
SIMILAR_LOOK = Published(
    "similar_look",
    "For each product with a picture, those for sale that look most like it.",
    ("product_id", "rank"),
    (
        PublishedColumn("product_id", "text", "The product."),
        PublishedColumn("rank", "integer", "1 is the most alike."),
        PublishedColumn("similar_product_id", "text", "What looks like it."),
        PublishedColumn("score", "number", "Cosine of the two pictures' vectors.", "-1 to 1"),
        PublishedColumn("reason", "text", "What is alike, in words: kind, colour, shape."),
    ),
    for_all=True,
)
DUPLICATE_PICTURE = Published(
    "duplicate_picture",
    "The same photo under two products, each pair once.",
    ("product_id", "other_product_id"),
    (
        PublishedColumn("product_id", "text", "The product whose id comes first."),
        PublishedColumn("other_product_id", "text", "The other."),
        PublishedColumn(
            "same_file", "boolean", "The files are equal byte for byte; else one was cut, scaled or packed anew."
        ),
        PublishedColumn("difference", "number", "Mean difference of the thumbnails' pixels.", "0 to 255"),
        PublishedColumn("reason", "text", "In words."),
    ),
    for_all=True,
)
PICTURE_ISSUE = Published(
    "picture_issue",
    "What is wrong with a product's pictures.",
    ("product_id", "image_no", "issue"),
    (
        PublishedColumn("product_id", "text", "The product."),
        PublishedColumn("image_no", "integer", "Number of the picture; 0 where there is none."),
        PublishedColumn(
            "issue", "text", "missing, unreadable, tiny, blank, or other_category: it does not show the category."
        ),
        PublishedColumn("category", "text", "The product's category.", nullable=True),
        PublishedColumn("looks_like", "text", "For other_category: the category that it looks like.", nullable=True),
        PublishedColumn("reason", "text", "In words, with figures."),
    ),
    for_all=True,
)

SPEC = Capability(
    name="visual",
    title="Pictures",
    question="Which products look alike, and which pictures are wrong?",
    package="ml.capabilities.visual",
    needs=("product", "product_image"),
    wants=("order", "order_item"),
    publishes=(PRODUCT_VECTOR, SIMILAR_LOOK, DUPLICATE_PICTURE, PICTURE_ISSUE),
    params=PARAMS,
    gate=Gate(metric="alike", baseline="colour and edges", horizon=timedelta(days=1), min_units=30),
    train_schedule="0 5 * * 0",
    thorough={"epochs": 60, "seconds": 3600.0},
    functions=("search_by_vector.sql",),
    carries=("product_vector",),
    headlines={
        "products with look-alikes": "SELECT count(DISTINCT product_id) FROM ml.similar_look",
        "pictures under two products": "SELECT count(*) FROM ml.duplicate_picture",
        "faults of pictures": "SELECT count(*) FROM ml.picture_issue",
    },
    examples=(
        Example(
            "Products that look alike",
            "SELECT product_id AS product, similar_product_id AS looks_like, round(score::numeric, 2) AS score, reason "
            "FROM ml.similar_look WHERE rank = 1 ORDER BY score DESC, product_id LIMIT 3",
        ),
        Example(
            "Faults of pictures",
            "SELECT product_id AS product, issue, reason FROM ml.picture_issue ORDER BY issue, product_id LIMIT 5",
        ),
    ),
)
