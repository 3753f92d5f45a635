"""The sentiments and aspects that the demo shop plants are found from stars alone."""

from __future__ import annotations

import numpy as np

from ml.capabilities.sentiment.spec import LABELS
from ml.learn.class_calibration import macro_f1
from ml.shop.sources.demo.catalogue import ASPECTS
from tests.capabilities.sentiment.reviews import demo, published, taught


def _tables_and_truth():
    known = demo()
    tables = published(taught(), {name: known[name] for name in ("moment", "review")})
    truth = known["truth"].to_pylist()
    has = {row["review_id"] for row in known["review"].to_pylist() if row["text"]}
    return tables, [row for row in truth if row["review_id"] in has]


def test_planted_sentiments_are_found():
    """Macro-F1 of the labels is at least 0.95; mixed feelings count as neutral."""
    tables, truth = _tables_and_truth()
    label = dict(zip(*(tables["review_sentiment"][name].to_pylist() for name in ("review_id", "label")), strict=True))
    number = {name: i for i, name in enumerate(LABELS)} | {"mixed": 1}
    expected = np.array([number[row["sentiment"]] for row in truth])
    found = np.array([number[label[row["review_id"]]] for row in truth])
    assert macro_f1(expected, found, 3) >= 0.95


def test_planted_aspects_are_found():
    """Macro-F1 over aspects, praised and blamed apart, is at least 0.9."""
    tables, truth = _tables_and_truth()
    rows = tables["review_aspect"].to_pylist()
    found = {(row["review_id"], row["aspect"], row["score"] > 0) for row in rows}
    figures = []
    for aspect in ASPECTS:
        for praised in (True, False):
            expected = {
                row["review_id"] for row in truth if aspect in row["praised" if praised else "blamed"].split(",")
            }
            planted = {row["review_id"] for row in truth if (row["review_id"], aspect, praised) in found}
            figures.append(2 * len(expected & planted) / (len(expected) + len(planted)))
    assert np.mean(figures) >= 0.9


def test_languages_are_told():
    """At least 99 of 100 reviews of more than twenty letters are in the language that they were written in."""
    tables, truth = _tables_and_truth()
    texts = {row["review_id"]: row["text"] for row in demo()["review"].to_pylist()}
    language = dict(
        zip(*(tables["review_sentiment"][name].to_pylist() for name in ("review_id", "language")), strict=True)
    )
    long = [row for row in truth if len(texts[row["review_id"]]) > 20]
    assert np.mean([language[row["review_id"]] == row["language"] for row in long]) >= 0.99


def test_contradicting_stars_are_flagged():
    """Stars that were planted to contradict their text are flagged in a third of the cases at least, others hardly ever."""
    tables, truth = _tables_and_truth()
    flag = dict(zip(*(tables["review_sentiment"][name].to_pylist() for name in ("review_id", "mismatch")), strict=True))
    planted = [flag[row["review_id"]] for row in truth if row["stars_contradict"]]
    others = [flag[row["review_id"]] for row in truth if not row["stars_contradict"]]
    assert np.mean(planted) >= 1 / 3
    assert np.mean(others) <= 0.01
