"""Reading JSON: an array of objects, an object that holds one, or an object per line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ml.shop.sources._formats import Unreadable, must_be_text, open_bytes, reading

JSON = (".json", ".jsonl", ".ndjson")


def records(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield each object with its number, from 1.

    Raises
    ------
    Unreadable
        The file ends in the middle, or holds something else than objects.
    """
    must_be_text(path)
    with reading(), open_bytes(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig")
        try:
            yield from _objects(text)
        except UnicodeDecodeError:
            raise Unreadable("is not in UTF-8, as JSON is; export it again") from None


def _objects(text: io.TextIOWrapper) -> Iterator[tuple[int, Mapping[str, Any]]]:
    first = next((line for line in text if line.strip()), "")
    if not first:
        raise Unreadable("is empty; export it again")
    whole = _line(first)
    if not isinstance(whole, dict) or _list(whole) is not None:
        whole = _whole(first + text.read()) if whole is None else whole
        found = whole if isinstance(whole, list) else _list(whole) if isinstance(whole, dict) else None
        if found is None and isinstance(whole, dict):
            found = [whole]
        yield from ((number, _object(value, number)) for number, value in enumerate(found or [None], 1))
        return
    yield 1, whole
    for number, line in enumerate((line for line in text if line.strip()), 2):
        value = _line(line)
        if value is None:
            raise Unreadable(f"its object {number} is not whole; the file is half, or no JSON: export it again")
        yield number, _object(value, number)


def _line(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _whole(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"is half, or no JSON ({str(error)[:80]}); export it again") from None


def _list(value: Mapping[str, Any]) -> list[Any] | None:
    """Find the list of objects in ``{"orders": [...]}``."""
    lists = [v for v in value.values() if isinstance(v, list) and v and all(isinstance(x, dict) for x in v)]
    return lists[0] if len(value) <= 3 and len(lists) == 1 else None


def _object(value: Any, number: int) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(f"its element {number} is no object; export it again")
    return value
