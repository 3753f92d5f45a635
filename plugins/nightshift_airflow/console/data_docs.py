"""The Data Docs of each night, out of the lake."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import fsspec
from fastapi import APIRouter, HTTPException
from fastapi import Path as Part
from fastapi.responses import HTMLResponse

from ml.core import html

router = APIRouter(prefix="/data-docs")
HEADERS = {"Content-Security-Policy": html.POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
SHOWN = 200
"""Nights that the list holds."""

Night = Annotated[str, Part(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Attempt = Annotated[str, Part(pattern=r"^\d{3}$")]
Page = Annotated[str, Part(pattern=r"^[a-z_]+\.html$")]


@router.get("/")
def nights() -> HTMLResponse:
    """Every night that has Data Docs, the latest first."""
    refs = [f"{night}/{attempt}" for night in _names() for attempt in _names(night)][:SHOWN]
    rows = [(html.link(f"{ref}/index.html", ref),) for ref in refs]
    empty = "<p>No night was validated yet.</p>"
    body = "<h1>Data Docs</h1><p>What was judged by which rule, night by night.</p>"
    return _page(html.page("Data Docs", body + (html.table(("night",), rows) if rows else empty)))


@router.get("/{night}/{attempt}/{page}")
def page(night: Night, attempt: Attempt, page: Page) -> HTMLResponse:
    """One page of a night."""
    filesystem, root = _docs()
    try:
        return _page(filesystem.cat_file(f"{root}/{night}/{attempt}/{page}").decode())
    except FileNotFoundError:
        raise HTTPException(
            404, f"The night {night}/{attempt} has no page {page}; its retention may be over."
        ) from None


def _page(text: str) -> HTMLResponse:
    return HTMLResponse(text, headers=HEADERS)


def _docs() -> tuple[fsspec.AbstractFileSystem, str]:
    lake = os.environ.get("NIGHTSHIFT_LAKE_URI") or str(Path(os.environ["NIGHTSHIFT_HOME"]) / "lake")
    filesystem, root = fsspec.core.url_to_fs(lake)
    return filesystem, f"{root.rstrip('/')}/docs"


def _names(*parts: str) -> list[str]:
    filesystem, root = _docs()
    filesystem.invalidate_cache()
    try:
        found = filesystem.ls("/".join((root, *parts)), detail=False)
    except FileNotFoundError:
        return []
    return sorted((name.rstrip("/").rsplit("/", 1)[-1] for name in found), reverse=True)
