"""Who may see and change what in the console, what a form must carry, and what hostile texts become."""

from __future__ import annotations

import re

import psycopg2
import pytest

from ml.adapters import postgres
from tests.console_client import browser as open_browser
from tests.console_client import words
from tests.console_shop import HOSTILE, ConsoleShop

PAGES = ("/", "/data", "/models", "/models/risk", "/rules", "/rules/rule", "/static/console.css", "/data-docs/")
CHANGES = (
    "/night/run",
    "/rules/rule/preview",
    "/rules/rule/save",
    "/rules/undo/1",
    "/models/risk/promote",
    "/models/risk/rollback",
)


@pytest.fixture
def anna(monkeypatch, settings):
    """A browser of somebody who may change things, on a database before its first night."""
    ConsoleShop(settings.database_url)
    return open_browser(monkeypatch, settings)


def test_the_anonymous_see_nothing_and_viewers_change_nothing(anna):
    """401 without a login; a viewer sees every page, without a button that changes, and gets 403 for each change."""
    anna.may.discard("PUT")
    for path in PAGES:
        page = anna.get(path)
        assert page.status_code == 200, path
        assert 'method="post"' not in page.text, path
    assert [anna.ask("POST", path, {"csrf": "x"}).status_code for path in CHANGES] == [403] * len(CHANGES)
    anna.may.clear()
    assert [anna.get(path).status_code for path in PAGES] == [403] * len(PAGES)
    anna.app.dependency_overrides.clear()
    assert [anna.get(path).status_code for path in PAGES] == [401] * len(PAGES)
    assert [anna.ask("POST", path, {}).status_code for path in CHANGES] == [401] * len(CHANGES)


def test_every_route_that_changes_wants_the_token(anna):
    """Each route that takes a POST refuses a form without a token, with another's, or sent by another site."""
    from fastapi.routing import APIRoute

    from nightshift_airflow.console import access

    posts = [r.path for r in anna.app.routes if isinstance(r, APIRoute) and "POST" in r.methods]
    paths = [re.sub(r"{number}", "1", re.sub(r"{\w*name}", "risk", re.sub(r"{what}", "run", path))) for path in posts]
    assert len(paths) >= 6
    token = access.token(type("Anna", (), {"get_name": lambda _: "anna"})())
    others = access.token(type("Bert", (), {"get_name": lambda _: "bert"})())
    for path in (re.sub(r"{\w+}", "1", path) for path in paths):
        assert anna.ask("POST", path, {}).status_code == 403, path
        assert "carries no valid token" in words(anna.ask("POST", path, {"csrf": others}))
        sent = anna.ask("POST", path, {"csrf": token}, **{"sec-fetch-site": "cross-site"})
        assert "sent by another site" in words(sent)


def test_the_browser_is_told_to_run_nothing_of_others(anna):
    """Every answer forbids scripts and styles in the page, other hosts, and frames but Airflow's."""
    for path in (*PAGES, "/nowhere"):
        headers = anna.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'"), path
        assert "script-src" not in policy or "script-src 'self';" in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert "unsafe-inline" not in anna.get("/").headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=\"", anna.get("/").text)


def test_the_console_acts_as_its_own_role(anna, settings):
    """It may change the rows of ml_config and add to the audit, and nothing else."""

    def run(statement: str) -> None:
        with postgres.transaction(settings.database_url, role="nightshift_console") as cursor:
            cursor.execute(statement)

    run("INSERT INTO ml_config.rule (kind, brand) VALUES ('exclude', 'x')")
    run("INSERT INTO ml_ops.audit (person, action, object) VALUES ('anna', 'insert', 'rule')")
    run("SELECT * FROM ml_ops.night")
    for statement in (
        "UPDATE ml_ops.audit SET person = 'bert'",
        "DELETE FROM ml_ops.audit",
        "DELETE FROM ml_ops.night",
        "INSERT INTO ml_ops.promotion (capability, version, decision, why) VALUES ('risk', 1, 'manual', '')",
        "DROP TABLE ml_config.rule",
        "CREATE TABLE ml.x ()",
        "CREATE SCHEMA other",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            run(statement)


def test_hostile_texts_are_texts(anna, settings):
    """A script in a rule, in an address, a name from right to left and a null byte do no harm."""
    name = "אבג دمشق"
    form = anna.get("/rules/risk_list")
    preview = anna.press(form, "/preview", kind="deny", entity="customer", value=HOSTILE, note=name)
    assert HOSTILE not in preview.text
    saved = anna.press(preview, "/save", why=HOSTILE)
    assert HOSTILE not in saved.text
    assert name in words(saved)
    assert re.search(rf'<bdi dir="auto">{name}</bdi>', saved.text)
    page = anna.get("/rules/risk_list?find=%00%3Cscript%3E&said=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in page.text
    assert anna.get("/data/quarantine/2026-01-01/001/x%27;drop").status_code == 200


def test_the_way_back_stays_on_our_pages(anna):
    """A form cannot send the browser elsewhere after a save."""
    for back in ("//evil.example", "https://evil.example", "javascript:alert(1)", "/\\evil"):
        preview = anna.press(anna.get("/rules/rule"), "/preview", kind="exclude", brand="x", back=back)
        assert "evil" not in preview.text
        assert "javascript:" not in preview.text


def test_before_the_first_night_each_page_says_what_to_do(anna):
    """An empty database is no fault: the pages say so."""
    assert "There was no night yet." in words(anna.get("/"))
    assert "No night has read the shop yet." in words(anna.get("/data"))
    assert "No model yet" in words(anna.get("/models/risk"))


def test_while_the_database_is_away_each_page_says_so(anna, settings):
    """503, what came and what to do, without a traceback; the page is back with the server."""
    from dataclasses import replace

    from nightshift_airflow.console import page

    gone = replace(settings, database_url="postgresql://nobody@127.0.0.1:1/nightshift?connect_timeout=1")
    anna.app.dependency_overrides[page.settings] = lambda: gone
    for path in ("/", "/data", "/models", "/rules/rule"):
        answer = anna.get(path)
        assert answer.status_code == 503
        assert "The database does not answer." in words(answer)
        assert "Traceback" not in answer.text
    anna.app.dependency_overrides[page.settings] = lambda: settings
    assert anna.get("/").status_code == 200


def test_a_connection_that_was_cut_is_made_anew(anna, settings):
    """After the server ended our connections a page says so once at most, then all is as before."""
    assert anna.get("/").status_code == 200
    with postgres.transaction(settings.database_url) as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nightshift console' AND datname = current_database()"
        )
    assert anna.get("/").status_code in (200, 503)
    assert anna.get("/").status_code == 200
