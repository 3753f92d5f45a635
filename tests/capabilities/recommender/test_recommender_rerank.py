"""Rules, variety, price and lots: the compiled list maker against a slow one, and laws of what is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.adapters.books import config
from ml.capabilities.recommender.config import CATEGORY_RULE, REASON_TEMPLATE, RULE, SETTING
from ml.capabilities.recommender.reasons import Words
from ml.capabilities.recommender.shelf.rerank import Reranker, explore_slots, price_level, rerank
from ml.capabilities.recommender.shelf.rerank_kernels import Customers, Ranked, Shown
from ml.capabilities.recommender.shelf.rules import Rules, night, work_out
from ml.capabilities.recommender.spec import Params
from ml.capabilities.recommender.templates import TEMPLATES, Reason
from tests.capabilities.recommender.rerank_reference import rerank_reference

NIGHT = date(2026, 1, 15)
PLAIN = Params(top_k=4, explore_share=0.0)


def features(
    rules: list[dict[str, Any]] | None = None, categories: list[dict[str, Any]] | None = None, m: int = 12
) -> dict[str, pa.Table]:
    """``m`` products p0, p1, …: categories c0, c1, c2 in turn, brands b0 and b1, price 10, 20, …; the last not for sale."""
    number = range(m)
    return {
        "product": pa.table(
            {
                "product_no": pa.array(number, pa.int32()),
                "product_id": [f"p{i}" for i in number],
                "category": [f"c{i % 3}" for i in number],
                "brand": [f"b{i % 2}" for i in number],
                "price": pa.array([10.0 * (i + 1) for i in number], pa.float32()),
                "available": [i != m - 1 for i in number],
            }
        ),
        "rule": pa.Table.from_pylist([{"id": i, **rule} for i, rule in enumerate(rules or [])], config.schema(RULE)),
        "category_rule": pa.Table.from_pylist(categories or [], config.schema(CATEGORY_RULE)),
        "night": pa.table({"night": pa.array([NIGHT], pa.date32())}),
    }


def ranking(rows: Any) -> Ranked:
    """Rows of product numbers, scores falling from 1."""
    ids = np.array(rows, np.int32)
    scores = np.tile(np.linspace(1, 0.1, ids.shape[1], dtype=np.float32), (len(ids), 1))
    return Ranked(ids, scores, ids[:, ::-1].copy(), np.full(ids.shape, Reason.BECAUSE, np.int8))


def people(n: int, group: Any = 0, level: Any = np.nan, bought: Any = ()) -> Customers:
    """N customers, numbered from 0."""
    return Customers(
        np.arange(n),
        np.full(n, group, np.int64),
        np.full(n, level, np.float32),
        np.array(bought, bool) if len(bought) else np.zeros((0, 0), bool),
    )


def shown(rules: Rules, rows: list[list[int]], params: Params = PLAIN, who: Customers | None = None) -> list[list[int]]:
    """Product numbers of the lists, without the empty places."""
    ranked = rerank(ranking(rows), rules, who or people(len(rows)), params, 1)
    return [[int(i) for i in row if i >= 0] for row in ranked.ids]


RANKED = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"kind": "exclude", "product_id": "p1"}, [0, 2, 3, 4]),
        ({"kind": "exclude", "category": "c0"}, [1, 2, 4, 5]),
        ({"kind": "exclude", "brand": "b1"}, [0, 2, 4, 6]),
        ({"kind": "exclude", "min_price": 20.0, "max_price": 40.0}, [0, 4, 5, 6]),
        ({"kind": "exclude", "category": "c0", "brand": "b1"}, [0, 1, 2, 4]),
        ({"kind": "exclude", "product_id": "nowhere"}, [0, 1, 2, 3]),
        ({"kind": "exclude", "category": "nowhere"}, [0, 1, 2, 3]),
        ({"kind": "exclude", "product_id": "p1", "starts_on": date(2026, 1, 16)}, [0, 1, 2, 3]),
        ({"kind": "exclude", "product_id": "p1", "starts_on": NIGHT, "ends_on": NIGHT}, [0, 2, 3, 4]),
        ({"kind": "exclude", "product_id": "p1", "ends_on": date(2026, 1, 14)}, [0, 1, 2, 3]),
        ({"kind": "exclude", "product_id": "p1", "segment": "retail"}, [0, 1, 2, 3]),
        ({"kind": "boost", "product_id": "p5", "factor": 4.0}, [0, 5, 1, 2]),
        ({"kind": "bury", "product_id": "p1", "factor": 0.49}, [0, 2, 3, 1]),
        ({"kind": "pin", "product_id": "p9", "rank": 2}, [0, 9, 1, 2]),
        ({"kind": "pin", "product_id": "p0", "rank": 3}, [1, 2, 0, 3]),
        ({"kind": "pin", "product_id": "p11", "rank": 1}, [0, 1, 2, 3]),
        ({"kind": "pin", "product_id": "p9", "rank": 5}, [0, 1, 2, 3]),
    ],
)
def test_a_rule_does_what_it_says(rule: dict[str, Any], expected: list[int]) -> None:
    """Each kind of rule, on what it names, on its days, for its customers; p11 is not for sale, so its pin is none."""
    assert shown(work_out(features([rule]), 4), RANKED) == [expected]


def test_a_rule_of_a_segment_is_for_that_segment() -> None:
    """A customer of the segment gets the rule, one of another or none does not."""
    rules = work_out(features([{"kind": "exclude", "product_id": "p0", "segment": "retail"}]), 4)
    groups = rules.group(pa.chunked_array([["retail", "wholesale", ""]]))
    assert shown(rules, RANKED * 3, who=people(3)._replace(group=groups)) == [[1, 2, 3, 4], [0, 1, 2, 3], [0, 1, 2, 3]]
    assert list(rules.shown("retail")[:2]) == [False, True]
    assert rules.shown("unheard of")[0]


def test_what_nobody_is_shown_is_off_the_shelf() -> None:
    """A ranking on the shelf's features passes over what is excluded for all, not over what is for a segment."""
    rules = [{"kind": "exclude", "product_id": "p0"}, {"kind": "exclude", "product_id": "p1", "segment": "retail"}]
    known = features(rules)
    shelf = work_out(known, 4).shelf(known)["product"]
    assert shelf["available"].to_pylist() == [False, *[True] * 10, False]
    assert shelf.drop_columns("available") == known["product"].drop_columns("available")
    assert known["product"]["available"][0].as_py()


def test_excluded_stays_excluded() -> None:
    """A product that is excluded is not shown by a pin or a boost."""
    rules = [
        {"kind": "exclude", "category": "c0"},
        {"kind": "pin", "product_id": "p0", "rank": 1},
        {"kind": "boost", "product_id": "p3", "factor": 1000.0},
    ]
    assert shown(work_out(features(rules), 4), RANKED) == [[1, 2, 4, 5]]


def test_two_pins_of_one_place_stand_beside_each_other() -> None:
    """The earlier rule has the place, the later the next; of two places for one product the first counts."""
    rules = [{"kind": "pin", "product_id": f"p{p}", "rank": rank} for p, rank in ((7, 2), (8, 2), (7, 4))]
    assert shown(work_out(features(rules), 4), RANKED) == [[0, 7, 8, 1]]


def test_a_short_list_moves_its_pins_up() -> None:
    """No place is left empty before a pin."""
    rules = work_out(features([{"kind": "pin", "product_id": "p9", "rank": 4}]), 4)
    assert shown(rules, [[3, -1, -1], [-1, -1, -1]]) == [[3, 9], [9]]


def test_a_category_has_its_limit() -> None:
    """A category's own limit, the general one, and a pin that counts towards it."""
    rules = work_out(features([], [{"category": "c0", "max_per_list": 1}]), 4)
    assert shown(rules, [[0, 3, 6, 9, 1, 4]]) == [[0, 1, 4]]
    assert shown(work_out(features(), 4, max_per_category=2), [[0, 3, 6, 1, 4, 7, 2]]) == [[0, 3, 1, 4]]
    pinned = work_out(
        features([{"kind": "pin", "product_id": "p9", "rank": 1}], [{"category": "c0", "max_per_list": 1}]), 4
    )
    assert shown(pinned, [[0, 3, 1, 2]]) == [[9, 1, 2]]


def test_bought_products_are_shown_as_learned_or_as_told() -> None:
    """What was bought is hidden where it is not bought again, unless the staff say otherwise for its category."""
    category_rows = [{"category": "c0", "show_bought": True}, {"category": "c1", "show_bought": False}]
    again = np.arange(12) % 3 != 0  # learned: c0 is bought once
    who = people(1, bought=[[True] * 6])
    assert shown(work_out(features(), 4, again), [[0, 1, 2, 3, 4, 5]], who=who) == [[1, 2, 4, 5]]
    assert shown(work_out(features([], category_rows), 4, again), [[0, 1, 2, 3, 4, 5]], who=who) == [[0, 2, 3, 5]]


def test_the_usual_price_comes_first_when_asked_for() -> None:
    """With a price weight, a product at the customer's prices passes one far from them; by default nothing moves."""
    purchase = pa.table({"customer_no": pa.array([0, 0, -1, 2], pa.int32()), "price": [60.0, 60.0, 5.0, 0.0]})
    level = price_level(purchase, 3)
    assert np.isclose(level[0], np.log(60))
    assert np.isnan(level[1:]).all()
    rules, who = work_out(features(), 4), people(1, level=level[0])
    assert shown(rules, [[0, 5, 1, 2]], replace(PLAIN, price_weight=2.0), who) == [[5, 0, 2, 1]]
    assert shown(rules, [[0, 5, 1, 2]], PLAIN, who) == [[0, 5, 1, 2]]


def test_no_rules_no_night() -> None:
    """Without the staff's tables nothing is changed but what is not for sale."""
    bare = {"product": features()["product"]}
    assert night(bare) == date.min
    assert shown(work_out(bare, 4), [[11, 2, 1, 0, 3]]) == [[2, 1, 0, 3]]


def test_words_are_of_the_chosen_language() -> None:
    """The staff's words in the chosen language; English, theirs or ours, for what that lacks."""
    rows = [
        ("en", "popular", "hot"),
        ("de", "popular", "beliebt"),
        ("de", "range", "Sortiment"),
        ("fr", "range", "gamme"),
    ]
    templates = {
        "reason_template": pa.Table.from_pylist(
            [dict(zip(("language", "code", "template"), row, strict=True)) for row in rows],
            config.schema(REASON_TEMPLATE),
        )
    }

    def worded(features: dict[str, pa.Table]) -> list[str]:
        return Words.of_shop(features).of(np.array([Reason.POPULAR, Reason.RANGE])).to_pylist()

    assert worded({}) == [TEMPLATES["popular"], TEMPLATES["range"]]
    assert worded(templates) == ["hot", TEMPLATES["range"]]
    templates["recommender_setting"] = pa.Table.from_pylist([{"one": True, "language": "de"}], config.schema(SETTING))
    assert worded(templates) == ["beliebt", "Sortiment"]


def test_blocks_of_customers_give_the_whole() -> None:
    """On features, block by block and in any order of customers, each gets the list of a single call."""
    rng = np.random.default_rng(3)
    known = features([{"kind": "exclude", "brand": "b0", "segment": "retail"}]) | {
        "customer": pa.table({"customer_no": pa.array([2, 0, 1], pa.int32()), "segment": ["", "retail", "other"]}),
        "purchase": pa.table({"customer_no": pa.array([0, 1], pa.int32()), "price": [20.0, 110.0]}),
    }
    params = Params(top_k=4, explore_share=0.25, price_weight=0.5)
    ranked = ranking([rng.permutation(12)[:9] for _ in range(4)])
    numbers = np.array([2, -1, 0, 1])
    whole = Reranker(known, params).lists(ranked, numbers)
    assert (whole.ids[2] % 2 == 1).all()
    assert (whole.ids[1] % 2 == 0).any()
    for u in range(4):
        single = Reranker(known, params).lists(Ranked(*(a[u : u + 1] for a in ranked)), numbers[u : u + 1])
        for name in Shown._fields:
            np.testing.assert_array_equal(getattr(single, name)[0], getattr(whole, name)[u])


def lots(n: int, params: Params, seed: int = 1, first: int = 0, depth: int = 12) -> Shown:
    """Lists of n customers with the same ranking."""
    rows = [list(range(depth))] * n
    who = people(n)._replace(number=np.arange(first, first + n))
    return rerank(ranking(rows), work_out(features(m=depth + 1), params.top_k), who, params, seed)


def test_the_propensity_is_how_often_a_product_is_drawn() -> None:
    """Over many customers each product of the pool stands at each place that is drawn as often as its row says."""
    ranked = lots(60_000, Params(top_k=8, explore_share=0.25))
    assert (ranked.propensity[:, :6] == 1).all()
    assert np.allclose(ranked.propensity[:, 6:], 1 / 6)
    assert (ranked.code[:, 6:] == Reason.EXPLORE).all()
    assert (ranked.source[:, 6:] == -1).all()
    for place in (6, 7):
        counts = np.bincount(ranked.ids[:, place], minlength=12)
        assert (counts[:6] == 0).all()
        # Binomial(60,000, 1/6): standard deviation 91; five of them.
        assert np.abs(counts[6:] - 10_000).max() < 460
    assert (ranked.ids[:, 6] != ranked.ids[:, 7]).all()


def test_lots_are_decided_by_night_and_customer() -> None:
    """The same night gives the same lists however customers are sharded; another night draws anew."""
    params = Params(top_k=8, explore_share=0.25)
    whole = lots(1000, params)
    for name, parts in zip(
        Shown._fields, zip(*(lots(250, params, first=i) for i in range(0, 1000, 250)), strict=True), strict=True
    ):
        np.testing.assert_array_equal(np.concatenate(parts), getattr(whole, name))
    other = lots(1000, params, seed=2)
    assert 0.5 < (whole.ids[:, 7] != other.ids[:, 7]).mean() < 1
    assert abs(np.corrcoef(whole.ids[:-1, 7], whole.ids[1:, 7])[0, 1]) < 0.15


def test_nothing_is_drawn_where_there_is_no_choice() -> None:
    """A pool that just fills the places, or does not, is shown as ranked with propensity 1."""
    for depth in (8, 5):
        ranked = lots(3, Params(top_k=8, explore_share=0.25), depth=depth)
        assert (ranked.propensity == 1).all()
        assert ranked.ids[0, :depth].tolist() == list(range(depth))
        assert (ranked.code[:, :depth] == Reason.BECAUSE).all()


@st.composite
def situations(draw: st.DrawFn) -> tuple[Ranked, Rules, Customers, Params, int]:
    """Any ranking, rules, customers and parameters of a small shop."""
    m, depth, n = draw(st.integers(1, 15)), draw(st.integers(1, 15)), draw(st.integers(0, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = np.full((n, depth), -1, np.int32)
    for row in rows:
        length = min(m, int(rng.integers(0, depth + 1)))
        row[:length] = rng.permutation(m)[:length]
    rule_rows: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["pin", "boost", "bury", "exclude"]))
        what = {"product_id": f"p{rng.integers(0, m)}"}
        if kind != "pin" and draw(st.booleans()):
            what = draw(st.sampled_from([{"category": "c1"}, {"brand": "b0"}, {"max_price": 40.0}]))
        extra = {"pin": {"rank": int(rng.integers(1, 9))}, "boost": {"factor": 3.0}, "bury": {"factor": 0.3}}.get(
            kind, {}
        )
        rule_rows.append({"kind": kind, **what, **extra, "segment": draw(st.sampled_from([None, "retail"]))})
    limits = [{"category": "c0", "max_per_list": draw(st.integers(1, 3))}] if draw(st.booleans()) else []
    params = Params(
        top_k=draw(st.integers(1, 8)),
        explore_share=draw(st.sampled_from([0.0, 0.2, 0.5, 1.0])),
        price_weight=draw(st.sampled_from([0.0, 1.0])),
        max_per_category=draw(st.integers(0, 2)),
    )
    rules = work_out(features(rule_rows, limits, m), params.top_k, rng.random(m) < 0.5, params.max_per_category)
    level = np.where(rng.random(n) < 0.3, np.nan, rng.random(n) * 5).astype(np.float32)
    bought = rng.random((n, depth)) < 0.3 if draw(st.booleans()) else np.zeros((0, 0), bool)
    who = Customers(rng.integers(0, 10**6, n), rng.integers(0, len(rules.segments), n), level, bought)
    return ranking(rows), rules, who, params, draw(st.integers(0, 2**62))


@given(situations())
@settings(max_examples=300, deadline=None)
def test_the_fast_way_is_the_slow_way(situation: tuple[Ranked, Rules, Customers, Params, int]) -> None:
    """The compiled kernel gives what the obvious loops give, for any rules."""
    fast, slow = rerank(*situation), rerank_reference(*situation)
    for name in Shown._fields:
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name), err_msg=name)


@given(situations())
@settings(max_examples=200, deadline=None)
def test_what_is_shown_keeps_every_rule(situation: tuple[Ranked, Rules, Customers, Params, int]) -> None:
    """No product twice, none excluded, no gap, no category over its limit but by pins, each pin at its place."""
    ranked, rules, who, params, _ = situation
    reranked = rerank(*situation)
    for u, row in enumerate(reranked.ids):
        length = int((row >= 0).sum())
        ids, group = row[:length], who.group[u]
        assert (row[length:] == -1).all()
        assert len(set(ids.tolist())) == length
        assert (rules.weight[group, ids] > 0).all()
        pins = rules.pins[group][rules.pins[group] >= 0]
        others = ids[~np.isin(ids, pins)]
        assert set(pins.tolist()) <= set(ids.tolist())
        assert set(others.tolist()) <= set(ranked.ids[u].tolist())
        counts, pinned = (np.bincount(rules.category[x], minlength=len(rules.limit)) for x in (ids, pins))
        assert (counts <= np.maximum(rules.limit, pinned)).all()
        for pin, rank in zip(pins, rules.pin_ranks[group], strict=False):
            place = ids.tolist().index(pin) + 1
            assert place == rank or (place < rank and length < params.top_k)
        assert (reranked.propensity[u] < 1).sum() <= explore_slots(params)
