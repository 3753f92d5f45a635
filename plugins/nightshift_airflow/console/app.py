"""The web application below ``/nightshift`` of Airflow's API server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi import Path as Part
from fastapi.responses import FileResponse, HTMLResponse
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException as AnyHTTPException

from ml.core.errors import NightshiftError, Unreachable
from nightshift_airflow.console import access, data_docs
from nightshift_airflow.console.page import HEADERS, render, words_of
from nightshift_airflow.console.pages import ROUTERS

STATIC = Path(__file__).parent / "static"
TITLES = {
    401: "Please log in to Airflow first.",
    403: "You may not do this.",
    404: "There is no such page.",
    422: "This address cannot be read.",
    503: "The database does not answer.",
}

# Whoever may not see the DAG night may not see what it found: 401 without a login, 403 without the right.
app = FastAPI(
    title="Nightshift", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(access.may_see)]
)
app.include_router(data_docs.router)
for router in ROUTERS:
    app.include_router(router)


@app.get("/static/{name}")
def static(name: Annotated[str, Part(pattern=r"^[a-z]+\.(css|js)$")]) -> FileResponse:
    """The style sheet and the script."""
    path = STATIC / name
    if not path.is_file():
        raise HTTPException(404, f"There is no file {name}.")
    return FileResponse(path, headers={"Cache-Control": "max-age=300", "X-Content-Type-Options": "nosniff"})


@app.middleware("http")
async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Give every answer the headers that a page must have."""
    answer = await call_next(request)
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer


def _said(request: Request, status: int, title: str, said: str) -> HTMLResponse:
    words = words_of(request)
    return render(request, "error.html", words, status=status, title=title, said=said)


@app.exception_handler(AnyHTTPException)
async def refused(request: Request, error: AnyHTTPException) -> HTMLResponse:
    """What a person may not, or what is not there."""
    title = TITLES.get(error.status_code, "This did not work.")
    return _said(request, error.status_code, title, str(error.detail))


@app.exception_handler(NightshiftError)
async def failed(request: Request, error: NightshiftError) -> HTMLResponse:
    """What went wrong, what came, what to do."""
    away = isinstance(error, Unreachable) or "cannot be reached" in error.what
    return _said(request, 503 if away else 500, TITLES[503] if away else "This did not work.", str(error))


@app.exception_handler(OperationalError)
async def airflow_away(request: Request, error: OperationalError) -> HTMLResponse:
    """Airflow's own database does not answer, so it cannot say who may see this."""
    return _said(request, 503, TITLES[503], f"Airflow's database: {str(error.orig).strip()}\nSee ./nightshift status.")
