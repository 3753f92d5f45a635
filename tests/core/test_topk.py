"""The dense kernel is exactly its reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, csr_matrix, random_array

from ml.core.topk import top_k_dense, top_k_dense_reference


def _case(seed: int, n: int, m: int, f: int, density: float = 0.1):
    """Factors that are small integers, so that sums are exact and ties are many; and exclusions."""
    rng = np.random.default_rng(seed)
    x, y = (rng.integers(-3, 4, (rows, f)).astype(np.float32) for rows in (n, m))
    return x, y, csr_array(random_array((n, m), density=density, rng=rng, format="csr"))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 9), st.integers(1, 40), st.integers(1, 90), st.integers(1, 8), st.integers(1, 30), st.booleans())
def test_equals_reference(seed: int, n: int, m: int, f: int, k: int, excluding: bool) -> None:
    """Ids and scores, ties included, are those of one sort over all scores."""
    x, y, exclude = _case(seed, n, m, f, density=0.4)
    ids, scores = top_k_dense(x, y, k, exclude if excluding else None, threads=2)
    expected_ids, expected_scores = top_k_dense_reference(x, y, k, exclude if excluding else None)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_array_equal(scores, expected_scores)


def test_equals_reference_over_many_tiles() -> None:
    """Users and items that fill several tiles, with a rest, give the reference's lists."""
    x, y, exclude = _case(1, 600, 2500, 6)
    for result, expected in zip(
        top_k_dense(x, y, 10, exclude, threads=2), top_k_dense_reference(x, y, 10, exclude), strict=True
    ):
        np.testing.assert_array_equal(result, expected)


def test_threads_change_nothing() -> None:
    """One thread and three give the same."""
    x, y, exclude = _case(2, 500, 300, 4)
    for one, three in zip(top_k_dense(x, y, 5, exclude), top_k_dense(x, y, 5, exclude, threads=3), strict=True):
        np.testing.assert_array_equal(one, three)


def test_ties_go_to_the_smaller_id() -> None:
    """Equal scores are ranked by id, however the items are ordered inside."""
    ids, _ = top_k_dense(np.ones((1, 2), np.float32), np.ones((50, 2), np.float32), 4)
    assert ids.tolist() == [[0, 1, 2, 3]]


def test_short_lists_end_in_minus_one() -> None:
    """Where candidates run out the id is -1 and the score -inf."""
    ids, scores = top_k_dense(np.ones((1, 1), np.float32), np.array([[1], [2]], np.float32), 3, csr_matrix([[0, 1]]))
    assert ids.tolist() == [[0, -1, -1]]
    assert scores.tolist() == [[1, -np.inf, -np.inf]]


@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (0, 0)])
def test_empty_is_empty(n: int, m: int) -> None:
    """No users or no items is no fault."""
    ids, _ = top_k_dense(np.ones((n, 2), np.float32), np.ones((m, 2), np.float32), 2)
    assert ids.tolist() == [[-1, -1]] * n


def test_inputs_are_left_alone() -> None:
    """Factors and exclusions are not written to, not even sorted."""
    x, y, exclude = _case(3, 50, 60, 3)
    exclude.indices[:] = exclude.indices[::-1].copy()
    copies = x.copy(), y.copy(), exclude.indices.copy()
    top_k_dense(x, y, 5, exclude)
    for now, before in zip((x, y, exclude.indices), copies, strict=True):
        np.testing.assert_array_equal(now, before)


@pytest.mark.parametrize(
    ("users", "items", "k", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), 1, "same number of factors"),
        (np.ones((2, 3)), np.ones((2, 3)), 0, "k must be"),
        (np.full((2, 3), np.nan), np.ones((2, 3)), 1, "finite"),
    ],
)
def test_wrong_input_is_named(users: np.ndarray, items: np.ndarray, k: int, message: str) -> None:
    """An input that makes no sense is an error that says which."""
    with pytest.raises(ValueError, match=message):
        top_k_dense(users, items, k)
