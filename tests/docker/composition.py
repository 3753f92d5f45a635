"""Read compose.yaml as Compose does: merges and anchors by YAML, variables by the rules of its specification."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from ml.settings import PROJECT

FOLDER = PROJECT / "docker"
_NAME = re.compile(r"[A-Za-z_]\w*")


def services() -> dict[str, Any]:
    """The services, variables not yet filled in."""
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]


def example() -> tuple[set[str], set[str]]:
    """The names that .env.example sets (to nothing: secrets), and those that it shows with their default."""
    lines = (FOLDER / ".env.example").read_text().splitlines()
    names = [(line.startswith("# "), line.removeprefix("# ").partition("=")[0]) for line in lines if "=" in line]
    known = [(shown, name) for shown, name in names if _NAME.fullmatch(name) and name.isupper()]
    return {n for shown, n in known if not shown}, {n for shown, n in known if shown}


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?message}`` filled in, nested ones too."""
    out, position = [], 0
    while (start := text.find("$", position)) >= 0:
        out.append(text[position:start])
        if text.startswith("$$", start):
            out.append("$")
            position = start + 2
            continue
        end = _closing(text, start + 1)
        out.append(_value(text[start + 2 : end], values))
        position = end + 1
    return "".join(out) + text[position:]


def _closing(text: str, start: int) -> int:
    depth = 0
    for index in range(start, len(text)):
        depth += (text[index] == "{") - (text[index] == "}")
        if depth == 0:
            return index
    raise ValueError(f"no closing brace: {text}")


def _value(expression: str, values: Mapping[str, str]) -> str:
    name, operator, rest = re.fullmatch(r"(\w+)(:-|:\?)?(.*)", expression, re.DOTALL).groups()
    if values.get(name):
        return values[name]
    if operator == ":?":
        raise KeyError(f"{name}: {rest}")
    return fill(rest, values) if operator else ""


def environment(service: str, values: Mapping[str, str]) -> dict[str, str]:
    """The environment of ``service``, filled in."""
    return {name: fill(str(text), values) for name, text in services()[service]["environment"].items()}
