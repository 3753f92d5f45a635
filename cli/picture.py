"""The picture of the house: its rooms as boxes in layers, and the imports between them as arrows. Read from the code."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

LAYERS: tuple[tuple[str, ...], ...] = (
    ("dags", "plugins", "cli", "bench"),
    ("ml.pipeline", "ml.shop"),
    ("ml.registry", "ml.adapters"),
    ("ml.capabilities",),
    ("ml.text",),
    ("ml.learn",),
    ("ml.kernels",),
    ("ml.contract", "ml.core"),
)
"""Rooms from the top down; a room may import those of its own layer and below."""
_WIDTH, _BOX, _HIGH, _STEP = 980, 190, 46, 92
_STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#1f2937;text-anchor:middle}"
    "rect{fill:#eef2ff;stroke:#6366f1;rx:8}path{fill:none;stroke:#94a3b8;stroke-width:1.3}"
)


def edges(project: Path) -> set[tuple[str, str]]:
    """Pairs of rooms of which the first imports the second."""
    rooms = [room for layer in LAYERS for room in layer]
    found = set()
    for room in rooms:
        for path in _files(project, room):
            for module in _imports(path):
                other = next((r for r in rooms if module == r or module.startswith(f"{r}.")), None)
                if other and other != room:
                    found.add((room, other))
    return found


def svg(project: Path) -> str:
    """The picture as SVG."""
    place = {
        room: (_WIDTH * (i + 0.5) / len(layer), 20 + row * _STEP)
        for row, layer in enumerate(LAYERS)
        for i, room in enumerate(layer)
    }
    lines = [
        f'<path d="M{x0:.0f} {y0 + (_HIGH if y1 > y0 else _HIGH / 2):.0f} C{x0:.0f} {y0 + _STEP:.0f} {x1:.0f} '
        f'{y1 - _STEP / 2:.0f} {x1:.0f} {y1 - 3:.0f}" marker-end="url(#a)"/>'
        for (x0, y0), (x1, y1) in sorted((place[one], place[other]) for one, other in edges(project) if one != "bench")
        if y1 > y0
    ]
    boxes = [
        f'<rect x="{x - _BOX / 2:.0f}" y="{y:.0f}" width="{_BOX}" height="{_HIGH}"/>'
        f'<text x="{x:.0f}" y="{y + 28:.0f}">{escape(room.replace(".", "/"))}</text>'
        for room, (x, y) in place.items()
    ]
    high = 20 + len(LAYERS) * _STEP
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {high}" role="img" '
                'aria-label="Rooms of the code in layers, with the imports between them as arrows">'
            ),
            f"<style>{_STYLE}</style>",
            (
                '<defs><marker id="a" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
                '<path d="M0 0L8 4L0 8z" style="fill:#94a3b8;stroke:none"/></marker></defs>'
            ),
            *lines,
            *boxes,
            "</svg>\n",
        ]
    )


def _files(project: Path, room: str) -> Iterable[Path]:
    path = project.joinpath(*room.split("."))
    return [path.with_suffix(".py")] if path.with_suffix(".py").is_file() else sorted(path.rglob("*.py"))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
