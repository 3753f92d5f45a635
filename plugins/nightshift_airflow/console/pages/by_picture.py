"""Find by a picture: read by the version that serves, answered by the function that the shop calls, kept nowhere."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ml.core import console
from ml.core.errors import NightshiftError
from ml.core.pictures import Unreadable
from ml.pipeline.picture_encoder import serving
from ml.registry import CAPABILITIES
from nightshift_airflow.console.database import Row
from nightshift_airflow.console.page import Here, Page
from nightshift_airflow.console.pages.areas import find_page
from nightshift_airflow.console.uploads import Uploaded

router = APIRouter()


@router.post("/find/picture")
def by_picture(sent: Uploaded, here: Here) -> HTMLResponse:
    """Products whose pictures are nearest to the one that was shown."""
    seen, fault = ([], sent.fault) if sent.fault else _seen(here, sent.content)
    return find_page(here, seen=seen, fault=fault)


def _seen(here: Page, content: bytes) -> tuple[list[Row], str]:
    """What is nearest, each with its reason in words; or why nothing is."""
    for name, spec in CAPABILITIES.items():
        answer = console.of(spec).by_picture
        if answer is None or not here.reader.has(f"ml.{answer.table}"):
            continue
        try:
            version, folder = serving(here.settings, answer.table)
            reading = answer.read(folder, version, content)
        except Unreadable as error:
            return [], here.words("This cannot be shown: {why}.", why=str(error))
        except NightshiftError as error:
            return [], str(error)
        rows, fault = here.reader.attempt(answer.select, {"vector": reading.vector})
        return [_worded(here, name, row, reading) for row in rows], fault
    return [], "No model of pictures serves yet: fill shop.product_image and run a night of the capability visual."


def _worded(here: Page, capability: str, row: Row, reading: console.Reading) -> dict[str, Any]:
    return {name: row[name] for name in ("rank", "product_id", "score")} | {
        "reason": here.words.reason(capability, reading.why(row))
    }
