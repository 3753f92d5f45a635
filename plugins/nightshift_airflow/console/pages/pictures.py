"""A product's picture, from where the shop's table says it is: files only, small ones, and only what is a picture."""

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
    content = b"" if not uri or uri.lower().startswith(ELSEWHERE) else _read(uri)
    kind = next((kind for mark, kind in KINDS.items() if content.startswith(mark)), "")
    body, media = (content, kind) if kind else (EMPTY, "image/gif")
    return Response(body, media_type=media, headers={"Cache-Control": "max-age=3600"})


def _read(uri: str) -> bytes:
    """The file's bytes; none where it cannot be read or is too large."""
    try:
        file: Any
        with fsspec.open(uri, "rb") as file:
            content = bytes(file.read(LARGEST + 1))
    except (OSError, ValueError, ImportError):
        return b""
    return content if len(content) <= LARGEST else b""
