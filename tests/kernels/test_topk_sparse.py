"""The sparse kernel is exactly its reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array, random_array

from ml.kernels.threads import limited
from ml.kernels.topk.sparse import top_k_sparse, top_k_sparse_reference


def _sparse(rng: np.random.Generator, n: int, m: int, density: float):
    """Whole numbers: sums are exact, ties are many, and some sums are 0."""
    return csr_array(
        random_array(
            (n, m), density=density, rng=rng, format="csr", data_sampler=lambda size: rng.integers(-2, 4, size)
        ),
        dtype=np.float32,
    )


@settings(deadline=None, max_examples=80)
@given(
    st.integers(0, 99), st.integers(0, 30), st.integers(1, 20), st.integers(1, 40), st.integers(1, 12), st.booleans()
)
def test_equals_reference(seed: int, n: int, s: int, m: int, k: int, excluding: bool) -> None:
    """Ids, scores and sources, ties included, are those of the obvious loop."""
    rng = np.random.default_rng(seed)
    history, similar, exclude = _sparse(rng, n, s, 0.3), _sparse(rng, s, m, 0.3), _sparse(rng, n, m, 0.2)
    result = top_k_sparse(history, similar, k, exclude if excluding else None)
    expected = top_k_sparse_reference(history, similar, k, exclude if excluding else None)
    for now, reference in zip(result, expected, strict=True):
        np.testing.assert_array_equal(now, reference)


def test_threads_change_nothing() -> None:
    """One thread and three give the same, also over several pieces of work."""
    rng = np.random.default_rng(1)
    history, similar = _sparse(rng, 5000, 40, 0.2), _sparse(rng, 40, 60, 0.3)
    results = []
    for n in (1, 3):
        with limited(n):
            results.append(top_k_sparse(history, similar, 5))
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)


def test_source_is_the_largest_part() -> None:
    """The source is the history item that gave most: 2 x 0.5 beats 1 x 0.9."""
    ids, scores, source = top_k_sparse(csr_array([[1.0, 2.0]]), csr_array([[0.0, 0.0, 0.9], [0.0, 0.25, 0.5]]), 3)
    assert ids.tolist() == [[2, 1, -1]]
    np.testing.assert_allclose(scores, [[1.9, 0.5, 0]])
    assert source.tolist() == [[1, 1, -1]]


def test_repeated_entries_are_added_up() -> None:
    """A history with the same pair twice counts as its sum, and is left as it was."""
    history = csr_array((np.ones(2, np.float32), np.zeros(2, np.int32), np.array([0, 2])), shape=(1, 1))
    assert top_k_sparse(history, csr_array([[3.0]]), 1)[1].tolist() == [[6]]
    assert history.nnz == 2


def test_shapes_must_fit() -> None:
    """Matrices that do not fit are an error that shows their shapes."""
    with pytest.raises(ValueError, match=r"history \(2, 3\), similar \(4, 4\)"):
        top_k_sparse(coo_array((2, 3)), coo_array((4, 4)), 1)
