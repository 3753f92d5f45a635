"""Likeness by content: the planted answers, and the kernels are their references."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.capabilities.recommender.candidates import content, content_state
from ml.capabilities.recommender.candidates.content_state import Params
from ml.capabilities.recommender.candidates.mixed_knn import likeness, nearest
from ml.core.errors import ArtifactError
from tests.capabilities.recommender.candidates.small_log import NOW, random_log, small_log

TITLES = ["red tea cup", "blue tea cup", "green tea cups", "oak garden chair", "pine garden chair", "garden chairs"]
BOUGHT = [(0, 0, 0, 5.0), (1, 3, 1, 5.0)]


def test_the_text_leads_to_what_is_like_it() -> None:
    """Who bought a tea cup is led to the other tea cups, one in the plural too; a chair's buyer to chairs."""
    log = small_log(BOUGHT, TITLES)
    ids, _ = content.propose(content.fit(log, NOW, Params(), 1), log, np.array([0, 1], np.int32), 2)
    assert set(ids[0]) == {1, 2}
    assert set(ids[1]) == {4, 5}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"category": ["a", "b", "a", "b"]}, 2),
        ({"brand": ["x", "", "", "x"]}, 3),
        ({"price": [10.0, 12.0, 300.0, None]}, 1),
    ],
)
def test_category_brand_and_price_count(attributes: dict, expected: int) -> None:
    """Where titles say nothing, the same category, the same brand or a near price decides; unknown is like nothing."""
    log = small_log([(0, 0, 0, 1.0)], [""] * 4, **attributes)
    ids, scores = content.propose(content.fit(log, NOW, Params(), 1), log, np.array([0], np.int32), 3)
    assert ids.tolist() == [[expected, -1, -1]]
    assert scores[0, 1:].tolist() == [0, 0]


def test_a_product_listed_after_the_fit_is_proposed_the_first_night() -> None:
    """A tea cup that the fit has not seen, which nobody bought, leads the list of who bought tea cups."""
    state = content.fit(small_log(BOUGHT, TITLES), NOW, Params(neighbours=2), 1)
    tonight = small_log(
        BOUGHT,
        ["old tea cup", *TITLES],
        ids=["new", *(f"p{i:03d}" for i in range(6))],
        listed_days_ago=[0.5, *[None] * 6],
    )
    bought_again = replace(tonight, product=tonight.product + np.int32(1))
    ids, _ = content.propose(state, bought_again, np.array([0], np.int32), 3)
    assert 0 in ids[0]
    assert set(ids[0]) == {0, 2, 3}


def test_a_new_product_is_reached_though_it_is_among_the_nearest_of_none() -> None:
    """Twenty equal cups are all each other's nearest; a new cup, a little different, is listed all the same."""
    titles = ["tea cup white"] * 20 + ["tea cup white large", "oak chair", "oak table"]
    ago = [None] * 20 + [1.0, None, None]
    params, who = Params(neighbours=3), np.array([0], np.int32)
    for log, expected in (
        (small_log([(0, 0, 0, 1.0)], titles), False),
        (small_log([(0, 0, 0, 1.0)], titles, listed_days_ago=ago), True),
    ):
        ids, _ = content.propose(content.fit(log, NOW, params, 1), log, who, 5)
        assert (20 in ids) == expected


def test_new_products_count_more() -> None:
    """Of two equal products the one listed yesterday comes first, the more the higher ``fresh`` is."""
    log = small_log([(0, 0, 0, 1.0)], ["tea cup"] * 3 + ["chair"] * 2, listed_days_ago=[None, 90.0, 1.0, None, None])
    ids, scores = content.propose(content.fit(log, NOW, Params(fresh=1.0), 1), log, np.array([0], np.int32), 2)
    assert ids.tolist() == [[2, 1]]
    assert scores[0, 0] / scores[0, 1] == pytest.approx((1 + 2 ** (-1 / 14)) / (1 + 2 ** (-90 / 14)))


def test_recent_products_count_more() -> None:
    """A cup of last week outweighs a chair of last year."""
    log = small_log([(0, 0, 0, 7.0), (0, 3, 1, 365.0)], TITLES)
    ids, _ = content.propose(content.fit(log, NOW, Params(), 1), log, np.array([0], np.int32), 4)
    assert set(ids[0, :2]) == {1, 2}


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 99), st.integers(1, 6), st.integers(2, 40), st.integers(0, 60), st.integers(1, 50))
def test_with_all_neighbours_the_lists_are_the_reference(seed: int, n: int, m: int, lines: int, k: int) -> None:
    """Candidates by the kernels, scored and ranked, are what the formulas give for all products."""
    log = random_log(seed, n, m, lines)
    state = content.fit(log, NOW, Params(neighbours=m, recent=7, dimensions=6), seed)
    users = np.array([-1, *range(n)], np.int32)
    ids, scores = content.propose(state, log, users, k)
    expected_ids, expected = content.propose_reference(state, log, users, k)
    np.testing.assert_allclose(scores, expected, rtol=2e-4, atol=1e-6)
    clear = np.abs(np.diff(expected, axis=1, append=0)) > 1e-4 * np.abs(expected)
    clear[:, 1:] &= clear[:, :-1]
    np.testing.assert_array_equal(ids[clear], expected_ids[clear])


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 99), st.integers(1, 60), st.integers(1, 8))
def test_nearest_are_those_of_the_matrix(seed: int, m: int, k: int) -> None:
    """The tiles' k nearest have the k largest likenesses of the whole matrix, itself left out."""
    log = random_log(seed, 1, m, 0)
    state = content.fit(log, NOW, Params(dimensions=4), seed)
    weights = (0.4, 0.3, 0.2, 0.1)
    rows = np.arange(m, dtype=np.int32)[::2]
    ids, scores = nearest(state.traits, rows, k, weights)
    s = likeness(state.traits, weights)
    np.fill_diagonal(s, 0)
    best = -np.sort(-s[rows], axis=1)[:, :k]
    np.testing.assert_allclose(scores[:, : best.shape[1]], best, atol=1e-5)
    given_, places = np.nonzero(ids >= 0)
    np.testing.assert_allclose(scores[given_, places], s[rows[given_], ids[given_, places]], atol=1e-5)


def test_pairs_score_what_is_proposed() -> None:
    """The score of a pair is its score in the list, in any order of the pairs."""
    log = random_log(3, 8, 40, 80)
    state = content.fit(log, NOW, Params(), 1)
    users = np.arange(8, dtype=np.int32)
    ids, scores = content.propose(state, log, users, 10)
    row, place = np.nonzero(ids >= 0)
    shuffled = np.random.default_rng(1).permutation(len(row))
    row, place = row[shuffled], place[shuffled]
    np.testing.assert_allclose(content.pairs(state, log, users[row], ids[row, place]), scores[row, place], rtol=1e-5)


def test_saved_and_loaded_is_the_same(tmp_path) -> None:
    """A loaded state proposes and scores exactly what the saved one did."""
    log, users = random_log(5, 6, 30, 60), np.arange(6, dtype=np.int32)
    state = content.fit(log, NOW, Params(neighbours=8), 1)
    content_state.save(state, tmp_path)
    loaded = content_state.load(tmp_path)
    for proposed, expected in zip(
        content.propose(loaded, log, users, 9), content.propose(state, log, users, 9), strict=True
    ):
        np.testing.assert_array_equal(proposed, expected)


def test_products_are_known_by_their_ids_not_their_numbers() -> None:
    """A night that numbers the products the other way round gets the same products and scores."""
    lines = [(0, 0, 0, 5.0), (0, 4, 1, 50.0)]
    log = small_log(lines, TITLES)
    turned = small_log(
        [(c, 5 - p, o, ago) for c, p, o, ago in lines], TITLES[::-1], ids=[f"p{i:03d}" for i in range(6)][::-1]
    )
    state, who = content.fit(log, NOW, Params(), 1), np.array([0], np.int32)
    ids, scores = content.propose(state, log, who, 4)
    turned_ids, turned_scores = content.propose(state, turned, who, 4)
    np.testing.assert_allclose(turned_scores, scores, rtol=1e-5)
    assert (5 - turned_ids).tolist() == ids.tolist()


def test_broken_files_are_an_error_that_says_what_to_do(tmp_path) -> None:
    """A folder without the files is refused with the way out."""
    with pytest.raises(ArtifactError, match="nightshift train recommender"):
        content_state.load(tmp_path)
