"""What is new to a customer when the season turns: the order shares its places, the last days decide how many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.capabilities.recommender.ranking import season
from ml.capabilities.recommender.ranking.columns import COLUMNS
from ml.capabilities.recommender.ranking.season import Fold, Season

N, M = 200, 40


def _fold(right: str, seed: int = 7, days_ago: int = 10) -> Fold:
    """Customers who take two of the five products that the order ``right`` puts first; the others are by lot."""
    rng = np.random.default_rng(seed)
    items = np.tile(np.arange(M, dtype=np.int32), N)
    x = rng.random((N * M, len(COLUMNS))).astype(np.float32)
    score = rng.random(N * M)
    wanted = score if right == "ranker" else x[:, season.ORDERS[right]]
    best = np.argsort(-wanted.reshape(N, M), axis=1)[:, :5]
    taken = np.zeros((N, M), bool)
    for r in range(N):
        taken[r, rng.permutation(best[r])[:2]] = True
    return Fold(
        days_ago,
        np.arange(N + 1, dtype=np.int64) * M,
        items,
        x,
        score,
        np.ones(N * M, bool),
        taken.ravel(),
        np.full(N, 2, np.int64),
    )


def test_worth_by_hand() -> None:
    """Reciprocal ranks among what is new: the owned product has no place, ties go to the smaller number."""
    x = np.zeros((3, len(COLUMNS)), np.float32)
    x[:, season.ORDERS["month"]] = [5, 9, 5]
    values = season.worth(
        Season(0.5, ("month",)),
        np.array([0, 3]),
        np.array([7, 8, 4], np.int32),
        x,
        np.array([3.0, 2.0, 1.0]),
        np.array([True, False, True]),
    )
    k = season.SMOOTH
    assert values[1] == -np.inf
    assert values[[0, 2]].tolist() == pytest.approx([0.5 / k + 0.5 / (k + 1), 0.5 / (k + 1) + 0.5 / k])


def test_a_ranker_that_is_right_keeps_its_share() -> None:
    """Where the last days bear the ranker out, the share is the usual one, that of a young shop larger."""
    found = season.confirmed([_fold("ranker")], 400)
    assert (found.weight, found.orders) == (season.USUAL, season.USUAL_ORDERS)
    assert season.confirmed([_fold("ranker")], 89).weight == season.YOUNG
    assert season.confirmed([], 400) == Season()
    assert not list(season.stops(found.verdicts))


@pytest.mark.parametrize("right", ["week", "ever", "linear"])
def test_a_season_that_turned_is_followed(right: str) -> None:
    """Where the ranker is wrong of the last days and a simple order right, that one gets the places: no fall below it."""
    found = season.confirmed([_fold(right), _fold(right, 8, 20)], 400)
    assert found.orders == (right,)
    assert found.weight >= min(season.WEIGHTS)
    assert [verdict.best for verdict in found.verdicts] == [right, right]
    assert all(not verdict.worse for verdict in found.verdicts)


def test_what_falls_below_a_simple_order_is_stopped_in_words() -> None:
    """The gate is told at which cutoff, of what, by how much."""
    ours, theirs = np.full(100, 0.1), np.full(100, 0.2)
    messages = list(season.stops([season.verdict(0, ours, {"ever": theirs, "week": ours})]))
    assert messages == [
        (
            "of products new to the customer it finds less than the best sellers of all days (0.100 to 0.200 NDCG@10 on 100 "
            "customers, in the gate's window)"
        )
    ]
    assert not list(season.stops([season.verdict(0, theirs, {"ever": theirs})]))


def test_a_season_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Share, orders and verdicts."""
    fitted = season.confirmed([_fold("week")], 400)
    season.save(fitted, tmp_path)
    assert season.load(tmp_path) == fitted
