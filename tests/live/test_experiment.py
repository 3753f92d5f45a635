"""An experiment in the nights of a small shop: each customer sees one arm, whole, and what it did is told."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from examples.capability import model
from examples.capability.spec import SPEC
from ml import pipeline
from ml.adapters import postgres as adapter
from ml.core.experiment import faults, read
from ml.core.spec import Monitor
from ml.pipeline import collect, publishing
from ml.registry import CAPABILITIES
from ml.settings import PROJECT, Settings
from tests.small_shop import execute, fill, shop

FIRST = date(2025, 3, 3)
NAME = SPEC.name


def experiment(**columns: Any) -> dict[str, Any]:
    """A row of ml_config.experiment."""
    row = {
        "name": "lists",
        "arm": "a",
        "capability": NAME,
        "shows": "champion",
        "version": None,
        "share": 0.4,
        "mode": "ab",
        "population": None,
        "starts_on": FIRST,
        "ends_on": None,
    }
    return row | columns


@pytest.fixture
def running(settings: Settings, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A shop with 200 customers, and the capability of examples/."""
    suites = tmp_path / "suites"
    (suites / "ml").mkdir(parents=True)
    (suites / "shop").symlink_to(PROJECT / "expectations" / "shop")
    target = PROJECT / "examples" / "capability" / "expectations" / "order_soon.json"
    (suites / "ml" / "order_soon.json").symlink_to(target)
    for module in (collect, publishing):
        monkeypatch.setattr(module, "SUITES", suites)
    monkeypatch.setitem(CAPABILITIES, NAME, replace(SPEC, gate=replace(SPEC.gate, min_units=2)))
    rng = np.random.default_rng(7)
    tables = shop() | {"customer": [{"customer_id": f"c{i}", "country": "DE"} for i in range(200)]}
    days = [date(2025, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 60, 400)]
    tables["order"] = [
        {
            "order_id": f"o{i}",
            "customer_id": f"c{i % 200}",
            "ordered_at": f"{d} 10:00Z",
            "total": float(rng.gamma(2, 20)),
        }
        for i, d in enumerate(days)
    ]
    tables["order_item"] = [
        {"order_id": f"o{i}", "line_no": 1, "product_id": "p1", "quantity": 1, "unit_price": 2.5} for i in range(400)
    ]
    fill(settings.shop_url, tables)
    pipeline.migrate(settings.database_url)
    return settings


def ask(settings: Settings, sql: str) -> list[dict[str, Any]]:
    """Rows of a query on the books."""
    return adapter.query(settings.database_url, sql)


def write(settings: Settings, *rows: dict[str, Any]) -> None:
    """Insert rows of ml_config.experiment."""
    with adapter.transaction(settings.database_url) as cursor:
        for row in rows:
            names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
            cursor.execute(f"INSERT INTO ml_config.experiment ({names}) VALUES ({marks})", list(row.values()))


def night(settings: Settings, when: date) -> str:
    """Run a night; gives its ref."""
    return str(pipeline.run_night(settings, when, capabilities=[NAME], fresh=True)["ref"])


def test_each_customer_sees_one_arm(running: Settings) -> None:
    """The tables hold each customer's arm: the baseline's rows for one, none for another, the champion's for the rest.

    The reasons of all of them are in the language that the shop chose, in a night that is made again too.
    """
    night(running, FIRST - timedelta(days=1))
    before = {row["customer_id"]: row["chance"] for row in ask(running, "SELECT * FROM ml.order_soon")}
    write(
        running,
        experiment(arm="a", share=0.3),
        experiment(arm="b", shows="baseline", share=0.3),
        experiment(arm="c", shows="nothing", share=0.2),
    )
    execute(running.database_url, "UPDATE ml_config.language SET language = 'zh'")
    ref = night(running, FIRST)
    reasons = ask(running, "SELECT reason FROM ml.order_soon")
    assert {re.sub(r"\d+", "#", row["reason"]) for row in reasons} == {"# 个订单，上次在 # 天前"}
    seen = {row["customer_id"]: row["chance"] for row in ask(running, "SELECT * FROM ml.order_soon")}
    arms = {row["customer_id"]: row for row in ask(running, "SELECT * FROM ml.experiment_arm")}
    counts = {arm: sum(row["arm"] == arm for row in arms.values()) for arm in "abc"}
    assert 35 <= counts["a"] <= 85
    assert 35 <= counts["b"] <= 85
    assert counts["c"] >= 20
    of = {arm: {who for who, row in arms.items() if row["arm"] == arm} for arm in "abc"}
    assert of["c"] & set(seen) == set(), "who is shown nothing has no row"
    assert len({seen[who] for who in of["b"] & set(seen)}) == 1, "the baseline has one chance for all"
    assert len({seen[who] for who in of["a"] & set(seen)}) > 5
    assert set(before) - set(seen) == of["c"] & set(before)
    assert {row["version"] for row in arms.values() if row["arm"] == "a"} == {1}
    pipeline.score_all(running, ref, NAME)
    pipeline.publish(running, ref, NAME)
    again = {row["customer_id"]: row["chance"] for row in ask(running, "SELECT * FROM ml.order_soon")}
    assert again == seen, "done again it is the same"
    by_metric = {row["metric"]: row for row in ask(running, "SELECT * FROM ml.experiment_effect WHERE arm = 'b'")}
    assert set(by_metric) == {"money per customer", "orders per customer"}
    assert by_metric["money per customer"]["customers"] == counts["b"]
    assert by_metric["money per customer"]["balance_p"] > 0.001
    # What a hold-out tells: the money of those who are shown nothing beside those who are shown the champion's rows.
    (earned,) = ask(running, "SELECT * FROM ml.experiment_effect WHERE arm = 'c' AND metric = 'money per customer'")
    assert (earned["control"], earned["customers"]) == ("a", counts["c"])


def test_what_an_arm_did_is_told_and_a_canary_goes_back(running: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Money since the start is compared; a canary's share doubles while it does no harm and is taken back when it does."""
    monkeypatch.setattr(model, "FEWEST", 10**9)
    write(running, experiment(arm="a", share=0.5), experiment(arm="new", shows="baseline", share=0.4, mode="ab"))
    execute(running.database_url, "UPDATE ml_config.experiment SET mode = 'canary'")
    night(running, FIRST)
    state = "SELECT share, state FROM ml_ops.experiment WHERE arm = 'new'"
    assert ask(running, state) == [{"share": 0.05, "state": "running"}]
    night(running, FIRST + timedelta(days=1))
    assert ask(running, state) == [{"share": 0.1, "state": "running"}]
    drawn = {r["customer_id"] for r in ask(running, "SELECT customer_id FROM ml.experiment_arm WHERE arm = 'a'")}
    for who in drawn:  # the control buys for much more
        execute(
            running.shop_url,
            f"INSERT INTO shop.order (order_id, customer_id, ordered_at, total) VALUES ('x{who}', '{who}', '2025-03-04 09:00Z', 5000)",
        )
    night(running, FIRST + timedelta(days=2))
    (row,) = ask(running, state)
    assert (row["share"], row["state"]) == (0.0, "stopped")
    (alert,) = ask(running, "SELECT words FROM ml_ops.alert WHERE slice = 'canary'")
    assert "went back by itself: less money per customer" in alert["words"]
    query = "SELECT effect, high FROM ml.experiment_effect WHERE night = '2025-03-05' AND metric = 'money per customer'"
    (row,) = ask(running, query)
    assert row["effect"] < row["high"] < 0


def test_a_shadow_is_judged_and_not_shown(running: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version in the shadow changes no row; a day later its figure stands beside that of what served."""
    spec = CAPABILITIES[NAME]
    monkeypatch.setitem(CAPABILITIES, NAME, replace(spec, monitor=Monitor(horizons=(timedelta(days=1),))))
    ref = night(running, FIRST)
    version = pipeline.train(running, ref, NAME, force=True)["version"]
    execute(running.database_url, f"UPDATE ml_ops.promotion SET decision = 'refuse' WHERE version = {version}")
    write(running, experiment(arm="next", shows="version", version=version, share=1.0, mode="shadow"))
    execute(
        running.shop_url,
        "INSERT INTO shop.order (order_id, customer_id, ordered_at) VALUES ('s1', 'c1', '2025-03-03 09:00Z')",
    )
    before = ask(running, "SELECT customer_id, chance FROM ml.order_soon ORDER BY 1")
    night(running, FIRST + timedelta(days=1))
    assert len(ask(running, "SELECT customer_id FROM ml.order_soon")) == len(before)
    assert ask(running, "SELECT * FROM ml.experiment_arm") == []
    values = {r["name"]: r["value"] for r in ask(running, "SELECT name, value FROM ml_ops.figure WHERE kind = 'truth'")}
    assert values["shadow lists, next: skill"] == pytest.approx(values["skill"], abs=0.05)
    assert "baseline: skill" in values


def test_what_is_wrong_with_an_experiment_is_said() -> None:
    """Shares above 100 %, a deleted arm, two experiments on the same customers, a change in the middle: each in words."""
    known, day = {NAME: {1, 2}}, FIRST
    ok = [experiment(), experiment(arm="b", shows="version", version=2)]
    assert faults(ok, day, known, {}) == {}
    assert "add up to 120%" in faults([experiment(share=0.8), ok[1]], day, known, {})["lists"][0]
    gone = faults([ok[0], experiment(arm="b", shows="version", version=9)], day, known, {})
    assert "version 9, which was deleted" in gone["lists"][0]
    two = [*ok, experiment(name="later", starts_on=FIRST - timedelta(days=0))]
    assert "runs on the same customers" in str(faults(two, day, known, {}))
    apart = [experiment(population="retail"), experiment(name="later", population="wholesale")]
    assert faults(apart, day, known, {}) == {}
    began = {("hold-out", "without"): experiment(name="hold-out", arm="without", share=0.02, mode="holdout")}
    now = [experiment(name="hold-out", arm="without", share=0.1, mode="holdout")]
    assert "it goes on as it began" in faults(now, day, known, began)["hold-out"][0]
    assert faults([experiment(capability="nothing")], day, known, {})["lists"] == ["there is no capability nothing"]
    rules = [experiment(), experiment(arm="b", shows="rules", rule_set="autumn")]
    assert "no rule is of that set" in faults(rules, day, known, {}, {NAME: {"spring"}})["lists"][0]
    assert faults(rules, day, known, {}, {NAME: {"spring", "autumn"}}) == {}
    over = [experiment(ends_on=FIRST, share=0.8), experiment(arm="b", ends_on=FIRST, share=0.8)]
    assert faults(over, day, known, {}) == {}, "what is over is not looked at"
    assert [one.control for one in read(ok)] == ["a"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"share": 1.5}, "share must lie above 0"),
        ({"shows": "version"}, "version must be given"),
        ({"ends_on": FIRST}, "ends_on must be after"),
        ({"shows": "rules"}, "rule_set must be given"),
        ({"rule_set": "autumn"}, "rule_set must be given"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(settings: Settings, change: dict[str, Any], words: str) -> None:
    """The database refuses it with the rule that it breaks."""
    pipeline.migrate(settings.database_url)
    with pytest.raises(Exception, match=words):
        write(settings, experiment(**change))
