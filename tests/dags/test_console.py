"""Our own pages in Airflow: who may see them, and what they give away."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import warnings
from functools import partial
from types import SimpleNamespace

import httpx
import pytest

from ml.settings import PROJECT

HOSTILE = "<script>alert(1)</script>"


def get(app, path):
    """The answer to a GET of ``path``."""

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://airflow") as client:
            return await client.get(path)

    return asyncio.run(ask())


@pytest.fixture
def console(monkeypatch, tmp_path):
    """A client of the console over a lake with the Data Docs of two nights; ``may`` says what the user may see."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's server imports what its libraries have deprecated
        from airflow.api_fastapi.core_api import security

        from nightshift_airflow.console.app import app

    for ref, text in (("2026-01-01/001", "older"), ("2026-01-02/001", "newer")):
        (tmp_path / "docs" / ref).mkdir(parents=True)
        (tmp_path / "docs" / ref / "index.html").write_text(text)
    (tmp_path / "docs" / "2026-01-02" / HOSTILE.replace("/", "")).mkdir()
    (tmp_path / "secret.html").write_text("secret")
    monkeypatch.setenv("NIGHTSHIFT_LAKE_URI", str(tmp_path))
    may = {"night"}
    monkeypatch.setattr(security.DagModel, "get_team_name", lambda _: None)
    manager = SimpleNamespace(is_authorized_dag=lambda *, details, method, **_: method == "GET" and details.id in may)
    monkeypatch.setattr(security, "get_auth_manager", lambda: manager)
    app.dependency_overrides[security.get_user] = lambda: "somebody"
    yield SimpleNamespace(get=partial(get, app), may=may, app=app)
    app.dependency_overrides.clear()


def paths(app):
    """Every path of the Data Docs, with values."""
    values = {"night": "2026-01-02", "attempt": "001", "page": "index.html"}
    found = [route.path.format(**values) for route in app.routes if route.path.startswith("/data-docs")]
    assert "/data-docs/" in found
    return found


def test_every_route_wants_a_login_and_the_right(console):
    """The anonymous get 401 on any route of ours, who may not see the night 403, who may the page."""
    every = paths(console.app)
    assert [console.get(path).status_code for path in every] == [200] * len(every)
    console.may.clear()
    assert [console.get(path).status_code for path in every] == [403] * len(every)
    console.app.dependency_overrides.clear()
    assert [console.get(path).status_code for path in every] == [401] * len(every)


def test_the_latest_night_comes_first_and_names_are_text(console):
    """The list links every night; a folder's name is no HTML."""
    text = console.get("/data-docs/").text
    assert text.index("2026-01-02/001/index.html") < text.index("2026-01-01/001/index.html")
    assert "<script>" not in text
    assert console.get("/data-docs/2026-01-01/001/index.html").text == "older"


@pytest.mark.parametrize(
    "path",
    ["2026-01-02/001/none.html", "2026-01-02/%2e%2e/secret.html", "2026-01-02/001/..%2f..%2fsecret.html", "x/y/z.html"],
)
def test_nothing_but_the_data_docs_is_given(console, path):
    """A page that is not there, and every way out of the folder, gives nothing."""
    answer = console.get(f"/data-docs/{path}")
    assert answer.status_code in (404, 422)
    assert "secret" not in answer.text.replace(path, "").replace("secret.html", "")


def test_the_browser_is_told_to_run_nothing(console):
    """Should a script ever get into a page, the browser refuses it."""
    headers = console.get("/data-docs/2026-01-02/001/index.html").headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"


def test_links_lead_to_mlflow_and_the_data_docs(monkeypatch):
    """From a task to the version that it ended with and to what was judged; nowhere where there is nothing."""
    from nightshift_airflow.links import DataDocsLink, ModelLink, views

    values = {("extract", "return_value"): "2026-01-02/001", ("train", "model"): {"version": 3, "capability": "risk"}}
    ti = SimpleNamespace(xcom_pull=lambda task_ids, key="return_value": values.get((task_ids, key)))
    train, prepare = SimpleNamespace(task_id="train"), SimpleNamespace(task_id="risk.prepare")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://shop:8080/")
    monkeypatch.setenv("NIGHTSHIFT_MLFLOW_WEB", "http://shop:5000")
    docs = "http://shop:8080/nightshift/data-docs/2026-01-02/001/index.html"
    assert DataDocsLink().get_link(train, ti_key=ti) == docs
    assert ModelLink().get_link(train, ti_key=ti) == "http://shop:5000/#/models/risk/versions/3"
    assert ModelLink().get_link(prepare, ti_key=ti) == ""
    assert [view["name"] for view in views()] == ["Nightshift", "Nightshift", "Data Docs", "MLflow"]
    monkeypatch.delenv("NIGHTSHIFT_MLFLOW_WEB")
    assert ModelLink().get_link(train, ti_key=ti) == ""
    assert [view["name"] for view in views()] == ["Nightshift", "Nightshift", "Data Docs"]


def test_dags_and_assets_have_names_and_a_sentence(bag):
    """What the UI lists is called by names for people, and says what it is."""
    assert {dag.dag_id: dag.dag_display_name for dag in bag.dags.values()}.items() >= {
        "night": "Night",
        "train_risk": "Train: Order risk",
        "live_risk": "Between nights: Order risk",
    }.items()
    for dag in bag.dags.values():
        assert dag.description.endswith(".")
        for task in dag.tasks:
            for asset in (*task.outlets, *task.inlets):
                assert type(asset).__name__ == "AssetAlias" or asset.extra["what"].endswith("."), asset


def test_only_the_api_server_imports_the_console():
    """Every process of Airflow reads the plugin; the pages' libraries are imported when they are first asked for."""
    script = (
        "import sys, nightshift_plugin; print([n for n in sys.modules if n.startswith('nightshift_airflow.console')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT / "plugins",
        timeout=60,
        env=os.environ | {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'plugins'}"},
    )
    assert done.stdout.strip() == "[]"
