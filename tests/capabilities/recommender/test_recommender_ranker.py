"""The ranker's tables and lists: nothing of the future, true reasons, full lists for everybody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.capabilities.recommender.candidates import content, content_state, ensemble, sequence
from ml.capabilities.recommender.model import Recommender, load, tonights_log
from ml.capabilities.recommender.ranking import ranker
from ml.capabilities.recommender.ranking.columns import COLUMNS, GROUPS, Group, Part, part_of_columns
from ml.capabilities.recommender.ranking.facts import product_facts
from ml.capabilities.recommender.ranking.frame import Frame, frame
from ml.capabilities.recommender.ranking.lists import Lists
from ml.capabilities.recommender.score import score
from ml.capabilities.recommender.spec import SPEC
from ml.capabilities.recommender.templates import Reason
from ml.learn.purchases import Log, before
from tests.contract.cases import SEED, Case

PARAMS = replace(SPEC.params, trees=20, windows=2)
DAY = 86_400


@pytest.fixture(scope="module")
def features() -> dict[str, pa.Table]:
    """The sample shop tonight."""
    return Case(SPEC).serve


@pytest.fixture(scope="module")
def model(features) -> Recommender:
    """A small ranker fitted on it."""
    fitted = Recommender(PARAMS, seed=SEED).fit(features)
    assert fitted.ranker_ is not None
    return fitted


@pytest.fixture(scope="module")
def log(features) -> Log:
    """Its log."""
    return tonights_log(features)


def _frame(log: Log, users: np.ndarray, available: np.ndarray | None = None) -> Frame:
    texts = content.fit(log, log.until, content_state.Params(), SEED)
    learnt = ensemble.learn(log, log.until, PARAMS, SEED, texts=texts)
    candidates = ensemble.tonight(learnt, log, log.until, PARAMS)
    allowed = np.ones(log.n_products, bool) if available is None else available
    return frame(candidates, log, users, product_facts(log), allowed, PARAMS)


def test_windows_know_nothing_of_their_future(log: Log) -> None:
    """The second window is the same whether or not the log holds what was bought after its end."""
    texts = content.fit(log, log.until, content_state.Params(), SEED)
    ours = list(ranker.windows(log, texts, PARAMS, SEED))[1]
    # The log of that night, at which the same window is the first; its lot is drawn from the next seed.
    then = before(log, log.until - int(PARAMS.window_step_days * DAY))
    theirs = next(iter(ranker.windows(then, texts, PARAMS, SEED + 1)))
    np.testing.assert_array_equal(ours.units, theirs.units)
    np.testing.assert_array_equal(ours.taken, theirs.taken)
    np.testing.assert_array_equal(ours.x, theirs.x)


@pytest.mark.parametrize(("few", "windows"), [(0, 2), (10**9, 4)])
def test_a_shop_of_few_customers_looks_at_more_windows(log: Log, few, windows, monkeypatch) -> None:
    """Where the usual windows have too few customers to learn from, as many again are looked at."""
    monkeypatch.setattr(ranker, "FEW_CUSTOMERS", few)
    texts = content.fit(log, log.until, content_state.Params(), SEED)
    assert len(list(ranker.windows(log, texts, PARAMS, SEED))) == windows


def test_features_are_those_of_the_log_at_their_time(log: Log) -> None:
    """A table at an earlier time is the same whether the log goes on or ends there."""
    at = log.until - 40 * DAY
    users = np.arange(30, dtype=np.int32)
    short = before(log, at)
    longer = before(before(log, log.until - 10 * DAY), at)
    ours, theirs = _frame(short, users), _frame(longer, users)
    np.testing.assert_array_equal(ours.items, theirs.items)
    np.testing.assert_array_equal(ours.x, theirs.x)


def test_candidates_are_different_and_available(log: Log) -> None:
    """No candidate twice, none that is not for sale, none that is unknown."""
    available = np.arange(log.n_products) % 3 > 0
    candidates = _frame(log, np.array([0, 3, -1, 12], np.int32), available)
    for r in range(4):
        items = candidates.items[candidates.ends[r] : candidates.ends[r + 1]]
        assert len(set(items)) == len(items) > 0
        assert available[items].all()


def test_columns_say_what_they_are_called(log: Log) -> None:
    """Counts, scores and ranks of a candidate stand in the columns of their names."""
    users = np.array([5], np.int32)
    candidates = _frame(log, users)
    column = {name: candidates.x[:, place] for place, name in enumerate(COLUMNS)}
    lines = slice(log.indptr[5], log.indptr[6])
    for p, i in enumerate(candidates.items):
        orders = set(log.order[lines][log.product[lines] == i])
        assert column["pair times"][p] == len(orders)
        assert candidates.bought[p] == bool(orders)
        in_category = np.array([log.category[int(j)] == log.category[int(i)] for j in log.product[lines]])
        assert column["cross category_share"][p] == pytest.approx(in_category.mean())
    order = np.argsort(np.where(np.isnan(column["rank linear"]), np.inf, column["rank linear"]), kind="stable")
    proposed = order[: int((~np.isnan(column["rank linear"])).sum())]
    assert (np.diff(column["score linear"][proposed]) <= 1e-6).all()


def test_every_column_speaks_for_something() -> None:
    """Each column has a part, and no part or group that gives reasons is empty."""
    parts = part_of_columns()
    assert len(parts) == len(COLUMNS)
    assert set(parts) == set(Part) == set(GROUPS)
    assert set(GROUPS.values()) == set(Group)


def test_parts_and_base_are_the_score(model: Recommender, features) -> None:
    """The parts of each place the ranker chose sum, with the base, to the log-odds of its score; others have none."""
    n = features["customer"].num_rows
    lists = Lists(model, features, np.arange(-1, n, dtype=np.int32), PARAMS, explained=True)
    every, new = lists.both(0, n + 1)
    chosen = ~np.isnan(every.parts[:, :, 0])
    assert 0 < (every.ids < 0).sum() + chosen.sum() <= chosen.size
    log_odds = lists.base + every.parts[chosen].astype(np.float64).sum(axis=1)
    np.testing.assert_allclose(1 / (1 + np.exp(-log_odds)), every.scores[chosen], rtol=1e-4)
    there = ~np.isnan(new.parts[:, :, 0])
    chances = np.where(there, 1 / (1 + np.exp(-lists.base - new.parts.sum(axis=2))), 0)
    np.testing.assert_allclose(-np.sort(-chances, axis=1)[:, :10], np.where(there, new.scores, 0)[:, :10], rtol=1e-4)


def test_what_is_published_of_a_score_is_the_rankers_own(model: Recommender, features) -> None:
    """Each product of home that the ranker chose has its parts in the row of its customer; what was bought is moved by that."""
    made = {name: pa.Table.from_batches(list(rows)) for name, rows in score(model, features, 0, 1, PARAMS).items()}
    home = made["recommendation"].to_pylist()
    parts = {row["customer_id"]: row for row in made["recommendation_part"].to_pylist()}
    lists = Lists(model, features, np.arange(features["customer"].num_rows, dtype=np.int32), PARAMS, explained=True)
    number = {who: r for r, who in enumerate(features["customer"].sort_by("customer_no")["customer_id"].to_pylist())}
    every, names = lists.rank(0, len(number)), lists.products["product_id"].to_pylist()
    compared, bought = 0, []
    for place in home:
        row, r = parts[place["customer_id"]], number[place["customer_id"]]
        if place["product_id"] not in row["products"]:
            continue
        at, found = row["products"].index(place["product_id"]), [row[part.label] for part in Part]
        together = row["base"] + sum(values[at] for values in found)
        own = [k for k, i in enumerate(every.ids[r]) if i >= 0 and names[i] == place["product_id"]]
        if own and not np.isnan(every.parts[r, own[0], 0]):
            assert 1 / (1 + np.exp(-together)) == pytest.approx(float(every.scores[r, own[0]]), rel=1e-4)
            compared += 1
        if place["reason_code"] == "again":
            bought.append(row["bought"][at])
    assert compared > len(home) / 2
    assert np.mean(bought) > 0
    blend = Recommender(replace(PARAMS, ranker=False), seed=SEED).fit(features)
    assert not sum(rows.num_rows for rows in score(blend, features, 0, 1, PARAMS)["recommendation_part"])


def test_reasons_are_true(model: Recommender, features) -> None:
    """Each code holds of its customer and product, and each source is a product of the customer's history."""
    n = features["customer"].num_rows
    lists = Lists(model, features, np.arange(-1, n, dtype=np.int32), PARAMS)
    ranked, log = lists.rank(0, n + 1), lists.log
    codes = set()
    for r, u in enumerate(lists.customers):
        bought = set(log.product[log.indptr[u] : log.indptr[u + 1]]) if u >= 0 else set()
        looked = set(log.look_product[log.look_indptr[u] : log.look_indptr[u + 1]]) if u >= 0 else set()
        for i, source, code in zip(ranked.ids[r], ranked.source[r], ranked.code[r], strict=True):
            if i < 0:
                continue
            codes.add(int(code))
            assert code not in {Reason.SEGMENT, Reason.POPULAR, Reason.RANGE, Reason.CATEGORY} or source == -1
            if code == Reason.AGAIN:
                assert source == i
                assert i in bought
            if code == Reason.BECAUSE:
                assert source in bought
            if code == Reason.LOOKED:
                assert source in looked - bought
            if code == Reason.CATEGORY:
                assert i not in bought
                assert log.category[int(i)] in {log.category[int(j)] for j in bought}
    assert {Reason.AGAIN, Reason.BECAUSE, Reason.POPULAR} <= codes


def test_every_list_is_full_and_falls(model: Recommender, features) -> None:
    """All available products up to the depth, unknown customers too, each once, scores never rising."""
    n = features["customer"].num_rows
    for new in (False, True):
        lists = Lists(model, features, np.arange(-1, n, dtype=np.int32), PARAMS, new=new)
        ranked = lists.rank(0, n + 1)
        on_sale = int(lists.available.sum())
        for r in range(n + 1):
            listed = ranked.ids[r][ranked.ids[r] >= 0]
            hidden = lists.bought(r, np.flatnonzero(lists.available)[None, :].astype(np.int32)).sum() if new else 0
            assert len(set(listed)) == len(listed) == min(PARAMS.depth, on_sale - hidden)
            assert lists.available[listed].all()
            assert (np.diff(ranked.scores[r][: len(listed)]) <= 0).all()


def test_new_lists_hold_nothing_bought(model: Recommender, features) -> None:
    """With ``new`` no product that the customer bought is ranked."""
    lists = Lists(model, features, np.arange(100, dtype=np.int32), PARAMS, new=True)
    assert not lists.bought(0, lists.rank(0, 100).ids).any()


def test_the_sequence_model_proposes_and_is_as_old_as_the_windows(features, log: Log, tmp_path: Path) -> None:
    """It learned from before all windows that have it; what it proposes is among the candidates, saved and loaded too."""
    params = replace(PARAMS, windows=4, sequence_seconds=2.0)
    fitted = Recommender(params, seed=SEED).fit(features)
    deep = fitted.learnt_.sequence
    start = ranker.known_to_all(log, params)
    assert start == log.until - int((params.window_days + 2 * params.window_step_days) * DAY)
    sold = np.unique(before(log, start).product)
    assert deep.product_id.to_pylist() == log.product_id.take(pa.array(sold)).to_pylist()
    texts = content.fit(log, log.until, content_state.Params(), SEED)
    rows = [
        window.x[:, COLUMNS.index("score sequence")] for window in ranker.windows(log, texts, params, SEED, deep=deep)
    ]
    assert len(rows) > ranker.LEAST_WINDOWS
    assert [bool(np.isnan(row).all()) for row in rows] == [k >= ranker.LEAST_WINDOWS for k in range(len(rows))]
    users = np.arange(50, dtype=np.int32)
    lists = Lists(fitted, features, users, params)
    ends, items = lists.candidates(0, 50)
    ids, _ = sequence.propose(deep, log, users, 5)
    for r in range(50):
        wanted = ids[r][ids[r] >= 0]
        assert set(wanted[lists.available[wanted]]) <= set(items[ends[r] : ends[r + 1]])
    fitted.save(tmp_path)
    again = Lists(load(tmp_path), features, users, params)
    np.testing.assert_array_equal(again.rank(0, 50).ids, lists.rank(0, 50).ids)


@pytest.mark.parametrize("ranker", [True, False])
def test_what_is_not_shown_again_takes_no_place(model: Recommender, features, ranker: bool) -> None:
    """Bought products of those that are not to be shown again are not ranked, others are, and the list is full."""
    again = np.arange(features["product"].num_rows) % 2 == 0
    fitted = model if ranker else Recommender(replace(PARAMS, ranker=False), seed=SEED).fit(features)
    lists = Lists(fitted, features, np.arange(100, dtype=np.int32), PARAMS, again=again)
    ids = lists.rank(0, 100).ids
    bought = lists.bought(0, ids)
    assert again[ids[bought]].all()
    assert bought.any()
    shelf = np.flatnonzero(lists.available)
    hidden = (lists.bought(0, np.tile(shelf, (100, 1)).astype(np.int32)) & ~again[shelf]).sum(1)
    assert ((ids >= 0).sum(1) == np.minimum(PARAMS.depth, len(shelf) - hidden)).all()


def test_a_products_number_may_change(model: Recommender, log: Log) -> None:
    """Products keep what was learned of them under tonight's numbers; a newer one has nothing yet."""
    learnt = model.learnt_
    m = log.n_products
    place = np.append(np.arange(m - 1, -1, -1), -1).astype(np.int32)  # the other way round, and one that is new
    order = pa.array(np.arange(m - 1, -1, -1))
    texts = ("product_id", "title", "category", "brand", "description")
    turned = {name: pa.concat_arrays([getattr(log, name).take(order), pa.array(["a"])]) for name in texts}
    tonight = replace(
        log,
        n_products=m + 1,
        list_price=np.append(log.list_price[::-1], np.nan),
        listed_at=np.append(log.listed_at[::-1], log.until - DAY),
        **turned,
    )
    moved = ensemble.renumbered(learnt, place, tonight)
    np.testing.assert_array_equal(moved.linear.weights.toarray()[:m, :m], learnt.linear.weights.toarray()[::-1, ::-1])
    np.testing.assert_array_equal(moved.factors.items[:m], learnt.factors.items[::-1])
    assert not moved.neighbours.similar.toarray()[m].any()
    assert not moved.factors.items[m].any()


def test_too_little_to_learn_from_gives_the_blend(features) -> None:
    """A shop of fifty orders has no ranker, and full lists."""
    few = features["purchase"].filter(pc.less(features["purchase"]["order_no"], 50))
    small = {**features, "purchase": few}
    fitted = Recommender(PARAMS, seed=SEED).fit(small)
    assert fitted.ranker_ is None
    ranked = Lists(fitted, small, np.arange(-1, 50, dtype=np.int32), PARAMS).rank(0, 51)
    assert (ranked.ids[:, :20] >= 0).all()
