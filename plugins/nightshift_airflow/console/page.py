"""What each page starts from: the reader, the person, the language; and how a template becomes an answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ml.settings import Settings
from nightshift_airflow.console import access, charts, look
from nightshift_airflow.console.access import User
from nightshift_airflow.console.database import Database, Reader, database
from nightshift_airflow.console.words import COOKIE, Words, choose, languages

MENU = (
    ("", "Tonight"),
    ("window", "Shop window"),
    ("product", "Product"),
    ("find", "Find"),
    ("customers", "Customers"),
    ("orders", "Orders"),
    ("voices", "Voices"),
    ("rules", "Rules"),
    ("models", "Models"),
    ("data", "Data"),
    ("experiments", "Experiments"),
)
"""The pages, in the order of the menu: path and title."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every page: no script, style or picture but our own, no frame but Airflow's."""


@cache
def templates() -> Environment:
    """The templates: every value is escaped, a missing one is an error."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["path"] = lambda value: quote(str(value), safe="")
    return found


def words_of(request: Request) -> Words:
    """The language that was asked for by address, cookie or browser."""
    wishes = (request.query_params.get("lang"), request.cookies.get(COOKIE), request.headers.get("accept-language"))
    return Words(choose(wishes), os.environ.get("NIGHTSHIFT_TIMEZONE") or "UTC")


def render(request: Request, template: str, words: Words, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A template as an answer."""
    root = request.scope.get("root_path", "")
    text = (
        templates()
        .get_template(template)
        .render(
            _=words,
            root=root,
            menu=MENU,
            languages=languages(),
            look=look,
            charts=charts,
            here=request.url.path.removeprefix(root).strip("/").split("/")[0],
            query=request.query_params.get("q", ""),
            address=lambda **more: "?" + urlencode({**request.query_params, **more}),
            **{"csrf": "", "may_change": False, "person": "", **values},
        )
    )
    answer = HTMLResponse(text, status_code=status, headers=HEADERS)
    if words.language == request.query_params.get("lang"):
        answer.set_cookie(COOKIE, words.language, max_age=31_536_000, samesite="lax", httponly=True)
    return answer


@dataclass
class Page:
    """One request, with a transaction that only reads."""

    request: Request
    user: Any
    settings: Settings
    reader: Reader
    words: Words
    may_change: bool = field(default=False)

    @property
    def person(self) -> str:
        return access.person(self.user)

    @property
    def database(self) -> Database:
        """For what changes something, in a transaction of its own."""
        return database(self.settings.database_url)

    def asked(self, name: str) -> str:
        """A parameter of the address, without blanks around it; empty if it is not there."""
        return self.request.query_params.get(name, "").strip().replace("\x00", "")[:200]

    def show(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """The page, made from a template."""
        return render(
            self.request,
            template,
            self.words,
            status=status,
            person=self.person,
            may_change=self.may_change,
            csrf=access.token(self.user) if self.may_change else "",
            page=self,
            **values,
        )

    def go(self, path: str, said: str = "") -> RedirectResponse:
        """Send the browser to a page of ours, which says what was done."""
        mark = "&" if "?" in path else "?"
        target = f"{self.request.scope.get('root_path', '')}/{path}" + (f"{mark}said={quote(said)}" if said else "")
        return RedirectResponse(target, status_code=303)


def settings() -> Settings:
    """Nightshift's settings, from the environment."""
    return Settings.from_env(os.environ)


def open_page(request: Request, user: User, chosen: Annotated[Settings, Depends(settings)]) -> Iterator[Page]:
    """Begin a page: the connection goes back when it is made."""
    with database(chosen.database_url).transaction() as cursor:
        may = access.changes(request, user)
        yield Page(request, user, chosen, Reader(cursor), words_of(request), may)


Here = Annotated[Page, Depends(open_page)]
