"""Rates of values: no row sees its own label, nor one that was not known yet."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ml.learn.encoding import frequent, in_time, joined, numbered, out_of_fold, rates

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 50)), min_size=1, max_size=30)


@given(ROWS, st.integers(0, 20), st.floats(0.5, 30))
def test_in_time_is_the_obvious_loop(rows: list[tuple[int, int, int]], delay: int, prior: float) -> None:
    """The rate of the rows of the same value placed more than ``delay`` before, drawn to the rate of all of these."""
    code, label, at = np.array(rows).T
    expected = []
    for c, t in zip(code, at, strict=True):
        old = at < t - delay
        overall = (label[old].sum() + 0.5) / (old.sum() + 50)
        same = old & (code == c) & (c < 3)
        expected.append((label[same].sum() + prior * overall) / (same.sum() + prior))
    np.testing.assert_allclose(in_time(code, label, at, delay, 3, prior), expected)


@given(ROWS)
def test_labels_that_are_not_known_yet_change_nothing(rows: list[tuple[int, int, int]]) -> None:
    """Turning every label from a time on leaves the rates of all rows before that time plus the delay."""
    code, label, at = np.array(rows).T
    turned = np.where(at >= 25, 1 - label, label)
    before = at <= 25 + 5
    np.testing.assert_array_equal(
        in_time(code, label, at, 5, 3, 20.0)[before], in_time(code, turned, at, 5, 3, 20.0)[before]
    )


def test_out_of_fold_never_sees_its_own_fold() -> None:
    """Turning the labels of a fold leaves the rates of its rows as they are."""
    rng = np.random.default_rng(1)
    code, label, fold = rng.integers(0, 5, 200), rng.integers(0, 2, 200), rng.integers(0, 4, 200)
    turned = np.where(fold == 2, 1 - label, label)
    ours, other = (out_of_fold(code, y, fold, 5, 10.0) for y in (label, turned))
    np.testing.assert_array_equal(ours[fold == 2], other[fold == 2])
    assert (ours[fold == 1] != other[fold == 1]).any()


def test_rates_by_hand() -> None:
    """Two frauds of two, none of one; a value that was never seen has the rate of all."""
    smoothed = rates(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]), 2, prior=2.0)
    np.testing.assert_allclose(smoothed, [(2 + 1) / 4, (0 + 1) / 4, 0.5])


def test_texts_are_joined_and_the_frequent_kept() -> None:
    """What is empty in the first column has no key; a text seen once is not learnt; positions follow frequency."""
    order = pa.table(
        {"item": ["a", "b", "", None, "b", "a", "b", "z"], "shipping": [1.0, 2.0, 1.0, 1.0, 2.0, 1.0, 2.0, None]}
    )
    texts = joined(order, ("item", "shipping"))
    assert texts.null_count == 2
    known = frequent(texts)
    assert [text.split("\x1f")[0] for text in known.to_pylist()] == ["b", "a"]
    assert numbered(texts, known).tolist() == [1, 0, 2, 2, 0, 1, 0, 2]
