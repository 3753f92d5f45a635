"""A product's picture, from the shop's table or where it says that it is: files only, small ones, and only what is a picture."""

from __future__ import annotations

import base64
from typing import Any

import fsspec
from fastapi import APIRouter
from fastapi.responses import Response

from nightshift_airflow.console import shop
from nightshift_airflow.console.page import Here

router = APIRouter()
LARGEST = 3_000_000
KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}
EMPTY = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""What stands where there is no picture: one clear point."""
ELSEWHERE = ("http:", "https:", "data:")


@router.get("/picture/{product}")
def picture(here: Here, product: str) -> Response:
    """The first picture; a clear point where there is none, or it does not load."""
    rows = shop.find(here.settings, "product_image", "product_id", product, limit=1).rows
    uri = str(rows[0].get("uri") or "") if rows else ""
    content = _kept(rows[0].get("content")) if rows else b""
    if not content and uri and not uri.lower().startswith(ELSEWHERE):
        content = _read(uri)
    content = content if len(content) <= LARGEST else b""
    kind = next((kind for mark, kind in KINDS.items() if content.startswith(mark)), "")
    body, media = (content, kind) if kind else (EMPTY, "image/gif")
    return Response(body, media_type=media, headers={"Cache-Control": "max-age=3600"})


def _kept(content: Any) -> bytes:
    """The bytes of the table's column: bytea, or base64; none where it is neither."""
    try:
        return base64.b64decode(content) if isinstance(content, str) else bytes(content or b"")
    except ValueError:
        return b""


def _read(uri: str) -> bytes:
    """The file's bytes, and no more than one beyond the largest; none where it cannot be read."""
    try:
        file: Any
        with fsspec.open(uri, "rb") as file:
            return bytes(file.read(LARGEST + 1))
    except (OSError, ValueError, ImportError):
        return b""
