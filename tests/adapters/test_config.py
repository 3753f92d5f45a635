"""The tables that the shop's staff edits: made from a spec, kept through upgrades, read into a night's snapshot."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime

import psycopg2
import pyarrow as pa
import pytest

from ml import pipeline
from ml.adapters import postgres
from ml.adapters.books import config, config_faults
from ml.adapters.lake import Lake
from ml.adapters.shop import extract as reader
from ml.adapters.shop.pseudonym import Pseudonym
from ml.capabilities.recommender.templates import TEMPLATES
from ml.core.spec import ConfigColumn, ConfigTable
from ml.pipeline.context import Night
from ml.registry import CAPABILITIES, CONFIG
from ml.settings import PROJECT, Settings
from ml.shop.check import check
from tests.small_shop import fill, shop

COST = ConfigTable(
    "cost",
    "What a mistake costs.",
    ("kind",),
    (
        ConfigColumn("kind", "text", "Which."),
        ConfigColumn("price", "number", "How much.", "shop currency", required=True, default="1"),
        ConfigColumn("product_id", "text", "Which product.", references="product.product_id"),
    ),
    checks={"price is above 0": "price > 0"},
    rows=({"kind": "late", "price": 5.0}, {"kind": "lost", "price": 50.0}),
)
REF = "2026-01-01/001"


def rows(url: str, table: str = "cost") -> list[dict]:
    """Rows in the order of the first column."""
    return postgres.query(url, f"SELECT * FROM ml_config.{table} ORDER BY 1")


def run(url: str, statement: str, role: str | None = None) -> None:
    """Run a statement, as staff would."""
    with postgres.transaction(url, role=role) as cursor:
        cursor.execute(statement)


@pytest.fixture
def url(settings: Settings) -> str:
    """A database with the table ``cost``."""
    config.sync(settings.database_url, [COST])
    return settings.database_url


def test_a_table_comes_with_its_defaults_and_comments(url: str) -> None:
    """The default rows are in, each table and column says what it means, and a second sync changes nothing."""
    config.sync(url, [COST])
    assert [(r["kind"], r["price"]) for r in rows(url)] == [("late", 5.0), ("lost", 50.0)]
    comments = postgres.query(
        url,
        "SELECT obj_description('ml_config.cost'::regclass) AS about, col_description('ml_config.cost'::regclass, 2) AS price",
    )
    assert comments == [{"about": "What a mistake costs.", "price": "How much. [shop currency]"}]


def test_a_bad_edit_is_refused_in_words(url: str) -> None:
    """The error of a bad edit holds the rule that it breaks."""
    with pytest.raises(psycopg2.errors.CheckViolation, match="price is above 0"):
        run(url, "UPDATE ml_config.cost SET price = -1")


def test_staff_edits_and_the_shop_reads(url: str) -> None:
    """nightshift_staff may change rows and nothing else of ours; shop_reader may read them only."""
    run(url, "INSERT INTO ml_config.cost (kind) VALUES ('new')", "nightshift_staff")
    run(url, "DELETE FROM ml_config.cost WHERE kind = 'new'", "nightshift_staff")
    run(url, "TABLE ml_config.cost", "shop_reader")
    for role, statement in (
        ("shop_reader", "DELETE FROM ml_config.cost"),
        ("nightshift_staff", "TABLE ml_ops.batch"),
        ("nightshift_staff", "DROP TABLE ml_config.cost"),
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            run(url, statement, role)


def test_roles_that_are_not_there_are_passed_over(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a server whose roles an administrator has yet to make, the tables are made all the same."""
    monkeypatch.setitem(config._RIGHTS, "nobody_here", ("SELECT",))  # no server of the tests lacks a role
    config.sync(settings.database_url, [COST])
    assert len(rows(settings.database_url)) == 2


def test_an_upgrade_keeps_what_staff_wrote(url: str) -> None:
    """New columns, checks and default rows come; changed rows stay changed, deleted ones deleted, bad old ones there."""
    run(url, "DELETE FROM ml_config.cost WHERE kind = 'lost'; UPDATE ml_config.cost SET price = 7")
    run(url, "INSERT INTO ml_config.cost (kind, price) VALUES ('huge', 1e9)")
    later = replace(
        COST,
        columns=(*COST.columns, ConfigColumn("days", "integer", "How late.", required=True, default="3")),
        checks={"price is above 0": "price > 0 AND price < 1e6"},
        rows=(*COST.rows, {"kind": "broken", "price": 9.0}),
    )
    config.sync(url, [later])
    assert [(r["kind"], r["price"], r["days"]) for r in rows(url)] == [
        ("broken", 9.0, 3),
        ("huge", 1e9, 3),
        ("late", 7.0, 3),
    ]
    with pytest.raises(psycopg2.errors.CheckViolation, match="price is above 0"):
        run(url, "INSERT INTO ml_config.cost (kind, price) VALUES ('huger', 1e9)")
    config.sync(url, [replace(later, checks={})])
    run(url, "INSERT INTO ml_config.cost (kind, price) VALUES ('huger', 1e9)")


def test_four_at_once_make_one(settings: Settings) -> None:
    """Nights that start together do not stumble over each other's tables."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: config.sync(settings.database_url, [COST]), range(4)))
    assert len(rows(settings.database_url)) == 2


def test_what_has_no_effect_is_told(url: str, tmp_path) -> None:
    """A reference to what the shop does not have, and a row older than its check, are named with their key."""
    fill(url, shop())
    run(url, "INSERT INTO ml_config.cost (kind, product_id) VALUES ('right', 'p1'), ('wrong', 'p1''; --')")
    lake, strict = Lake(str(tmp_path)), replace(COST, checks={"price is below 50": "price < 50"})
    reader.extract(url, lake, REF, datetime(2026, 1, 1, tzinfo=UTC), "key", config=config.read(url, [COST]))
    assert config_faults.faults(lake, REF, [strict], ["product"], "raw") == [
        "ml_config.cost (kind lost): price is below 50",
        'ml_config.cost (kind wrong): product_id "p1\'; --" is not in shop.product',
    ]
    assert config_faults.faults(lake, REF, [strict], ["customer"], "raw")[1:] == []


def test_a_night_obeys_what_was_written_when_it_read_the_shop(settings: Settings) -> None:
    """A rule that is written later is not in the snapshot, and a snapshot with other rules has another digest."""
    fill(settings.database_url, shop())
    night = date(2026, 1, 1)
    first = pipeline.extract(settings, night)
    run(
        settings.database_url, "INSERT INTO ml_config.rule (kind, brand) VALUES ('exclude', 'ACME')", "nightshift_staff"
    )
    again, fresh = pipeline.extract(settings, night), pipeline.extract(settings, night, fresh=True)
    assert again == first
    spec = CAPABILITIES["recommender"]
    seen = {}
    for ref in (first, fresh):
        opened = Night.open(settings, ref)
        with opened.backend() as backend:
            settings_read = opened.config(backend, spec)
            seen[ref] = settings_read["rule"].execute().to_dict("records")
            assert settings_read["night"].to_pyarrow().to_pylist() == [{"night": night, "timezone": "UTC"}]
            assert backend.to_pyarrow(settings_read["reason_template"]).num_rows == len(TEMPLATES)
    assert [rule["brand"] for rule in seen[fresh]] == ["ACME"]
    assert seen[first] == []
    digests = {Night.open(settings, ref).manifest["sha256"] for ref in (first, fresh)}
    assert len(digests) == 2


def test_a_snapshot_from_before_has_the_defaults(settings: Settings) -> None:
    """A night of a time when there was no such table is run with its default rows."""
    fill(settings.database_url, shop())
    opened = Night.open(settings, pipeline.extract(settings, date(2026, 1, 1)))
    old = replace(opened, manifest={k: v for k, v in opened.manifest.items() if k != "config"})
    with old.backend() as backend:
        defaults = old.config(backend, CAPABILITIES["recommender"])
        assert defaults["recommender_setting"].to_pyarrow().to_pylist() == [{"one": True, "language": "en"}]


def test_shop_check_tells_rules_without_effect(settings: Settings) -> None:
    """``shop check`` lists a pin of an unknown product and a language without words."""
    fill(settings.database_url, shop())
    pipeline.migrate(settings.database_url)
    run(settings.database_url, "INSERT INTO ml_config.rule (kind, product_id, rank) VALUES ('pin', 'gone', 1)")
    run(settings.database_url, "UPDATE ml_config.recommender_setting SET language = 'xx'")
    report = check(settings, now=datetime(2025, 4, 1, tzinfo=UTC))
    assert report.idle == (
        "ml_config.rule (id 1): product_id 'gone' is not in shop.product",
        "ml_config.recommender_setting (one True): language 'xx' is not in ml_config.reason_template",
    )
    assert "product_id 'gone'" in report.to_text()


def test_specs_can_be_made(settings: Settings) -> None:
    """Names are unique, no check's name is cut off, and all keys, references and default rows exist."""
    assert len({table.name for table in CONFIG}) == len(CONFIG)
    for table in CONFIG:
        assert set(table.key) <= set(table.column_names), table.name
        assert all(len(words.encode()) <= 63 for words in table.checks), table.name
        assert all(set(row) <= set(table.column_names) for row in table.rows), table.name
    pipeline.migrate(settings.database_url)
    assert {
        r["relname"]
        for r in postgres.query(
            settings.database_url,
            "SELECT relname FROM pg_class WHERE relnamespace = 'ml_config'::regnamespace AND relkind = 'r'",
        )
    } == {table.name for table in CONFIG}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ("kind => 'hide', product_id => 'p'", "kind is pin, boost, bury or exclude"),
        ("kind => 'exclude'", "a rule names a product, category, brand or price"),
        ("kind => 'exclude', segment => 'retail'", "a rule names a product, category, brand or price"),
        ("kind => 'exclude', category => ''", "a name is never an empty text"),
        ("kind => 'pin', category => 'c', rank => 1", "a pin names its product and its rank, no other kind a rank"),
        ("kind => 'pin', product_id => 'p'", "a pin names its product and its rank, no other kind a rank"),
        ("kind => 'pin', product_id => 'p', rank => 0", "rank is between 1 and 1000"),
        ("kind => 'exclude', brand => 'b', rank => 1", "a pin names its product and its rank, no other kind a rank"),
        ("kind => 'exclude', brand => 'b', factor => 2", "only a boost or a bury has a factor"),
        ("kind => 'boost', brand => 'b'", "a boost has a factor above 1, at most 1000"),
        ("kind => 'boost', brand => 'b', factor => 'NaN'", "a boost has a factor above 1, at most 1000"),
        ("kind => 'boost', brand => 'b', factor => 'Infinity'", "a boost has a factor above 1, at most 1000"),
        ("kind => 'bury', brand => 'b', factor => 0", "a bury has a factor above 0 and below 1"),
        ("kind => 'exclude', min_price => 2, max_price => 1", "max_price is not below min_price, neither below 0"),
        ("kind => 'exclude', min_price => 'NaN'", "max_price is not below min_price, neither below 0"),
        (
            "kind => 'exclude', brand => 'b', starts_on => '2026-02-01', ends_on => '2026-01-01'",
            "ends_on is not before starts_on",
        ),
    ],
)
def test_rules_that_make_no_sense_are_refused(settings: Settings, values: str, says: str) -> None:
    """Each bad rule is refused with words that say what a rule must be."""
    pipeline.migrate(settings.database_url)
    pairs = dict(pair.split(" => ") for pair in values.split(", "))
    with pytest.raises(psycopg2.errors.CheckViolation, match=says):
        run(
            settings.database_url,
            f"INSERT INTO ml_config.rule ({', '.join(pairs)}) VALUES ({', '.join(pairs.values())})",
        )


def test_templates_that_cannot_be_filled_are_refused(settings: Settings) -> None:
    """A template is not empty and names nothing in braces that is not filled in."""
    pipeline.migrate(settings.database_url)
    for code, words in (
        ("popular", ""),
        ("popular", "weil {name} es mag"),
        ("popular", "weil } es"),
        ("popular", "weil {source}"),
        ("hot", "x"),
    ):
        with pytest.raises(psycopg2.errors.CheckViolation):
            run(settings.database_url, f"INSERT INTO ml_config.reason_template VALUES ('de', '{code}', '{words}')")
    run(
        settings.database_url,
        "INSERT INTO ml_config.reason_template VALUES ('de', 'because', 'weil Sie {source} kauften')",
    )


def test_what_is_personal_is_kept_as_its_hash_alone(settings: Settings) -> None:
    """The snapshot knows an address by its keyed hash; a hash that staff copied stays one, and what is not personal too."""
    from ml.capabilities.risk.config import LIST

    hashed = Pseudonym("key").hashed
    (digest,) = hashed(pa.array(["10.0.0.1"])).to_pylist()
    config.sync(settings.database_url, [LIST])
    for entity, value in (("ip", "10.0.0.1"), ("ip", digest), ("country", "XX")):
        run(
            settings.database_url,
            f"INSERT INTO ml_config.risk_list (kind, entity, value) VALUES ('deny', '{entity}', '{value}')",
        )
    kept = config.read(settings.database_url, [LIST], hashed)["risk_list"]
    assert {row["value"] for row in kept.to_pylist() if row["id"] == 1} == {digest}
    assert digest in {row["value"] for row in kept.to_pylist() if row["id"] == 2}
    assert {row["value"] for row in kept.to_pylist() if row["id"] == 3} == {"XX"}
    assert config.read(settings.database_url, [LIST])["risk_list"]["value"].to_pylist() == ["10.0.0.1", digest, "XX"]


EDITS = [(table.name, words, sql) for table in CONFIG for words, sql in table.examples.items()]


def test_the_edits_of_the_manual_do_what_they_say(settings: Settings) -> None:
    """Each edit that docs/config.md shows is accepted from the staff, in their order, and changes a row."""
    assert {name for name, _, _ in EDITS} == {table.name for table in CONFIG}
    config.sync(settings.database_url, CONFIG)
    with postgres.transaction(settings.database_url) as cursor:
        cursor.execute("SET LOCAL ROLE nightshift_staff")
        for name, words, statements in EDITS:
            assert f"-- {words}\n{statements};" in (PROJECT / "docs" / "config.md").read_text(encoding="utf-8")
            for statement in statements.split(";\n"):
                cursor.execute(statement)
                assert cursor.rowcount > 0, (name, statement)


def test_the_database_writes_when_a_row_was_decided(url: str) -> None:
    """Rows from before the column have no time; new and changed ones have theirs; a time that is given stays."""
    stamped = replace(COST, columns=(*COST.columns, ConfigColumn("at", "timestamp", "When.", stamped=True)))
    for _ in range(2):
        config.sync(url, [stamped])
        assert [row["at"] for row in rows(url)] == [None, None]
    run(url, "INSERT INTO ml_config.cost (kind, price) VALUES ('odd', 2)")
    run(url, "UPDATE ml_config.cost SET price = 5 WHERE kind = 'late'")
    now = {row["kind"]: row["at"] for row in rows(url)}
    assert now["late"] is None  # the row is as it was
    assert now["odd"] is not None
    run(url, "UPDATE ml_config.cost SET price = 51 WHERE kind = 'lost'")
    run(url, "UPDATE ml_config.cost SET price = 3, at = '2020-01-01 00:00+00' WHERE kind = 'odd'")
    now = {row["kind"]: row["at"] for row in rows(url)}
    assert now["lost"] is not None
    assert now["odd"] == datetime(2020, 1, 1, tzinfo=UTC)
