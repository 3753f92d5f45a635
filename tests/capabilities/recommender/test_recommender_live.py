"""What the shop calls live: the fallback chain, stock and rules of this moment, and hostile callers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from ml.adapters import postgres
from ml.settings import Settings
from tests.capabilities.recommender.live_shop import READ, SPEC, Live


@pytest.fixture
def live(settings: Settings) -> Live:
    """The small shop, without tables of its own on this database."""
    return Live(settings.database_url)


def test_a_known_customer_gets_the_own_list_with_its_origin(live: Live) -> None:
    """Rank, product, score, reason, source, batch and version are those of the published list."""
    rows = live.call("recommend", "anna", 2)
    assert rows == [
        {
            "rank": 1,
            "product_id": "p1",
            "score": 1.0,
            "reason": "why 1",
            "source_product_id": "p2",
            "batch_id": 7,
            "model_version": 3,
        },
        {
            "rank": 2,
            "product_id": "p2",
            "score": 0.5,
            "reason": "why 2",
            "source_product_id": "p3",
            "batch_id": 7,
            "model_version": 3,
        },
    ]
    assert len(live.shown("anna")) == 10


def test_the_chain_goes_on_until_the_list_is_full(live: Live) -> None:
    """After the own list come newcomers of the segment, newcomers, what is popular, and what is for sale; none twice."""
    whole = live.shown("anna", 29)
    assert whole[:22] == [*range(1, 11), 21, 22, 23, 24, *range(11, 19)]
    assert sorted(whole) == list(range(1, 30))
    rows = live.call("recommend", "anna", 29)
    assert {row["reason"] for row in rows[10:]} == {"new in retail", "new here", "popular"}
    assert live.shown("anna", 100) == whole


def test_a_mix_is_home_new_or_again(live: Live) -> None:
    """What is new is read of discovery, what is due of buy_again and of nothing else; home goes on with what is new."""
    assert live.shown("carl", 3, mix="new") == [26, 27, 28]
    assert live.shown("carl", 10, mix="again") == [2, 4]
    assert live.call("recommend", "carl", 1, mix="again")[0]["reason"] == "due 1"
    assert live.shown("carl", 6) == live.shown("carl", 6, mix="home") == [1, 2, 3, 4, 26, 27]
    assert live.shown("bert", 3, mix="new") == [11, 12, 13]
    assert live.shown("bert", 3, mix="again") == []
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match="mix is old, and may be home, new or again"):
        live.shown("carl", mix="old")


def test_a_long_exclude_falls_back_to_the_own_further_ranking(live: Live) -> None:
    """With all that was bought excluded the customer's own new products come, before what strangers see."""
    assert live.shown("carl", 4, exclude=["p1", "p2", "p3", "p4"]) == [26, 27, 28, 29]
    assert live.shown("carl", 3, exclude=["p1", "p2", "p3", "p4", "p26"], mix="new") == [27, 28, 29]
    live.rule(kind="exclude", product_id="p27")
    live.rule(kind="exclude", brand="b1")
    assert live.shown("carl", 2, mix="new") == [26, 28]


def test_pins_stand_at_home_alone(live: Live) -> None:
    """A pin may be known to the customer: it is no news, and nothing that is due."""
    live.rule(kind="pin", product_id="p3", rank=1)
    assert live.shown("carl", 2) == [3, 1]
    assert live.shown("carl", 2, mix="new") == [26, 27]


def test_an_unknown_visitor_gets_a_full_list(live: Live) -> None:
    """Somebody who is not known, or nobody, sees what newcomers see; of the segment if the shop names one."""
    newcomers = [*range(11, 19), 19, 20]
    assert live.shown("bert") == newcomers
    assert live.shown(None) == newcomers
    assert live.shown("bert", segment="retail")[:6] == [21, 22, 23, 24, 11, 12]
    assert live.shown("bert", segment="unheard of") == newcomers


def test_a_category_page_shows_its_category(live: Live) -> None:
    """Own products of the category first, then what is popular in it; an unknown category is empty, '' is every one."""
    shown = live.shown("anna", 7, "c1")
    assert shown[:4] == [1, 4, 7, 10]
    assert len(shown) == 7
    assert {i % 3 for i in shown} == {1}
    assert live.shown("bert", 3, category="c0") == [3, 6, 9]
    assert live.shown("bert", 3, category="nowhere") == []
    assert live.shown("anna", 3, category="") == [1, 2, 3]


def test_a_category_that_nobody_bought_shows_its_range(live: Live) -> None:
    """Where nothing is popular, what is for sale is shown."""
    live.run("DELETE FROM ml.popular_product WHERE category = 'c2'")
    rows = live.call("recommend", "bert", 3, "c2")
    assert [row["reason"] for row in rows] == ["from our range"] * 3
    assert all(int(row["product_id"][1:]) % 3 == 2 for row in rows)


def test_what_the_caller_excludes_is_not_shown(live: Live) -> None:
    """Excluded products are passed over, nulls among them change nothing, and the list is as long as before."""
    assert live.shown("anna", 3, exclude=["p1", None, "p3"]) == [2, 4, 5]
    assert live.shown("anna", 10, exclude=["p1", "p2"]) == [3, 4, 5, 6, 7, 8, 9, 10, 21, 22]
    assert live.shown("anna", 2, exclude=None) == [1, 2]


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("key", ["text", "bigint"])
def test_a_deactivated_product_disappears_at_once(live: Live, key: str, index: bool) -> None:
    """With the shop on the same database, what it deactivates or deletes is gone with its commit, also as a pin."""
    live.with_shop(key, index=index)
    prefix = "p" if key == "text" else ""
    live.rule(kind="pin", product_id=f"{prefix}9", rank=1)

    def ids(**named: Any) -> list[str]:
        return [row["product_id"].removeprefix("p") for row in live.call("recommend", "anna", 4, **named)]

    assert ids() == ["9", "1", "2", "3"]
    live.run("UPDATE shop.product SET active = false WHERE ltrim(product_id::text, 'p') IN ('2', '9')")
    assert ids() == ["1", "3", "4", "5"]
    live.run("DELETE FROM shop.product WHERE ltrim(product_id::text, 'p') = '1'")
    assert ids() == ["3", "4", "5", "6"]
    live.run("UPDATE shop.product SET active = NULL")
    assert ids()[:2] == ["9", "2"]
    live.run("UPDATE shop.product SET active = false")
    assert ids() == []
    assert live.call("recommend_for_basket", [f"{prefix}1"]) == []


def test_what_is_sold_out_since_the_night_is_not_shown(live: Live) -> None:
    """Where the shop's counts can be looked up quickly, the latest one holds."""
    live.with_shop()
    live.run(
        "CREATE TABLE shop.stock (product_id text, counted_at timestamptz, quantity float8)",
        "CREATE INDEX ON shop.stock (product_id, counted_at)",
        "INSERT INTO shop.stock VALUES ('p1', now() - interval '2 h', 5), ('p1', now() - interval '1 h', 0), "
        "('p2', now() - interval '2 h', 0), ('p2', now() - interval '1 h', 5), ('p3', now() + interval '1 h', 0)",
    )
    assert live.shown("anna", 3) == [1, 2, 3]
    live.make()
    assert live.shown("anna", 3) == [2, 3, 4]


def test_a_shop_that_changed_or_went_leaves_the_nights_state(live: Live) -> None:
    """Without schema shop, without its column active, with ids of another type: the night's state holds, no error."""
    live.with_shop()
    live.run("UPDATE shop.product SET active = false WHERE product_id = 'p1'")
    assert live.shown("anna", 2) == [2, 3]
    for change in (
        "ALTER TABLE shop.product DROP COLUMN active",
        "DROP TABLE shop.product; CREATE TABLE shop.product (product_id bigint, active boolean)",
        "DROP SCHEMA shop CASCADE",
    ):
        live.run(change)
        assert live.shown("anna", 2) == [1, 2], change
    live.run("UPDATE ml.product_state SET available = false WHERE product_id = 'p11'")
    live.rule(kind="exclude", brand="nothing of it")
    assert live.shown("bert", 1) == [12]


def test_a_pinned_product_is_where_it_is_pinned(live: Live) -> None:
    """Pins stand at their ranks, with a reason; the others close up around them, and none is there twice."""
    live.rule(kind="pin", product_id="p25", rank=2)
    live.rule(kind="pin", product_id="p4", rank=2)
    live.rule(kind="pin", product_id="p26", rank=5)
    assert live.shown("anna", 6) == [1, 25, 4, 2, 26, 3]
    assert live.shown("bert", 6) == [11, 25, 4, 12, 26, 13]
    assert live.shown("anna", 1) == [1]
    pinned = live.call("recommend", "anna", 6)[1]
    assert (pinned["reason"], pinned["source_product_id"], pinned["batch_id"]) == ("chosen by the shop", None, 7)
    assert live.shown("anna", 3, category="c1") == [1, 25, 4]
    assert live.shown("anna", 4, exclude=["p25"]) == [1, 4, 2, 3]


def test_a_pin_that_cannot_be_shown_leaves_its_place(live: Live) -> None:
    """Pins of what is unknown, not available or excluded, of other days and other segments are none."""
    live.rule(kind="pin", product_id="nothing", rank=1)
    live.rule(kind="pin", product_id="p30", rank=1)
    live.rule(kind="pin", product_id="p21", rank=1, ends_on=date(2025, 1, 1))
    live.rule(kind="pin", product_id="p22", rank=1, segment="wholesale")
    live.rule(kind="pin", product_id="p24", rank=1)
    live.rule(kind="exclude", product_id="p24")
    assert live.shown("anna", 3) == [1, 2, 3]
    assert live.shown("bert", 2, segment="wholesale") == [22, 11]


def test_rules_of_a_set_hold_for_the_customers_of_its_arm(live: Live) -> None:
    """Pins and exclusions of a set are shown at once to whom an experiment shows that set, and to nobody else."""
    live.rule(kind="pin", product_id="p25", rank=1, rule_set="autumn")
    live.rule(kind="exclude", product_id="p2", rule_set="autumn")
    live.rule(kind="pin", product_id="p26", rank=1, rule_set="spring")
    before = live.shown("anna", 4)
    assert before == [1, 2, 3, 4]
    with postgres.transaction(live.url) as cursor:
        cursor.execute(
            "INSERT INTO ml_ops.experiment (name, arm, capability, told, share, since, changed_on) VALUES "
            "('lists', 'autumn', 'recommender', '{\"rule_set\": \"autumn\"}', 0.5, '2025-03-01', '2025-03-01')"
        )
        cursor.execute(
            "INSERT INTO ml_ops.experiment_arm (experiment, customer_id, capability, arm, shows, night) "
            "VALUES ('lists', 'anna', 'recommender', 'autumn', 'rules', '2025-03-01')"
        )
    assert live.shown("anna", 4) == [25, 1, 3, 4]
    assert live.shown("carl", 4) == [1, 2, 3, 4]
    assert [row["product_id"] for row in live.call("recommend_for_basket", ["p1"], 30)].count("p26") <= 1


def test_last_nights_pin_goes_with_its_rule(live: Live) -> None:
    """A product that is in the list as a pin only is not shown when the pin is deleted."""
    live.run("UPDATE ml.recommendation SET reason_code = 'pinned' WHERE rank = 2")
    assert live.shown("anna", 3) == [1, 3, 4]
    live.rule(kind="pin", product_id="p2", rank=1)
    assert live.shown("anna", 3) == [2, 1, 3]


@pytest.mark.parametrize(
    ("rule", "gone"),
    [
        ({"category": "c1"}, lambda i: i % 3 == 1),
        ({"brand": "b1"}, lambda i: i % 2 == 1),
        ({"product_id": "p2"}, lambda i: i == 2),
        ({"min_price": 5.0, "max_price": 7.0}, lambda i: 5 <= i <= 7),
        ({"category": "c1", "brand": "b1"}, lambda i: i % 3 == 1 and i % 2 == 1),
        ({"category": "c1", "segment": "retail"}, lambda i: i % 3 == 1),
        ({"category": "c1", "starts_on": date(2999, 1, 1)}, lambda i: i < 0),
    ],
)
def test_what_is_excluded_never_shows(live: Live, rule: dict[str, Any], gone: Any) -> None:
    """An exclude holds from its commit on, in every list: own, newcomers', popular, category, basket."""
    live.rule(kind="exclude", **rule)
    expected = [i for i in range(1, 30) if not gone(i)]
    assert sorted(live.shown("anna", 100)) == expected
    assert live.shown("anna", 5) == expected[:5]
    assert live.shown("anna", 5, category="c1") == [i for i in expected if i % 3 == 1][:5]
    if "segment" not in rule:
        assert sorted(live.shown("bert", 100)) == expected
        basket = [row["product_id"] for row in live.call("recommend_for_basket", ["p1"], 100)]
        assert not [i for i in basket if gone(int(i[1:]))]
    else:
        assert sorted(live.shown("bert", 100)) == list(range(1, 30))


def test_a_category_has_its_limit(live: Live) -> None:
    """At most so many of a category in a list, the pins among them, but not on the category's own page."""
    live.run("INSERT INTO ml_config.category_rule (category, max_per_list) VALUES ('c1', 2)")
    assert live.shown("anna", 8) == [1, 2, 3, 4, 5, 6, 8, 9]
    assert live.shown("anna", 4, category="c1") == [1, 4, 7, 10]
    live.rule(kind="pin", product_id="p28", rank=1)
    assert live.shown("anna", 8) == [28, 1, 2, 3, 5, 6, 8, 9]


def test_days_are_the_shops(live: Live) -> None:
    """A rule of today holds until midnight in the shop's time zone, whatever the session's is."""
    now = datetime.now(UTC)
    for zone, hours in (("Pacific/Kiritimati", 14), ("Etc/GMT+12", -12)):
        live.make(zone)
        today = (now + timedelta(hours=hours)).date()
        live.run("DELETE FROM ml_config.rule")
        live.rule(kind="exclude", product_id="p1", starts_on=today, ends_on=today)
        assert live.shown("anna", 1) == [2], zone


def test_a_basket_gets_what_goes_with_it(live: Live) -> None:
    """Scores add up over the basket, the largest part is the reason; then similar, then popular; never what is in it."""
    rows = live.call("recommend_for_basket", ["p1", "p5"], 5)
    assert [(r["rank"], r["product_id"], r["score"], r["reason"], r["source_product_id"]) for r in rows[:3]] == [
        (1, "p3", 1.4, "with five", "p5"),
        (2, "p2", 1.0, "with 1", "p1"),
        (3, "p4", 0.5, "like one", "p1"),
    ]
    assert [row["reason"] for row in rows[3:]] == ["popular", "popular"]
    assert [row["product_id"] for row in live.call("recommend_for_basket", ["p1", "p2", "p13", None], 3)] == [
        "p3",
        "p4",
        "p14",
    ]
    for nothing in ([], None, ["what is not there"]):
        assert [row["product_id"] for row in live.call("recommend_for_basket", nothing, 2)] == ["p13", "p14"]


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE ml.recommendation; --", "anna' OR '1'='1", "%", "\\", "é😀", "x" * 100_000, ""]
)
def test_hostile_texts_are_only_texts(live: Live, text: str) -> None:
    """SQL, quotes, wildcards and very long texts in any argument are an unknown visitor, category or product."""
    newcomers = live.shown("bert", 3)
    assert live.shown(text, 3) == newcomers
    assert live.shown("bert", 3, exclude=[text]) == newcomers
    assert live.shown("bert", 3, segment=text) == newcomers
    assert live.shown("bert", 3, category=text) == ([] if text else newcomers)
    assert len(live.call("recommend_for_basket", [text], 3)) == 3
    assert len(live.shown("anna")) == 10


@pytest.mark.parametrize("function", ["recommend", "recommend_for_basket"])
@pytest.mark.parametrize("n", [0, -1, 501, 100_000, 2**31 - 1])
def test_a_senseless_number_is_refused_in_words(live: Live, function: str, n: int) -> None:
    """The message says which function, what came and what may come."""
    with pytest.raises(
        psycopg2.errors.InvalidParameterValue, match=rf"ml.{function}: n is {n}, and must be between 1 and 500"
    ):
        live.call(function, None, n)


def test_no_number_is_ten(live: Live) -> None:
    """Null for n is the default."""
    assert len(live.shown("anna", None)) == 10
    assert len(live.call("recommend_for_basket", ["p1"], None)) == 10


def test_huge_arrays_are_refused_in_words(live: Live) -> None:
    """More than a thousand products in an argument are refused; a thousand are answered."""
    many = [f"q{i}" for i in range(1001)]
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match="exclude holds 1001 products, and may hold 1000"):
        live.shown("anna", exclude=many)
    with pytest.raises(
        psycopg2.errors.InvalidParameterValue, match="the basket holds 1001 products, and may hold 1000"
    ):
        live.call("recommend_for_basket", many)
    assert len(live.shown("anna", exclude=many[1:])) == 10
    assert len(live.call("recommend_for_basket", many[1:])) == 10


def test_a_hostile_search_path_changes_nothing(live: Live) -> None:
    """Functions and tables of the same names in the caller's schemas are not called with the owner's rights."""
    live.run(
        "CREATE FUNCTION public.cardinality(text[]) RETURNS integer LANGUAGE sql AS 'SELECT 5000'",
        "CREATE SCHEMA evil",
        "CREATE TABLE evil.recommendation (customer_id text)",
    )
    live.run("SET search_path = evil, public, pg_catalog; SELECT * FROM ml.recommend('anna', 3, exclude => '{p1}')")
    secured = live_options(live)
    assert all("search_path=pg_catalog, pg_temp" in options for options in secured)
    assert len(secured) == 2


def live_options(live: Live) -> list[list[str]]:
    """Settings of the functions that run with their owner's rights."""
    with psycopg2.connect(live.url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT proconfig FROM pg_proc WHERE prosecdef AND pronamespace IN ('ml'::regnamespace, 'ml_ops'::regnamespace)"
        )
        found = [row[0] for row in cursor.fetchall()]
    connection.close()
    return found


def test_only_the_shop_may_call(live: Live) -> None:
    """shop_reader may call both functions and not what they are made of; others may call none."""
    with psycopg2.connect(live.url) as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT p.proname FROM pg_proc AS p WHERE p.pronamespace IN ('ml'::regnamespace, 'ml_ops'::regnamespace)
            AND has_function_privilege('shop_reader', p.oid, 'EXECUTE') ORDER BY 1
            """
        )
        assert [row[0] for row in cursor.fetchall()] == ["recommend", "recommend_for_basket"]
        cursor.execute(
            "SELECT bool_or(has_function_privilege('nightshift_staff', p.oid, 'EXECUTE')) FROM pg_proc AS p WHERE p.pronamespace = 'ml'::regnamespace"
        )
        assert cursor.fetchone() == (False,)
    connection.close()


def test_live_reads_what_the_tests_have(live: Live) -> None:
    """Every table of schema ml that live.sql names is among those with which it is tested."""
    named = set(re.findall(r"(?:FROM|JOIN) ml\.(\w+)", SPEC.script()))
    assert named == {table.name for table in READ}
