"""The console's pages over a filled database: what they show and change, for whom, and what they write down."""

from __future__ import annotations

import re

import pytest

from ml.adapters import postgres
from tests.console_client import browser as open_browser
from tests.console_client import words
from tests.console_shop import ConsoleShop


@pytest.fixture
def shop(settings):
    """A small shop with three nights."""
    return ConsoleShop(settings.database_url).fill()


@pytest.fixture
def anna(monkeypatch, settings, shop):
    """A browser of somebody who may change things."""
    return open_browser(monkeypatch, settings)


def test_the_first_page_says_whether_all_is_well(anna, shop):
    """The last night with its headlines beside last week's; a failed one with its error and what to do."""
    page = anna.get("/")
    assert page.status_code == 200, page.text
    text = words(page)
    assert "All is well: the night of 2026-11-28 is done." in text
    assert "customers with a list 128 121" in text
    assert "risk publish" in text
    with postgres.transaction(shop.url) as cursor:
        from datetime import date

        shop.night(cursor, date(2026, 11, 29), failed="ml.order_risk is not whole.\n  do: clear risk.score")
    text = words(anna.get("/"))
    assert "The night of 2026-11-29 failed." in text
    assert "do: clear risk.score" in text


def test_the_data_page_shows_rules_with_trend_and_their_rows(anna):
    """A refused row is two clicks away, with its rule; its texts are no HTML."""
    page = anna.get("/data")
    assert page.status_code == 200, page.text
    rows = anna.click(page, "Rows")
    assert "quantity is above 0" in words(rows)
    assert "<script>alert" not in rows.text
    export = anna.click(rows, "Export as CSV")
    assert len(export.text.splitlines()) == 1 + 28


def test_a_rule_is_tried_before_it_is_saved_and_can_be_undone(anna, shop):
    """The preview shows lists before and after and changes nothing; the save is written down; undo brings back."""
    form = anna.get("/rules/rule?kind=exclude&product_id=p3")
    preview = anna.press(form, "/preview", kind="exclude", product_id="p3")
    assert preview.status_code == 200, preview.text
    assert re.search(r"(\d+) of 25 lists change", words(preview))
    assert postgres.query(shop.url, "SELECT count(*) AS n FROM ml_config.rule")[0]["n"] == 0
    saved = anna.press(preview, "/save", why="recalled")
    assert "Saved as change 1." in words(saved)
    assert postgres.query(shop.url, "SELECT kind, product_id FROM ml_config.rule") == [
        {"kind": "exclude", "product_id": "p3"}
    ]
    (audit,) = postgres.query(
        shop.url, "SELECT person, action, object, before, after ->> 'product_id' AS what, note FROM ml_ops.audit"
    )
    assert audit == {
        "person": "anna",
        "action": "insert",
        "object": "rule",
        "before": None,
        "what": "p3",
        "note": "recalled",
    }
    undone = anna.press(saved, "/rules/undo/1")
    assert "Undone, as change 2." in words(undone)
    assert postgres.query(shop.url, "SELECT count(*) AS n FROM ml_config.rule")[0]["n"] == 0
    assert "undone by change 2" in words(undone)


def test_what_makes_no_sense_is_refused_in_words(anna):
    """A check of the table, and what is no number, are named; what was typed stays in the form."""
    form = anna.get("/rules/rule")
    page = anna.press(form, "/preview", kind="pin", product_id="p1", rank="one")
    assert page.status_code == 422
    assert "rank: 'one' is no integer." in words(page)
    page = anna.press(form, "/preview", kind="boost", note="for the sale")
    assert page.status_code == 422
    assert "must hold: " in words(page)
    assert "for the sale" in page.text


def test_a_single_row_is_changed_in_place(anna, shop):
    """A table of one row shows its form at once; saving updates the row, undo gives the old one back."""
    form = anna.get("/rules/risk_cost")
    preview = anna.press(form, "/preview", loss_fixed="20", review_cost="3", loss_share="1", margin_share="0.25")
    saved = anna.press(preview, "/save")
    assert postgres.query(shop.url, "SELECT loss_fixed FROM ml_config.risk_cost") == [{"loss_fixed": 20.0}]
    anna.press(saved, "/rules/undo/1")
    assert postgres.query(shop.url, "SELECT loss_fixed, reviews_per_day FROM ml_config.risk_cost") == [
        {"loss_fixed": 15.0, "reviews_per_day": 50}
    ]


def test_what_somebody_changed_meanwhile_is_not_written_over(anna, shop):
    """A save of an old view is refused; so is undoing what was changed again."""
    preview = anna.press(anna.get("/rules/risk_cost"), "/preview", loss_fixed="20")
    shop.run("UPDATE ml_config.risk_cost SET loss_fixed = 17")
    assert "Somebody changed this row meanwhile." in words(anna.press(preview, "/save"))
    again = anna.press(anna.get("/rules/risk_cost"), "/preview", loss_fixed="20")
    saved = anna.press(again, "/save")
    shop.run("UPDATE ml_config.risk_cost SET loss_fixed = 18")
    refused = anna.press(saved, "/rules/undo/1")
    assert refused.status_code == 409
    assert "the row was changed again since" in words(refused)


def test_models_show_the_gate_and_compare(anna):
    """What serves, why, by how much it is better, two versions side by side."""
    text = words(anna.click(anna.get("/models"), "Order risk"))
    assert "better than the champion by 0.1" in text
    text = words(anna.get("/models/risk?a=1&b=2"))
    assert "Compared" in text
    assert "0.3 0.4 -0.1" in text.replace("−", "-")


def test_promote_and_roll_back_ask_first_and_are_written_down(anna, shop, monkeypatch):
    """Both show what would change, then do what the command does, and say so in ml_ops.audit."""
    from ml.pipeline import maintenance

    done = []
    monkeypatch.setattr(
        maintenance, "promote", lambda _, name, version, **_more: done.append((name, version)) or {"id": 1}
    )
    monkeypatch.setattr(
        maintenance,
        "rollback",
        lambda _, table, **_more: done.append(table) or {"tables": {table: {"from": 2, "to": 1}}},
    )
    sure = anna.press(anna.get("/models/risk"), "/promote", version="1")
    assert not done
    assert "version 1 serves instead of 2" in words(sure)
    anna.press(sure, "/promote", why="the new one is odd")
    assert done == [("risk", 1)]
    shop.run(
        "INSERT INTO ml_ops.batch (table_name, capability, night, ref, model_version, as_of, inputs_sha256, status, rows) "
        "VALUES ('order_risk', 'risk', '2026-11-27', '2026-11-27/001', 1, '2026-11-27', 'y', 'superseded', 5)"
    )
    sure = anna.press(anna.get("/models/risk"), "/rollback", table="order_risk")
    anna.press(sure, "/rollback")
    assert done[1:] == ["order_risk"]
    rows = postgres.query(shop.url, "SELECT person, action, object, note FROM ml_ops.audit ORDER BY id")
    assert [(r["action"], r["object"], r["note"]) for r in rows] == [
        ("promote", "risk", "the new one is odd"),
        ("rollback", "order_risk", ""),
    ]


def test_a_version_that_waits_is_approved_or_refused_by_name(anna, shop, monkeypatch):
    """The page asks while a version waits; the answer is that of ./nightshift approve, with the person's name and words."""
    from ml.pipeline import approval

    monkeypatch.setattr(approval.tracking, "set_alias", lambda *_: None)
    assert "waits for a person's approval" not in words(anna.get("/models/risk"))
    rows = "SELECT decision, why, person FROM ml_ops.promotion WHERE capability = 'risk' ORDER BY id DESC LIMIT 1"
    for answer, decision, why in (("refuse", "refuse", "too few"), ("approve", "manual", "")):
        shop.run(
            "INSERT INTO ml_ops.promotion (capability, version, decision, why, metrics) VALUES ('risk', 2, 'waiting', 'won', '{}')"
        )
        page = anna.get("/models/risk")
        assert "Version 2 waits for a person's approval." in words(page)
        done = anna.press(page, "/approve", answer=answer, why=why)
        assert done.status_code == 200, done.text
        (row,) = postgres.query(shop.url, rows)
        assert (row["decision"], row["person"], why in row["why"]) == (decision, "anna", True)
        assert "waits for a person's approval" not in words(done)
    assert [
        (r["action"], r["note"]) for r in postgres.query(shop.url, "SELECT action, note FROM ml_ops.audit ORDER BY id")
    ] == [("refuse", "too few"), ("approve", "")]
    late = anna.ask("POST", "/models/risk/approve", {"csrf": re.search(r'name="csrf" value="(\w+)"', done.text)[1]})
    assert late.status_code == 409


def test_the_window_shows_the_page_with_reasons_and_pins_from_there(anna, shop):
    """A customer's list as the shop shows it, why each product; a pin set from there is in ml.recommend at once."""
    page = anna.get("/window?customer=c3")
    assert page.status_code == 200, page.text
    assert "because you bought" in words(page)
    assert "What speaks for each of them" in words(page)
    assert "share of purchases" in words(page)
    before = [row["product_id"] for row in postgres.query(shop.url, "SELECT product_id FROM ml.recommend('c3', 12)")]
    preview = anna.press(anna.click(page, "Pin"), "/preview", kind="pin", product_id="p33", rank="1")
    assert "c3 : " in words(preview)
    saved = anna.press(preview, "/save")
    assert saved.url.path.endswith("/window")
    after = [row["product_id"] for row in postgres.query(shop.url, "SELECT product_id FROM ml.recommend('c3', 12)")]
    assert before[0] != "p33"
    assert after[0] == "p33"
    assert re.search(r"rule \d+: pin", words(saved))
    assert "bought_together".replace("_", " ").capitalize() not in words(saved)
    assert anna.get("/window").status_code == 200
    assert anna.get("/window?basket=p1,p2").status_code == 200


def test_a_product_is_hidden_from_its_page(anna, shop):
    """The product's page says what is published of it and who sees it; an exclusion from there hides it at once."""
    page = anna.get("/product/p1")
    assert page.status_code == 200, page.text
    for title in ("Similar product", "Bought together", "Product sentiment", "Product state"):
        assert title in words(page)
    preview = anna.press(anna.click(page, "Hide it everywhere"), "/preview", kind="exclude", product_id="p1")
    anna.press(preview, "/save")
    shown = postgres.query(
        shop.url,
        "SELECT 1 FROM ml.recommendation AS c, ml.recommend(c.customer_id, 20) AS r WHERE c.rank = 1 AND r.product_id = 'p1'",
    )
    assert shown == []
    assert "Rules that name it" in words(anna.get("/product/p1"))
    assert anna.get("/product?find=teapot").status_code == 200
    assert "did not see this product" in words(anna.get("/product/nothing"))


def test_an_order_is_held_noted_and_undone(anna, shop):
    """Release and hold are one row of the staff's list each order, with the name; undo takes it back."""
    queue = anna.get("/orders")
    assert queue.status_code == 200, queue.text
    first = re.search(r'/orders/(o\d+)"', queue.text)[1]
    losses = postgres.query(
        shop.url, "SELECT order_id FROM ml.order_risk WHERE decision = 'review' ORDER BY expected_loss DESC LIMIT 1"
    )
    assert losses
    order = anna.get(f"/orders/{first}")
    held = anna.press(order, "/release", note="spoke to them", stay="1")
    rows = "SELECT kind, entity, value, note FROM ml_config.risk_list"
    assert postgres.query(shop.url, rows) == [
        {"kind": "allow", "entity": "order", "value": first, "note": "anna: spoke to them"}
    ]
    assert "Released, as change 1." in words(held)
    page = anna.ask(
        "POST", f"/orders/{first}/hold", {"csrf": re.search(r'name="csrf" value="(\w+)"', held.text)[1], "stay": "1"}
    )
    held = anna.follow(page)
    assert [row["kind"] for row in postgres.query(shop.url, rows)] == ["deny"]
    times = "SELECT after ->> 'decided_at' AS at FROM ml_ops.audit WHERE object = 'risk_list' ORDER BY id"
    released_at, held_at = (row["at"] for row in postgres.query(shop.url, times))
    assert (
        released_at
        < held_at
        == postgres.query(shop.url, "SELECT to_jsonb(decided_at) AS at FROM ml_config.risk_list")[0]["at"]
    )
    anna.press(held, "/rules/undo/2")
    anna.press(anna.get(f"/orders/{first}"), "/rules/undo/1")
    assert postgres.query(shop.url, rows) == []


def test_a_review_that_was_read_wrongly_is_marked_and_undone(anna, shop):
    """The mark is a row of ml_config.review_label under the person's name; marking again changes it, undo takes it back."""
    (review,) = postgres.query(
        shop.url,
        "SELECT review_id, product_id, label FROM ml.review_sentiment WHERE label = 'negative' ORDER BY 1 LIMIT 1",
    )
    page = anna.get(f"/voices/{review['product_id']}")
    assert "Is this label wrong?" in words(page)
    pressed = anna.press(page, "/mark", review_id=review["review_id"], label="positive", note="irony")
    assert "Marked as positive" in words(pressed)
    rows = "SELECT review_id, label, note FROM ml_config.review_label"
    mine = {"review_id": review["review_id"], "label": "positive", "note": "anna: irony"}
    assert postgres.query(shop.url, rows) == [mine]
    again = anna.press(
        anna.get(f"/voices/{review['product_id']}"), "/mark", review_id=review["review_id"], label="neutral"
    )
    assert [row["label"] for row in postgres.query(shop.url, rows)] == ["neutral"]
    undone = anna.press(again, "/rules/undo/2")
    assert undone.url.path.endswith(f"/voices/{review['product_id']}")
    assert postgres.query(shop.url, rows) == [mine]
    anna.press(undone, "/rules/undo/1")
    assert postgres.query(shop.url, rows) == []
    token = re.search(r'name="csrf" value="(\w+)"', page.text)[1]
    refused = anna.ask(
        "POST", f"/voices/{review['product_id']}/mark", {"csrf": token, "review_id": "r1", "label": "good"}
    )
    assert refused.status_code == 422


def test_a_learned_synonym_is_forbidden_from_the_page_that_shows_it(anna, shop):
    """The form comes filled in from the row, says what it changes in answers at once, is saved and undone; back on Find."""
    page = anna.get("/find")
    (learned,) = postgres.query(shop.url, "SELECT word, synonym FROM ml.search_synonym LIMIT 1")
    form = anna.click(page, "Forbid")
    filled = {name: re.search(rf'name="{name}"[^>]*value="([^"]*)"', form.text)[1] for name in ("query", "target")}
    assert filled == {"query": learned["word"], "target": learned["synonym"]}
    assert '<option value="forbid" selected>' in form.text
    preview = anna.press(form, "/preview", kind="forbid", **filled)
    assert "Answers to this query and to those that are asked most" in words(preview)
    assert "in force from the next query on" in words(preview)
    saved = anna.press(preview, "/save")
    assert saved.url.path.endswith("/find")
    rows = "SELECT kind, query, target FROM ml_config.search_rule"
    assert postgres.query(shop.url, rows) == [{"kind": "forbid", **filled}]
    anna.press(anna.get("/rules/search_rule"), "/rules/undo/1")
    assert postgres.query(shop.url, rows) == []
    anna.may.discard("PUT")
    assert "Forbid" not in words(anna.get("/find"))


def test_a_budget_is_looked_at_before_it_is_saved(anna, shop):
    """The allocation by action, before and after, computed from the published rows; nothing is saved by looking."""
    preview = anna.press(anna.get("/rules/marketing_budget"), "/preview", budget="0", margin_share="0.3")
    assert preview.status_code == 200, preview.text
    text = words(preview)
    assert "The allocation of the last night's customers" in text
    assert "Computed from the rows that the last night published" in text
    assert postgres.query(shop.url, "SELECT budget FROM ml_config.marketing_budget") == [{"budget": None}]
    saved = anna.press(preview, "/save")
    assert postgres.query(shop.url, "SELECT budget FROM ml_config.marketing_budget") == [{"budget": 0.0}]
    anna.press(saved, "/rules/undo/1")
    assert postgres.query(shop.url, "SELECT budget FROM ml_config.marketing_budget") == [{"budget": None}]


def test_voices_and_customers_are_shown(anna):
    """Alerts and products by what is said of them, the reviews of one; all that is published about a customer."""
    page = anna.get("/voices")
    assert "Most criticised" in words(page)
    assert "What they speak of" in words(anna.get("/voices/p1"))
    assert "Customer risk" in words(anna.get("/customer/c1"))
    picture = anna.get("/picture/p1")
    assert picture.headers["content-type"] == "image/gif"


def test_the_search_box_finds_each_kind_of_thing(anna):
    """A customer, product, order, rule, model and night, from one box, each with the way to its page."""
    for wanted, path in (
        ("c3", "customer/c3"),
        ("p3", "product/p3"),
        ("o3", "orders/o3"),
        ("teapot", "product/"),
        ("risk list", "rules/risk_list"),
        ("Order risk", "models/risk"),
        ("2026-11-28", "?ref=2026-11-28"),
        ("courier", "rules/aspect_word?find=courier"),
    ):
        assert f"/nightshift/{path}" in anna.get(f"/search?q={wanted}").text, wanted
    assert "Nothing fits." in words(anna.get("/search?q=nosuchthing"))


def test_areas_show_what_is_there_and_say_what_is_not(anna):
    """Find, Customers and Experiments answer with and without their capabilities."""
    from ml.registry import CAPABILITIES

    for path, names in (("/find", ("search", "visual")), ("/customers", ("customer", "marketing", "cart"))):
        text = words(anna.get(f"{path}?text=tea"))
        for name in names:
            assert (name in CAPABILITIES) or f"{name}" in text
    assert "No experiment has figures yet." in words(anna.get("/experiments"))
    form = anna.click(anna.get("/experiments"), "Experiment")
    assert "Add a row" in words(form)
