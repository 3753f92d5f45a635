"""A night reads what is new; the rest is taken from the night before, and nobody can tell."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ml.capabilities.sentiment import read_reviews
from tests.capabilities.sentiment.reviews import demo, features, published, taught

ROWS = [
    {"text": "The quality is excellent but delivery was late.", "stars": 3, "product": "a"},
    {"text": "Very happy with it.", "stars": 5, "product": "a"},
    {"text": "Very disappointed. The box was crushed.", "stars": 1, "product": "b"},
    {"text": None, "stars": 4},
]


def before(tables):
    """What a night hands to the next one."""
    return {f"before_{name}": tables[name] for name in ("review_sentiment", "review_aspect")}


@pytest.fixture
def read(monkeypatch):
    """How many texts were read, one entry per call."""
    counted = []
    original = read_reviews._fresh

    def fresh(model, roles, reviews, rows, params):
        counted.append(len(rows))
        return original(model, roles, reviews, rows, params)

    monkeypatch.setattr(read_reviews, "_fresh", fresh)
    return counted


def test_the_same_reviews_are_not_read_again(read):
    """Without a new review nothing is read, and all tables are those of the night before."""
    known = features(ROWS)
    first = published(taught(), known)
    assert read == [4]
    assert published(taught(), known | before(first)) == first
    assert read == [4]


def test_new_and_changed_reviews_are_read(read):
    """A new review, other words and other stars are read; the tables are as if all had been read."""
    first = published(taught(), features(ROWS))
    changed = [
        ROWS[0],
        {**ROWS[1], "text": "Never again."},
        {**ROWS[2], "stars": 5},
        ROWS[3],
        {"text": "Great", "id": "z"},
    ]
    known = features(changed)
    read.clear()
    carried = published(taught(), known | before(first))
    assert read == [3]
    assert carried == published(taught(), known)


def test_deleted_reviews_are_gone():
    """A review that the shop has no more, by an erasure for example, is in no table, and neither are its quotes."""
    first = published(taught(), features(ROWS))
    fewer = features(ROWS[:2])
    assert published(taught(), fewer | before(first)) == published(taught(), fewer)


def test_other_aspect_words_are_a_reason_to_read_again(read):
    """When staff edits the words of aspects, yesterday's rows do not hold any more."""
    known = features(ROWS)
    first = published(taught(), known)
    words = pa.table({"word": ["box"], "aspect": ["parcels"], "hint": [False]})
    read.clear()
    tables = published(taught(), known | before(first) | {"aspect_word": words})
    assert read == [4]
    assert "parcels" in tables["review_aspect"]["aspect"].to_pylist()


def test_rows_of_an_older_layout_are_not_taken(read):
    """What an earlier release left in another shape is not trusted."""
    known = features(ROWS)
    first = published(taught(), known)
    first["review_sentiment"] = first["review_sentiment"].drop(["reason"])
    read.clear()
    published(taught(), known | before(first))
    assert read == [4]


def test_a_whole_shop_carries_over():
    """All reviews of a shop, half of them new: the tables are those of a night that reads them all."""
    known = {name: demo()[name] for name in ("moment", "review")}
    half = known | {"review": known["review"].slice(0, len(known["review"]) // 2)}
    carried = published(taught(), known | before(published(taught(), half)))
    whole = published(taught(), known)
    for name, table in whole.items():
        assert carried[name].combine_chunks() == table.combine_chunks(), name
