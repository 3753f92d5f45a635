"""The pages of the platforms, ``serve`` and the plugins: each command on them is one, with options that it has."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer

from cli.main import app
from ml.settings import PROJECT
from ml.shop.platforms import PLATFORMS

PAGES = sorted(
    [
        *(PROJECT / "docs" / "platforms").glob("*.md"),
        PROJECT / "docs" / "serve.md",
        *(PROJECT / "examples").glob("*/README.md"),
    ]
)
COMMAND = re.compile(r"\./nightshift ([a-z][^`#\n]*)")


def commands() -> list[str]:
    """Every command that stands in code on the pages, once."""
    found: set[str] = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        code = "\n".join(re.findall(r"```(?:sh)?\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))
        found |= {match.strip().rstrip(".…") for match in COMMAND.findall(code)}
    return sorted(found)


def parsed(line: str) -> str:
    """The name of the command that a line names; what it cannot parse is an error."""
    args = [word for word in shlex.split(line) if not word.startswith("<")]
    command: Any = typer.main.get_command(app)
    context = command.context_class(command, info_name="./nightshift")
    while hasattr(command, "resolve_command"):
        name, command, args = command.resolve_command(context, args)
        if not hasattr(command, "resolve_command"):
            break
        context = command.context_class(command, info_name=name, parent=context)
    command.make_context(name, args, parent=context)
    return str(command.name)


@pytest.mark.parametrize("line", commands())
def test_a_command_of_a_page_is_one(line: str) -> None:
    """It is known, and takes what stands behind it."""
    assert parsed(line)


def test_a_command_that_is_none_would_be_found() -> None:
    """An option that is not there, and a command that is not there."""
    for line in ("shop connect medusa --wrong 1", "shop conect medusa"):
        with pytest.raises(Exception, match="No such"):
            parsed(line)


def test_every_platform_is_connected_on_its_page() -> None:
    """By a command of its own name."""
    named = {line.split()[2] for line in commands() if line.startswith("shop connect ")}
    assert named == set(PLATFORMS)
