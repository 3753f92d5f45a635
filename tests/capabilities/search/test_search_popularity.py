"""How searches fade: the rate by hand, and the half-life that the last days of a log ask for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ml.capabilities.search import popularity
from ml.capabilities.search.popularity import Days, Decay


def log_of(daily: np.ndarray) -> Days:
    """A log of ``daily`` searches, shape (n_days, n_queries), the latest day last."""
    day, query = np.nonzero(daily)
    age = len(daily) - 1 - day
    names = [f"q{number:02d}" for number in range(daily.shape[1])]
    return Days(names, query, age, daily[day, query].astype(float))


def test_a_steady_query_has_its_rate_whatever_the_half_life() -> None:
    """Two searches a day for a year are two a day, by any decay, tonight and three days ago."""
    known = log_of(np.full((365, 1), 2))
    for decay in (Decay(10.0, 10.0), Decay(20.0, 2.0, 0.5)):
        for now in (0, 3):
            assert popularity.rates(known, decay, now) == pytest.approx([2.0], rel=1e-4)


def test_rates_by_hand() -> None:
    """One search last night and one two days before it: a half-life of two days makes 1.5 of the mass 1 / (1 - 2^-.5)."""
    known = Days(["a"], np.array([0, 0]), np.array([0, 2]), np.ones(2))
    assert popularity.rates(known, Decay(2.0, 2.0)) == pytest.approx([1.5 * (1 - 2**-0.5)])
    assert popularity.rates(known, Decay(2.0, 2.0), now=1) == pytest.approx([2**-0.5 * (1 - 2**-0.5)])


def test_a_shop_of_novelties_gets_a_short_half_life_and_a_steady_one_a_long() -> None:
    """Queries that come and go within days are known by the last days; steady ones by all that was ever counted."""
    rng = np.random.default_rng(3)
    often = rng.permutation(1 / np.arange(1, 41)) * 20
    steady = rng.poisson(often, (120, 40))
    fashion = rng.poisson(often[(np.arange(40) + np.arange(120)[:, None] // 4) % 40])
    assert popularity.chosen(log_of(steady)) in (Decay(40.0, 40.0), Decay(80.0, 80.0))
    novel = popularity.chosen(log_of(fashion))
    assert min(novel.long, novel.short) <= 5


def test_too_few_searches_choose_nothing() -> None:
    """A log of one day, and one without any search."""
    assert popularity.chosen(log_of(np.ones((1, 3)))) == Decay()
    assert popularity.chosen(log_of(np.zeros((9, 3)))) == Decay()


def test_ways_to_write_a_query_count_together() -> None:
    """Texts of one key are one query; those that are not among the names count for none."""
    table = pa.table({"query": ["Tea", "tea", "secret"], "age": [0, 1, 0], "times": [1, 2, 9]})
    known = popularity.days(table, ["tea"], {"Tea": "tea"})
    assert known.names == ["tea"]
    assert known.times.tolist() == [1, 2]
