"""The dense kernel is exactly its reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.errors import TypingError
from scipy.sparse import csr_array, csr_matrix, random_array

from ml.kernels.compiled import compiled
from ml.kernels.threads import limited
from ml.kernels.topk.dense import (
    EACH_PASSES,
    NONE_PASSES,
    _catalogue,
    _customers,
    _floor,
    top_k_dense,
    top_k_dense_reference,
)
from ml.kernels.topk.screen import ITEM_MOST, LONGEST, USER_MOST, encode, pack_items, pack_users, rotation
from ml.kernels.topk.vectors import ITEMS, USERS, score, screen


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
    ids, scores = top_k_dense(x, y, k, exclude if excluding else None)
    expected_ids, expected_scores = top_k_dense_reference(x, y, k, exclude if excluding else None)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_array_equal(scores, expected_scores)


def _vectors(rng: np.random.Generator, n: int, f: int, shape: str) -> np.ndarray:
    """Factors as they come: even, of very different lengths, near to one direction, tiny, huge, or mostly zero."""
    v = rng.standard_normal((n, f))
    if shape == "lengths":
        v *= rng.lognormal(0, 2, (n, 1))
    elif shape == "one direction":
        v = 0.05 * v + 1
    elif shape == "spiky":
        v *= rng.lognormal(0, 3, f)
    elif shape in {"tiny", "huge"}:
        v *= {"tiny": 1e-24, "huge": 1e22}[shape]
    elif shape == "zeros":
        v *= rng.random((n, 1)) < 0.2
    elif shape == "equal":
        v[:] = v[:1]
    return v.astype(np.float32)


SHAPES = ("even", "lengths", "one direction", "spiky", "tiny", "huge", "zeros", "equal")


@settings(deadline=None, max_examples=150)
@given(
    st.integers(0, 999),
    st.integers(1, 20),
    st.integers(1, 700),
    st.integers(1, 40),
    st.integers(1, 30),
    st.sampled_from(SHAPES),
    st.sampled_from(SHAPES),
)
def test_equals_reference_to_the_last_bit(seed: int, n: int, m: int, f: int, k: int, users: str, items: str) -> None:
    """Whatever the factors look like, ids and scores are the reference's, without a tolerance."""
    rng = np.random.default_rng(seed)
    x, y = _vectors(rng, n, f, users), _vectors(rng, m, f, items)
    exclude = csr_array(random_array((n, m), density=0.2, rng=rng, format="csr"))
    for result, expected in zip(top_k_dense(x, y, k, exclude), top_k_dense_reference(x, y, k, exclude), strict=True):
        np.testing.assert_array_equal(result, expected)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 999), st.integers(1, 70), st.sampled_from(SHAPES), st.sampled_from(SHAPES))
def test_no_pair_is_below_its_own_floor(seed: int, f: int, users: str, items: str) -> None:
    """With θ = the pair's own score, the product of its codes is above the floor: the screen loses nothing."""
    rng = np.random.default_rng(seed)
    x, y = _vectors(rng, 5, f, users), _vectors(rng, 40, f, items)
    turn = rotation(f)
    catalogue, customers = _catalogue(y, turn), _customers(x, turn)
    codes = encode(y[catalogue.names], turn, ITEM_MOST).codes.astype(np.int64)
    products = encode(x, turn, USER_MOST).codes.astype(np.int64) @ codes.T
    with np.errstate(over="ignore"):
        thetas = (x.astype(np.float64) @ y[catalogue.names].astype(np.float64).T).astype(np.float32)
    for u, i in np.ndindex(products.shape):
        floor = _floor(thetas[u, i], customers.bounds[u], catalogue.bounds[0])
        assert products[u, i] > floor


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 999), st.integers(1, 70), st.sampled_from(SHAPES))
def test_codes_keep_their_limits(seed: int, f: int, shape: str) -> None:
    """Codes stay within what 16 bits need, and say truly how far they are from the vector."""
    v = _vectors(np.random.default_rng(seed), 30, f, shape)
    turn = rotation(f)
    for most in (USER_MOST, ITEM_MOST):
        encoded = encode(v, turn, most)
        assert np.abs(encoded.codes.astype(int)).max() <= most
        assert encoded.code_length.max() <= LONGEST
        rest = np.linalg.norm(v.astype(np.float64) @ turn - encoded.scale[:, None] * encoded.codes, axis=1)
        np.testing.assert_allclose(encoded.rest, rest, rtol=1e-9)


@compiled
def _screened(items, users, undo, group, floors, masks) -> None:
    for block in range(len(masks)):
        screen(items, block * ITEMS * 2 * users.shape[1], users, undo, group, floors, users.shape[1], masks[block])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 999), st.integers(1, 70))
def test_screen_compares_whole_numbers(seed: int, f: int) -> None:
    """Each bit of the masks is what a comparison of the plain integer product says, at the limits of 8 and 16 bits too."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(-USER_MOST, USER_MOST + 1, (9, f)), rng.integers(-ITEM_MOST, ITEM_MOST + 1, (3 * ITEMS, f))
    for codes in (x, y):  # scale what is too long
        codes[:] = np.fix(codes * np.minimum(1, LONGEST / np.linalg.norm(codes, axis=1, keepdims=True).clip(1)))
    group = rng.permutation(9)[:USERS].astype(np.int32)
    expected = x[group] @ y.T
    floors = np.array([EACH_PASSES, NONE_PASSES, np.median(expected[2]), expected[3].max() - 1], np.int16)
    masks = np.empty((3, USERS), np.uint32)
    packed, undo = pack_users(x.astype(np.int8))
    _screened(pack_items(y.astype(np.int8)), packed, undo, group, floors, masks)
    bits = (masks[:, :, None] >> np.arange(ITEMS, dtype=np.uint32)) & 1
    np.testing.assert_array_equal(bits.transpose(1, 0, 2).reshape(USERS, -1), expected > floors[:, None])


@compiled
def _scored(x, y) -> float:
    return score(x, y)


def test_score_is_rounded_once() -> None:
    """A score is right to the last bit where float32 sums lose it: 2^24 + 1 - 2^24, and products beyond float32."""
    x = np.array([2**24, 1, -(2**24), 0, 0, 0, 0, 0], np.float32)
    assert _scored(x, np.ones(8, np.float32)) == 1
    big = np.array([1e30, 1, 0, 0, -1e30, 0, 0, 0], np.float32)
    assert _scored(big, big) == np.inf
    assert _scored(big, np.abs(big)) == 1


def test_score_refuses_other_types() -> None:
    """Rows that are not float32 are refused when the caller is compiled, not read as if they were."""
    with pytest.raises(TypingError, match="expected a contiguous array of float32"):
        _scored(np.ones(8), np.ones(8))


def test_users_one_by_one_give_the_batch() -> None:
    """A user's list does not depend on whom it is made with."""
    rng = np.random.default_rng(4)
    x, y = _vectors(rng, 30, 12, "lengths"), _vectors(rng, 900, 12, "lengths")
    together = top_k_dense(x, y, 7)
    for u in range(len(x)):
        for one, all_ in zip(top_k_dense(x[u : u + 1], y, 7), together, strict=True):
            np.testing.assert_array_equal(one[0], all_[u])


def test_equals_reference_over_many_panels() -> None:
    """Users and items that fill several pieces of work and panels, with a rest, give the reference's lists."""
    x, y, exclude = _case(1, 1100, 2500, 6)
    for result, expected in zip(top_k_dense(x, y, 10, exclude), top_k_dense_reference(x, y, 10, exclude), strict=True):
        np.testing.assert_array_equal(result, expected)


def test_threads_change_nothing() -> None:
    """One thread and three give the same."""
    x, y, exclude = _case(2, 500, 300, 4)
    results = []
    for n in (1, 3):
        with limited(n):
            results.append(top_k_dense(x, y, 5, exclude))
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)


def test_ties_go_to_the_smaller_id() -> None:
    """Equal scores are ranked by id, however the items are ordered inside."""
    ids, _ = top_k_dense(np.ones((1, 2), np.float32), np.ones((50, 2), np.float32), 4)
    assert ids.tolist() == [[0, 1, 2, 3]]


def test_ties_by_rounding_go_to_the_smaller_id() -> None:
    """Scores that float32 can only round to its smallest number are equal, though the items' lengths are not."""
    lengths = np.linspace(0.6, 0.9, 600)[:, None] * 2**-49
    ids, scores = top_k_dense(np.full((1, 1), 2**-100, np.float32), lengths.astype(np.float32), 3)
    assert ids.tolist() == [[0, 1, 2]]
    assert scores.tolist() == [[2**-149] * 3]


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
