"""Lines of Python per room and capability, beside what they should have at most; and how many of them are code."""

from __future__ import annotations

import ast
import io
import subprocess
import tokenize
from collections.abc import Iterator

from bench import Options, Row
from ml.registry import CAPABILITIES
from ml.settings import PROJECT

LIMITS = {
    "ml/core": 1_200,
    "ml/contract": 700,
    "ml/kernels": 1_600,
    "ml/learn": 2_400,
    "ml/text": 2_000,
    "ml/capabilities/recommender": 6_000,
    "ml/capabilities/risk": 1_900,
    "ml/capabilities/sentiment": 1_600,
}
"""What the plan of the house gives each room; a capability that is not named has :data:`SMALL`."""
SMALL = 1_200


def run(options: Options) -> Iterator[Row]:  # noqa: ARG001
    """Lines in what git tracks, tests left out."""
    rooms = [
        *(room for room in LIMITS if "capabilities" not in room),
        "ml/adapters",
        "ml/pipeline",
        "ml/shop",
        "cli",
        "plugins",
    ]
    for room in [*rooms, *(f"ml/capabilities/{name}" for name in CAPABILITIES)]:
        limit = LIMITS.get(room, SMALL if room.startswith("ml/capabilities/") else 0)
        texts = sources(room)
        count = sum(text.count("\n") for text in texts)
        yield Row(
            room,
            "lines",
            count,
            "its limit" if limit else "no limit",
            limit or count,
            limit / max(1, count) if limit else 1.0,
            1.0 if limit else None,
            note=f"{sum(map(code_lines, texts)):,} of code",
        )


def sources(room: str) -> list[str]:
    """The texts of the Python files in ``room``."""
    named = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", f"{room}/*.py"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [(PROJECT / name).read_text(encoding="utf-8") for name in named]


def code_lines(text: str) -> int:
    r"""Lines that are neither blank nor only a comment, a docstring or another text that stands alone.

    Examples
    --------
    >>> code_lines("'What it is.'\n\nA = 1  # one\n'Of what.'\n# a comment\nB = (\n    2\n)\n")
    4
    """
    space = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = {n for token in tokens if token.type not in space for n in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            code.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(code)
