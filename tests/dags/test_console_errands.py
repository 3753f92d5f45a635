"""What a new user wants of the console, each within three clicks of the first page; languages; a new capability."""

from __future__ import annotations

import dataclasses
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
        dataclasses.replace(table, name=f"parcel_{place}", key=(key,), columns=tuple(
            column for column in table.columns if column.name in (key, "score", "reason", "orders", "probability")), indexes=())
        for place, (table, key) in enumerate(((risk.publishes[0], "order_id"), (risk.publishes[1], "customer_id")))
    )  # fmt: skip
    setting = ConfigTable("parcel_cost", "What a parcel costs.", ("id",), (
        ConfigColumn("id", "integer", "Number.", numbered=True), ConfigColumn("cost", "number", "Cost.", "shop currency")))  # fmt: skip
    spec = dataclasses.replace(
        risk, name="parcel_size", title="Parcel size", question="How large is a parcel?", publishes=tables, config=(setting,),
        functions=(), headlines={"parcels measured": "SELECT count(*) FROM ml.parcel_0"}, live=None, carries=(), examples=(),
    )  # fmt: skip
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
