"""A browser for the console's tests: cookies, forms with their tokens, links; Airflow's login is a fake."""

from __future__ import annotations

import asyncio
import html
import re
import warnings
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from ml.settings import Settings

ROOT = "/nightshift"


class Browser:
    """Asks the application as Airflow mounts it; ``may`` says what the person may do with the DAG night."""

    def __init__(self, app: Any) -> None:
        self.app, self.may, self.headers = app, {"GET", "PUT"}, {"accept-language": "en"}

    def ask(self, method: str, path: str, data: Mapping[str, str] | None = None, **headers: str) -> httpx.Response:
        """One request, without following where it sends."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, root_path=ROOT, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
                body = urlencode(data or {}) if method == "POST" else None
                kind = {"content-type": "application/x-www-form-urlencoded"} if body is not None else {}
                return await client.request(method, ROOT + path, content=body, headers=self.headers | kind | headers)

        return asyncio.run(send())

    def get(self, path: str, **headers: str) -> httpx.Response:
        """A page."""
        return self.ask("GET", path, **headers)

    def press(self, page: httpx.Response, action: str, /, **fields: str) -> httpx.Response:
        """Send the form of a page whose address ends with ``action``, with its own fields and these; follow on."""
        text = page.text
        for found in re.finditer(r"<form[^>]*?action=\"([^\"]+)\"[^>]*>(.*?)</form>", text, re.DOTALL):
            if html.unescape(found[1]).endswith(action):
                own = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[2]))
                given = {name: html.unescape(value) for name, value in own.items()} | fields
                answer = self.ask("POST", html.unescape(found[1]).removeprefix(ROOT), given)
                return self.follow(answer)
        raise AssertionError(f"no form with {action} in {text[:3000]}")

    def show(self, path: str, content: bytes, **fields: str) -> httpx.Response:
        """Send a file as a browser sends a form with the input ``picture``."""
        form = httpx.Request("POST", "http://airflow", data=fields, files={"picture": ("x.png", content, "image/png")})

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, root_path=ROOT, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
                kind = {"content-type": form.headers["content-type"]}
                return await client.post(ROOT + path, content=form.read(), headers=self.headers | kind)

        return asyncio.run(send())

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Where an answer sends."""
        if answer.status_code == 303:
            return self.get(answer.headers["location"].removeprefix(ROOT))
        return answer

    def click(self, page: httpx.Response, words: str) -> httpx.Response:
        """Follow the first link of these words, else the first with these words in it."""
        links = [
            (href, html.unescape(re.sub(r"<[^>]+>", "", inside)).strip())
            for href, inside in re.findall(r'<a [^>]*?href="([^"]+)"[^>]*>(.*?)</a>', page.text, re.DOTALL)
        ]
        for href, said in sorted(links, key=lambda link: link[1] != words):
            if words in said:
                target = html.unescape(href)
                path = str(page.url).removeprefix("http://airflow") if target.startswith("?") else target
                path = path.split("?")[0] + target if target.startswith("?") else path
                return self.get(path.removeprefix(ROOT))
        raise AssertionError(f"no link {words!r} in {page.text[:3000]}")


def words(page: httpx.Response) -> str:
    """What a page says, without its tags."""
    body = re.sub(r"<(script|style).*?</\1>", "", page.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))


def browser(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Browser:
    """A browser whose person is anna, on the database of ``settings``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's server imports what its libraries have deprecated
        from airflow.api_fastapi.core_api import security

        from nightshift_airflow.console import page
        from nightshift_airflow.console.app import app
    found = Browser(app)
    monkeypatch.setattr(security.DagModel, "get_team_name", lambda _: None)
    manager = SimpleNamespace(
        is_authorized_dag=lambda *, details, method, **_: details.id == "night" and method in found.may
    )
    monkeypatch.setattr(security, "get_auth_manager", lambda: manager)
    monkeypatch.setenv("NIGHTSHIFT_LAKE_URI", settings.lake_uri)
    monkeypatch.setitem(app.dependency_overrides, security.get_user, lambda: SimpleNamespace(get_name=lambda: "anna"))
    monkeypatch.setitem(app.dependency_overrides, page.settings, lambda: settings)
    return found
