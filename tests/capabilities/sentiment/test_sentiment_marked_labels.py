"""A label that a person gave to a review: published as given, and learned by the next training."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ml.capabilities.sentiment import model
from ml.capabilities.sentiment.spec import Params
from tests.capabilities.sentiment.reviews import features, published

PARAMS = Params(network=False)
MISREAD = "The knob is gribbly."
"""Its word stands in reviews of one star only, until people say that it is praise."""


def _marks(**labels: str) -> dict[str, pa.Table]:
    return {
        "review_label": pa.table(
            {"review_id": list(labels), "label": list(labels.values()), "note": [None] * len(labels)}
        )
    }


def _shop() -> dict[str, pa.Table]:
    """Praise with five stars, blame with one; ten reviews call things gribbly and have one star, or none."""
    rows = [{"text": f"A splendid thing, model {i}.", "stars": 5} for i in range(40)]
    rows += [{"text": f"A dreadful thing, model {i}.", "stars": 1} for i in range(40)]
    rows += [{"id": f"g{i}", "text": f"It is gribbly, model {i}.", "stars": None if i == 9 else 1} for i in range(10)]
    return features(rows)


def _score(known: dict[str, pa.Table]) -> float:
    """How a model that learned from ``known`` reads a new review."""
    fitted = model.fit(known, PARAMS, 7)
    return float(published(fitted, features([{"text": MISREAD}]))["review_sentiment"]["score"][0].as_py())


def test_the_next_training_learns_from_what_people_marked() -> None:
    """A word that bad stars taught as blame is praise for the model that was trained after people said so."""
    shop = _shop()
    assert _score(shop) < 0
    assert _score(shop | _marks(**{f"g{i}": "positive" for i in range(10)})) > 0


def test_a_marked_review_is_published_as_marked_and_the_others_as_before() -> None:
    """Label, score and reason are the person's; no other row changes, in any order of the marks."""
    shop = _shop()
    fitted = model.fit(shop, PARAMS, 7)
    before = published(fitted, shop)["review_sentiment"].to_pylist()
    after = published(fitted, shop | _marks(g4="positive", nothing="neutral", g2="neutral"))[
        "review_sentiment"
    ].to_pylist()
    marked = {row["review_id"]: row for row in after if row["review_id"] in ("g2", "g4")}
    assert [(marked[i]["label"], marked[i]["score"], marked[i]["reason"]) for i in ("g2", "g4")] == [
        ("neutral", 0.0, "marked by a person"),
        ("positive", 1.0, "marked by a person"),
    ]
    assert [row for row in after if row["review_id"] not in marked] == [
        r for r in before if r["review_id"] not in marked
    ]


def test_a_mark_that_was_taken_back_leaves_no_trace_in_the_rows_that_are_carried_on() -> None:
    """The night after an undo reads the review again, not the row of the night before."""
    shop = _shop()
    fitted = model.fit(shop, PARAMS, 7)
    plain, with_mark = published(fitted, shop), published(fitted, shop | _marks(g4="positive"))
    carried = {f"before_{name}": with_mark[name] for name in ("review_sentiment", "review_aspect")}
    again = published(fitted, shop | carried)
    assert again["review_sentiment"].to_pylist() == plain["review_sentiment"].to_pylist()


def test_a_label_leaves_stars_of_its_own_class_alone() -> None:
    """Four stars that are marked positive stay four; no stars become those of the label."""
    from ml.capabilities.sentiment.marked_labels import taught

    shop = features([{"id": "a", "text": "x", "stars": 4}, {"id": "b", "text": "y"}, {"id": "c", "text": "z"}])
    stars = taught(shop | _marks(a="positive", b="negative"), shop["review"])["stars"]
    assert stars.to_pylist() == [4, 1, None]
    assert np.asarray(shop["review"]["stars"].is_null()).tolist() == [False, True, True]
