"""A file that somebody shows to a page: read within limits, from a form of ours, kept in memory and then nowhere."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from nightshift_airflow.console import access
from nightshift_airflow.console.access import User

LARGEST = 8_000_000
"""Bytes of a file."""
AROUND = 20_000
"""Bytes of a form beside its file, at most."""
_FORGOTTEN = 8 * LARGEST
"""So much of a form that is too large is read and forgotten, so that its browser hears the answer."""
TOO_LARGE = "The file is too large: at most 8 MB are read."


class Upload(NamedTuple):
    """The bytes of a file, or in words why there are none."""

    content: bytes
    fault: str = ""


async def upload(request: Request, user: User) -> Upload:
    """The file ``picture`` of a form of ours. Who may see the page may show one: nothing is changed by it."""
    access.check_origin(request)
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > LARGEST + AROUND:
        await _forget(request)
        return Upload(b"", TOO_LARGE)
    try:
        form = await _parsed(request)
    except MultiPartException:
        return Upload(b"", "The form cannot be read. Choose the file again.")
    try:
        access.check_token(str(form.get("csrf", "")), user)
        file = form.get("picture")
        content = await file.read() if isinstance(file, UploadFile) else b""
    finally:
        await form.close()
    if len(content) > LARGEST:
        return Upload(b"", TOO_LARGE)
    return Upload(content, "" if content else "No file was chosen.")


async def _parsed(request: Request) -> FormData:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.form(max_files=1, max_fields=8)
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=8)
    parser.spool_max_size = LARGEST + AROUND  # above it the file would go to a disk
    return await parser.parse()


async def _forget(request: Request) -> None:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _FORGOTTEN:
            return


Uploaded = Annotated[Upload, Depends(upload)]
"""The file that a form carries."""
