"""``./nightshift new capability NAME``: a folder that works, to be changed into one's own."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Annotated

import typer

from cli.output import out
from ml.core.errors import WrongUse
from ml.registry import CAPABILITIES
from ml.settings import PROJECT

new = typer.Typer(help="Write the files of something new.", no_args_is_help=True)

EXAMPLE = "order_soon"
_LONGEST = 40


@new.command()
def capability(
    name: Annotated[str, typer.Argument(help="Its name: lower case letters, digits and _; also that of its table.")],
) -> None:
    """Write a capability that passes every law, runs in the next night and publishes a table; then make it your own."""
    written = write(PROJECT, name)
    for path in written:
        out.print(f"wrote  {path.relative_to(PROJECT)}", soft_wrap=True, highlight=False)
    out.print("wrote  one line in ml/registry.py, and the generated pages in docs/", highlight=False)
    out.print(
        f"\nIt asks who orders within two weeks. Make it yours from spec.py on; its laws: ./nightshift test "
        f"tests/contract -k {name}\nA running stack shows it in Airflow after the next parse of dags/; its first night: "
        f"./nightshift night -c {name}",
        soft_wrap=True,
        highlight=False,
    )


def write(project: Path, name: str) -> list[Path]:
    """Copy ``examples/capability`` in ``project`` to a capability ``name``, with its suite and its line in the registry.

    Returns
    -------
    list of Path
        The files that were written, without the registry and the generated pages.

    Raises
    ------
    WrongUse
        The name is taken, or cannot be one; nothing is written then.
    """
    _check(project, name)
    example = project / "examples" / "capability"
    folder, suites = project / "ml" / "capabilities" / name, project / "expectations" / "ml"
    written = []
    for path in sorted(example.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            suite = path.parent.name == "expectations"
            target = suites / f"{name}.json" if suite else folder / path.relative_to(example)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(renamed(path.read_text(encoding="utf-8"), name), encoding="utf-8")
            written.append(target)
    registry = project / "ml" / "registry.py"
    text = registry.read_text(encoding="utf-8")
    registry.write_text(text.replace("\n)\n", f'\n    "{name}",\n)\n', 1), encoding="utf-8")
    return written


def renamed(text: str, name: str) -> str:
    """The text of a file of the example as that of the capability ``name``."""
    words = name.split("_")
    pairs = {
        "examples.capability": f"ml.capabilities.{name}",
        "ORDER_SOON": name.upper(),
        "OrderSoon": "".join(word.capitalize() for word in words),
        "Order soon": " ".join(words).capitalize(),
        EXAMPLE: name,
    }
    for old, now in pairs.items():
        text = text.replace(old, now)
    return text


def _check(project: Path, name: str) -> None:
    if not re.fullmatch(rf"[a-z][a-z0-9_]{{1,{_LONGEST - 1}}}", name) or keyword.iskeyword(name):
        raise WrongUse(
            "That cannot be the name of a capability.",
            came=repr(name),
            do=f"take 2 to {_LONGEST} lower case letters, digits and _, a letter first, as in parcel_size",
        )
    taken = {*CAPABILITIES, *(table.name for spec in CAPABILITIES.values() for table in spec.publishes)}
    if name in taken or (project / "ml" / "capabilities" / name).exists():
        raise WrongUse(
            f"The name {name} is taken.",
            came="a capability or a published table has it: " + ", ".join(sorted(taken)),
            do="choose another one",
        )
