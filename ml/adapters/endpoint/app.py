"""The endpoint as an ASGI app: GET over schema ``ml``, POST of events; keys, rates, origins, limits."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import psycopg2
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import APIKeyHeader
from starlette.middleware.cors import CORSMiddleware

from ml.adapters.endpoint.events import Events, keep
from ml.adapters.endpoint.keys import Key, Keys
from ml.adapters.endpoint.limits import Limits
from ml.adapters.endpoint.sessions import Busy, Sessions
from ml.core.errors import NightshiftError

log = logging.getLogger(__name__)

_TEXT = r"^[^\x00]*$"
Id = Annotated[str, Query(min_length=1, max_length=200, pattern=_TEXT)]
Maybe = Annotated[str | None, Query(max_length=200, pattern=_TEXT)]
Words = Annotated[str, Query(max_length=200, pattern=_TEXT)]
Many = Annotated[list[Annotated[str, Query(max_length=200, pattern=_TEXT)]], Query(max_length=100)]
Perhaps = Annotated[list[Annotated[str, Query(max_length=200, pattern=_TEXT)]] | None, Query(max_length=100)]
Number = Annotated[int, Query(ge=1, le=100)]
_NOT_YET = ("42883", "42P01", "3F000")  # no such function, table or schema


Ask = Callable[..., Awaitable[Response]]
HEADER = APIKeyHeader(name="X-API-Key", auto_error=False)


async def allowed(request: Request, text: Annotated[str | None, Depends(HEADER)]) -> Key:
    """Find whose request this is, and whether its rate allows it; async, so that it needs no thread of its own."""
    keys: Keys = request.app.state.keys
    key = keys.find(text) if text else None
    if key is None:
        raise HTTPException(401, "no key that is known in the header X-API-Key")
    if wait := keys.wait(key.name):
        raise HTTPException(429, "too many requests", headers={"Retry-After": str(max(1, round(wait)))})
    return key


async def backend(key: Annotated[Key, Depends(allowed)]) -> Key:
    """Refuse a browser's key."""
    if key.scope != "backend":
        raise HTTPException(403, "this key is a browser's: what belongs to a customer is for the shop's backend")
    return key


class Rows(JSONResponse):
    """Rows of the database as JSON."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else str(value)


def make(url: str, keys: Keys, origins: Sequence[str] = (), *, sessions: int = 8) -> FastAPI:
    """Make the app.

    Parameters
    ----------
    url : str
        The database. It is read as ``shop_reader``; events are written by its login.
    origins : sequence of str
        The pages that a browser may ask from, as ``https://shop.example``.
    """
    app = FastAPI(
        title="Nightshift",
        version="1",
        docs_url=None,
        redoc_url=None,
        default_response_class=Rows,
        description="What Nightshift published, and events of the shop's pages. A key stands in the header X-API-Key.",
    )
    app.state.sessions, app.state.keys = Sessions(url, sessions), keys
    app.add_middleware(Limits)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST"],
        allow_headers=["X-API-Key", "Content-Type"],
        max_age=600,
    )
    _errors(app)

    async def ask(sql: str, **params: Any) -> Rows:
        return Rows({"rows": await app.state.sessions.rows(sql, params)})

    _public(app, ask, Depends(allowed))
    _customers(app, ask, Depends(backend))

    @app.post("/v1/events", status_code=202)
    def post_events(events: Events, key: Annotated[Key, Depends(allowed)]) -> Response:
        """Keep events of the shop's pages: view, cart, wish, search, shown, clicked."""
        return Rows({"new": keep(url, events, key.name)}, 202)

    return app


def _public(app: FastAPI, ask: Ask, key: Any) -> None:
    """Routes of what belongs to no customer."""

    @app.get("/health")
    async def health() -> Response:
        """Whether the database answers; needs no key."""
        return await ask("SELECT true AS well")

    @app.get("/v1/similar", dependencies=[key])
    async def similar(product_id: Id, n: Number = 10) -> Response:
        """What could be bought in place of a product."""
        return await ask(
            "SELECT rank, similar_product_id AS product_id, score, reason FROM ml.similar_product WHERE product_id = %(p)s ORDER BY rank LIMIT %(n)s",
            p=product_id,
            n=n,
        )

    @app.get("/v1/bought-together", dependencies=[key])
    async def bought_together(product_id: Id, n: Number = 10) -> Response:
        """What goes into the same order."""
        return await ask(
            "SELECT rank, other_product_id AS product_id, score, reason FROM ml.bought_together WHERE product_id = %(p)s ORDER BY rank LIMIT %(n)s",
            p=product_id,
            n=n,
        )

    @app.get("/v1/basket", dependencies=[key])
    async def basket(product_ids: Many, n: Number = 10) -> Response:
        """What goes with the products of a basket."""
        return await ask("SELECT * FROM ml.recommend_for_basket(%(p)s, %(n)s)", p=product_ids, n=n)

    @app.get("/v1/search", dependencies=[key])
    async def search(
        query: Words, n: Number = 20, category: Maybe = None, page: Annotated[int, Query(ge=1, le=1000)] = 1
    ) -> Response:
        """Products for what was typed."""
        return await ask(
            "SELECT * FROM ml.search(%(q)s, %(n)s, NULL, %(c)s, '{}', %(page)s)", q=query, n=n, c=category, page=page
        )

    @app.get("/v1/suggest", dependencies=[key])
    async def suggest(prefix: Words, n: Annotated[int, Query(ge=1, le=50)] = 8) -> Response:
        """What may be meant while somebody types."""
        return await ask("SELECT * FROM ml.suggest(%(q)s, %(n)s)", q=prefix, n=n)

    @app.get("/v1/facets", dependencies=[key])
    async def facets(query: Words, category: Maybe = None) -> Response:
        """Brands, categories and prices of what a query finds."""
        return await ask("SELECT * FROM ml.facets(%(q)s, %(c)s)", q=query, c=category)


def _customers(app: FastAPI, ask: Ask, key: Any) -> None:
    """Routes of what belongs to a customer: for the shop's backend."""

    @app.get("/v1/recommend", dependencies=[key])
    async def recommend(
        customer_id: Id,
        n: Number = 10,
        category: Maybe = None,
        segment: Maybe = None,
        mix: Annotated[str, Query(pattern="^(home|new|again)$")] = "home",
        exclude: Perhaps = None,
    ) -> Response:
        """What to show a customer, live: stock, rules and fallback of this moment."""
        return await ask(
            "SELECT * FROM ml.recommend(%(who)s, %(n)s, %(c)s, %(x)s::text[], %(s)s, %(mix)s)",
            who=customer_id,
            n=n,
            c=category,
            x=exclude or [],
            s=segment,
            mix=mix,
        )

    @app.get("/v1/cart", dependencies=[key])
    async def cart(
        cart_id: Maybe = None,
        customer_id: Maybe = None,
        products: Perhaps = None,
        n: Annotated[int, Query(ge=1, le=50)] = 5,
    ) -> Response:
        """The lines of a cart by their chance, add-ons and notices."""
        return await ask(
            "SELECT * FROM ml.cart(%(cart)s, %(who)s, %(p)s::text[], %(n)s)",
            cart=cart_id,
            who=customer_id,
            p=products or None,
            n=n,
        )

    @app.get("/v1/offer", dependencies=[key])
    async def offer(customer_id: Id) -> Response:
        """The offer for a customer, if any."""
        return await ask("SELECT * FROM ml.offer(%(who)s)", who=customer_id)


def _errors(app: FastAPI) -> None:
    """Answers to what goes wrong: in words, never a traceback."""

    def answer(status: int, words: object, headers: Mapping[str, str] | None = None) -> Response:
        return Rows({"detail": words}, status, headers=dict(headers or {}))

    @app.exception_handler(RequestValidationError)
    def _wrong(_: Request, error: RequestValidationError) -> Response:
        return answer(
            422, [{"at": ".".join(map(str, e["loc"]))[:100], "what": str(e["msg"])[:200]} for e in error.errors()[:10]]
        )

    @app.exception_handler(psycopg2.Error)
    def _refused(_: Request, error: psycopg2.Error) -> Response:
        code = error.pgcode or ""
        if code in _NOT_YET:
            return answer(404, "not published yet")
        if code.startswith("22"):
            return answer(400, str(error.diag.message_primary or "a value that the database refuses")[:200])
        log.warning("the database: %s %s", code, str(error).strip()[:200])
        return answer(503, "the database does not answer", {"Retry-After": "1"})

    @app.exception_handler(Busy)
    @app.exception_handler(NightshiftError)
    def _busy(_: Request, error: Exception) -> Response:
        log.warning("no session: %s", str(error)[:200])
        return answer(503, "the database does not answer", {"Retry-After": "1"})

    @app.exception_handler(ValueError)
    def _value(_: Request, __: ValueError) -> Response:  # psycopg2 of a NUL, or of half a character
        return answer(400, "a value that cannot be a text")

    @app.exception_handler(Exception)
    def _unforeseen(_: Request, error: Exception) -> Response:
        log.error("unforeseen: %s: %s", type(error).__name__, str(error)[:200])
        return answer(500, "something that was not foreseen; the log names it")
