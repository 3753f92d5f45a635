"""What a new user wants of the console, each within three clicks of the first page; languages; a new capability."""

from __future__ import annotations

import dataclasses
import html
import re

import pytest

from ml.settings import PROJECT
from tests.console_client import Browser, words
from tests.console_client import browser as open_browser
from tests.console_shop import NIGHT, ConsoleShop

CONSOLE = PROJECT / "plugins" / "nightshift_airflow" / "console"
BROKE = "ml.order_risk does not hold what was scored.\n  came: 10 rows scored, 9 published\n  do:   clear risk.publish"


@pytest.fixture
def shop(settings):
    """A small shop with three nights."""
    return ConsoleShop(settings.database_url).fill()


@pytest.fixture
def anna(monkeypatch, settings, shop):
    """A browser of somebody who may change things."""
    return open_browser(monkeypatch, settings)


ERRANDS = {
    "what went wrong tonight and what do I do": ((), "do: clear risk.publish"),
    "why does customer X see product Y": (("Shop window", "c1"), "because you bought"),
    "hide a recalled product now": (("Product", "Teapot", "Hide it everywhere"), "Show what would change"),
    "which orders may I not ship": (("Orders", "review"), "expected loss"),
    "is the new model better, by how much": (("Models", "Recommendations"), "better than the champion by 0.1"),
    "how much did we earn with it": (("Models", "holdout"), "1.25 more money per customer, by more than chance"),
    "what do reviews say of product Z": (("Product", "Teapot", "What reviews say"), "What they speak of"),
    "what are customers looking for in vain": (("Find",), "Search gap"),
}


def clicked(anna: Browser, clicks: tuple[str, ...]) -> str:
    """What the page says after these clicks from the first one."""
    page = anna.get("/")
    for words_of_link in clicks:
        page = anna.click(page, words_of_link)
    assert page.status_code == 200, page.text
    return words(page)


@pytest.mark.parametrize("errand", ERRANDS)
def test_an_errand_is_done_in_three_clicks(anna, shop, errand):
    """Each of eight errands ends, within three links from the first page, where its answer stands."""
    from datetime import timedelta

    from ml.adapters import postgres

    if errand.startswith("what went wrong"):
        with postgres.transaction(shop.url) as cursor:
            shop.night(cursor, NIGHT + timedelta(days=1), failed=BROKE)
    shop.run(
        "INSERT INTO ml_ops.experiment_effect (experiment, night, arm, control, metric, customers, control_customers, effect, low, high, verdict) "
        "SELECT 'holdout', date '2026-01-01' + i, 'champion', 'nothing', 'money per customer', 980, 20, 1.25, 0.5, 2, "
        "'1.25 more money per customer, by more than chance' FROM generate_series(1, 3) AS i"
    )
    clicks, answer = ERRANDS[errand]
    assert len(clicks) <= 3
    assert answer in clicked(anna, clicks)


CHANGES = {
    "hide a recalled product now": (
        ("Product", "Teapot", "Hide it everywhere"),
        {"kind": "exclude"},
        "rule",
        "lists change",
    ),
    "answer what is looked for in vain": (
        ("Find", "Search rule"),
        {"kind": "synonym", "query": "samovar", "target": "teapot"},
        "search_rule",
        "",
    ),
    "hold back orders of a customer": (
        ("Rules", "Risk list"),
        {"kind": "deny", "entity": "customer", "value": "c1"},
        "risk_list",
        "",
    ),
    "plan a hold-out that tells what we earn": (
        ("Experiments", "Experiment"),
        {
            "name": "holdout",
            "arm": "nothing",
            "capability": "recommender",
            "shows": "nothing",
            "share": "0.02",
            "mode": "holdout",
            "starts_on": "2026-12-01",
        },
        "experiment",
        "",
    ),
    "say what a review speaks of": (("Rules", "Aspect word"), {}, "aspect_word", ""),
}
"""Errand -> the clicks to its form, what is typed, the table, and what the preview says."""


@pytest.mark.parametrize("errand", CHANGES)
def test_an_errand_that_changes_something_is_looked_at_saved_and_undone(anna, shop, errand):
    """From the third click on: nothing is saved by looking at it, the save is one press, and one press takes it back."""
    from ml.adapters import postgres

    clicks, typed, table, said = CHANGES[errand]
    assert len(clicks) <= 3
    form = anna.get("/")
    for link in clicks:
        form = anna.click(form, link)
    given = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input id="f-(\w+)"[^>]*? value="([^"]*)"', form.text)
    }
    given |= {name: html.unescape(chosen) for name, chosen in _chosen(form.text)} | typed
    if table == "aspect_word":
        given |= {"aspect": "delivery", "word": "courier", "language": "en"}
    rows = f"SELECT to_jsonb(t) AS row FROM ml_config.{table} AS t ORDER BY t::text"
    before = postgres.query(shop.url, rows)
    preview = anna.press(form, "/preview", **given)
    assert "Nothing is saved yet." in words(preview), words(preview)
    assert said in words(preview)
    assert postgres.query(shop.url, rows) == before
    saved = anna.press(preview, "/save", why=errand)
    number = re.search(r"Saved as change (\d+)", words(saved))
    assert number is not None, words(saved)
    assert len(postgres.query(shop.url, rows)) == len(before) + 1
    undone = anna.press(anna.get(f"/rules/{table}"), f"/rules/undo/{number[1]}")
    assert "Undone" in words(undone)
    assert postgres.query(shop.url, rows) == before
    told = postgres.query(shop.url, "SELECT person, action, note FROM ml_ops.audit ORDER BY id")
    assert [(row["person"], row["action"]) for row in told] == [("anna", "insert"), ("anna", "delete")]
    assert told[0]["note"] == errand


def _chosen(text: str) -> list[tuple[str, str]]:
    """Names of the form's lists, and what is chosen in each."""
    lists = re.findall(r'<select id="f-(\w+)"[^>]*>(.*?)</select>', text, re.DOTALL)
    found = [(name, re.search(r'<option[^>]*?value="([^"]*)"[^>]*? selected', options)) for name, options in lists]
    return [(name, chosen[1]) for name, chosen in found if chosen]


def test_every_page_speaks_chinese(anna):
    """By the browser's language or the person's choice; the choice is kept, an unknown language is English."""
    anna.headers = {"accept-language": "zh-CN,zh;q=0.9"}
    page = anna.get("/")
    assert '<html lang="zh">' in page.text
    assert "一切正常" in page.text
    assert "预览影响" in anna.get("/rules/rule").text
    anna.headers = {"accept-language": "xx"}
    assert '<html lang="en">' in anna.get("/").text
    assert "nightshift_language=zh" in anna.get("/?lang=zh").headers["set-cookie"]


def test_every_text_of_the_pages_is_in_the_catalogue():
    """What templates and code say by the catalogue has a Chinese text with the same names to fill in."""
    from babel.messages import extract

    from nightshift_airflow.console.words import catalogue

    told: set[str] = set()
    for path in CONSOLE.glob("templates/*.html"):
        with path.open("rb") as file:
            found = extract.extract("jinja2.ext:babel_extract", file, {"_": None}, options={"trim_blocks": "true"})
            told |= {message for _, message, *_ in found if isinstance(message, str)}
    for path in CONSOLE.rglob("*.py"):
        with path.open("rb") as file:
            told |= {
                message
                for _, message, *_ in extract.extract("python", file, {"words": None})
                if isinstance(message, str)
            }
    chinese = catalogue("zh")
    assert {text for text in told if text and text not in chinese} == set()
    names = {text: set(re.findall(r"{\w+}", text)) for text in chinese}
    assert {text for text in chinese if set(re.findall(r"{\w+}", chinese[text])) != names[text]} == set()


def test_a_new_capability_is_on_every_page_without_a_line(monkeypatch, settings):
    """The example's capability, under another name: its tables, models, settings and headlines are shown."""
    from ml.core.spec import ConfigColumn, ConfigTable
    from ml.registry import CAPABILITIES

    risk = CAPABILITIES["risk"]
    tables = tuple(
        dataclasses.replace(
            table,
            name=f"parcel_{place}",
            key=(key,),
            columns=tuple(
                column for column in table.columns if column.name in (key, "score", "reason", "orders", "probability")
            ),
            indexes=(),
        )
        for place, (table, key) in enumerate(((risk.publishes[0], "order_id"), (risk.publishes[1], "customer_id")))
    )
    setting = ConfigTable(
        "parcel_cost",
        "What a parcel costs.",
        ("id",),
        (
            ConfigColumn("id", "integer", "Number.", numbered=True),
            ConfigColumn("cost", "number", "Cost.", "shop currency"),
        ),
    )
    spec = dataclasses.replace(
        risk,
        name="parcel_size",
        title="Parcel size",
        question="How large is a parcel?",
        publishes=tables,
        config=(setting,),
        functions=(),
        headlines={"parcels measured": "SELECT count(*) FROM ml.parcel_0"},
        live=None,
        carries=(),
        examples=(),
    )
    monkeypatch.setitem(CAPABILITIES, "parcel_size", spec)
    shop = ConsoleShop(settings.database_url).fill()
    from ml.adapters.books import config

    config.sync(shop.url, [setting])
    anna = open_browser(monkeypatch, settings)
    assert "parcels measured" in words(anna.get("/"))
    assert "Parcel 0" in words(anna.get("/orders/o1"))
    assert "Parcel 1" in words(anna.get("/customer/c1"))
    assert "Parcel 1" in words(anna.get("/window?customer=c1"))
    assert "Parcel size" in words(anna.get("/models"))
    assert "ml.parcel_0" in words(anna.get("/data"))
    assert "What a parcel costs." in words(anna.get("/rules"))
    assert "Parcel size" in words(anna.get("/search?q=parcel"))
