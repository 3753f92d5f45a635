"""The page docs/commands.md, from which ``./nightshift`` also answers ``--help`` before anything is installed.

``python -m cli.reference`` writes it again.
"""

from __future__ import annotations

from typing import Any

import typer.main

from cli.main import EXIT_CODES, app
from ml.settings import PROJECT

PAGE = PROJECT / "docs" / "commands.md"
PROGRAM = "./nightshift"
WIDTH = 100
INTRO = """\
# Commands

<!-- Made from the code by `python -m cli.reference`; edit the commands in cli/. -->

`./nightshift help night`, or `./nightshift night --help`, prints the same on the terminal.
"""


def page() -> str:
    """The whole page: a section a command, its help as text."""
    group = typer.main.get_command(app)
    sections = [_section(PROGRAM, group, EXIT_CODES)]
    for name, command in sorted(_commands(group).items()):
        sections.append(_section(f"{PROGRAM} {name}", command))
        sections += [_section(f"{PROGRAM} {name} {inner}", one) for inner, one in sorted(_commands(command).items())]
    return INTRO + "".join(sections)


def _commands(command: Any) -> dict[str, Any]:
    return dict(getattr(command, "commands", {}))


def _section(name: str, command: Any, more: str = "") -> str:
    context = command.context_class(command, info_name=name, terminal_width=WIDTH)
    formatter = context.make_formatter()
    command.format_usage(context, formatter)
    command.format_help_text(context, formatter)
    command.format_options(context, formatter)
    text = "\n".join(line.rstrip() for line in (formatter.getvalue() + more).strip().splitlines())
    return f"\n## {name}\n\n```text\n{text}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
