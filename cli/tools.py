"""Commands for those who change Nightshift: test, check, bench, lock."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from cli.install import find_uv
from cli.output import err, out, seconds, steps
from ml.core.errors import NightshiftError
from ml.settings import PROJECT

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
PYTHON = (sys.executable, "-P")
CHECKS: dict[str, Sequence[str]] = {
    "ruff check": ("-m", "ruff", "check", "."),
    "ruff format": ("-m", "ruff", "format", "--check", "."),
    "mypy": ("-m", "mypy"),
    "codespell": ("-m", "codespell_lib"),
    "import-linter": ("-c", "from importlinter.cli import lint_imports_command as run; run()"),
}
# A file's tests share what is costly to make. A night of the tests takes up to 3 GiB.
SIDE_BY_SIDE = (
    "-n",
    "auto",
    "--maxprocesses",
    "4",
    "--dist",
    "loadfile",
    "--no-loadscope-reorder",
    "--durations",
    "20",
    "--durations-min",
    "1",
)
LOCKED = (
    "requirements",
    "requirements-dev",
    "requirements-spark",
    "requirements-s3",
    "requirements-gcs",
    "requirements-azure",
    "requirements-kubernetes",
    "requirements-voice",
)


def run_python(arguments: Sequence[str], *, folder: Path | None = None) -> int:
    """Run Python with our modules and give its exit code on; the stack's settings stay outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTSHIFT_HOME", "AIRFLOW"))}
    return subprocess.run([*PYTHON, *arguments], cwd=folder, env=kept, check=False).returncode


def test(context: typer.Context) -> None:
    """Run the tests that this machine can run, side by side; or what pytest is told, as -m "not night" tests/core.

    Pytest's own help: ./nightshift test -- --help.
    """
    raise typer.Exit(run_python(["-m", "pytest", *(context.args or SIDE_BY_SIDE)], folder=PROJECT))


def check() -> None:
    """Check style, types and imports: one line per tool. Exit code 1: one of them found something."""
    failed = 0
    for name, line in CHECKS.items():
        start = time.monotonic()
        with steps(f"{name} …") if sys.stderr.isatty() else nullcontext():
            done = subprocess.run(
                [*PYTHON, *line], cwd=PROJECT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
            )
        took = seconds(time.monotonic() - start)
        if done.returncode:
            failed += 1
            out.print(f"[red]✗[/] {name} [dim]{took}[/]")
            out.print((done.stdout + done.stderr).rstrip(), markup=False, soft_wrap=True)
        else:
            out.print(f"[green]✓[/] {name} [dim]{took}[/]")
    if failed:
        raise typer.Exit(1)


def bench(context: typer.Context) -> None:
    """Measure, each figure as a ratio to a peer or a limit: bench NAME… [--shop NAME] [--json FILE] [--list]."""
    raise typer.Exit(run_python(["-m", "bench", *context.args]))


def lock(
    upgrade: Annotated[bool, typer.Option("--upgrade", help="Also move to newer versions.")] = False,
) -> None:
    """Compile requirements*.in to the hash-pinned requirements*.txt (needs uv)."""
    uv = find_uv()
    if uv is None:
        raise NightshiftError("uv is not installed.", came="no program uv runs", do="install it: pip install uv")
    for name in LOCKED:
        line = [
            uv,
            "pip",
            "compile",
            "--universal",
            "--python-version",
            "3.11",
            "--generate-hashes",
            "--no-annotate",
            "--custom-compile-command",
            "./nightshift lock",
            "--quiet",
            *(["--upgrade"] if upgrade else []),
            "-o",
            f"{name}.txt",
            f"{name}.in",
        ]
        if subprocess.run(line, cwd=PROJECT, check=False).returncode:
            raise NightshiftError(f"{name}.in could not be compiled.", came="uv's words above", do=f"mend {name}.in")
        text = (PROJECT / f"{name}.txt").read_text()
        if found := re.findall(r"^.*://.*$", text, re.MULTILINE):
            raise NightshiftError(
                f"{name}.txt names a download address.",
                came="\n".join(found[:3]),
                do="take the address out of the .in file or of uv's settings; every machine has its own mirror",
            )
        err.print(f"[green]✓[/] {name}.txt: {len(re.findall(r'(?m)^[a-z0-9].*==', text))} packages")
