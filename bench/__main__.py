"""``python -m bench NAME…``: run benchmarks, print a table, keep the rows as JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

import bench
from bench import Options, Row
from bench._machine import machine
from ml.kernels.threads import limited


def names() -> dict[str, str]:
    """Each benchmark with the first line of its docstring."""
    found = [m.name for m in pkgutil.iter_modules(bench.__path__) if not m.name.startswith("_")]
    return {name: (importlib.import_module(f"bench.{name}").__doc__ or "").splitlines()[0] for name in sorted(found)}


def show(console: Console, rows: list[Row]) -> None:
    """Print ``rows`` as a table."""
    table = Table("what", "unit", "ours", "beside", "its figure", "ratio", "target", "met", "note")
    for row in rows:
        met = {None: "", True: "[green]yes", False: "[red]no"}[row.met]
        target = "" if row.target is None else f"{row.target:g}"
        table.add_row(
            row.what,
            row.unit,
            f"{row.ours:,.4g}",
            row.peer_name,
            f"{row.peer:,.4g}",
            f"{row.ratio:.2f}",
            target,
            met,
            row.note,
        )
    console.print(table)


THREADS = 2
"""Ours and the peers compute with as many."""


def main(argv: list[str] | None = None) -> int:
    """Run the named benchmarks; 0 when every target was met, 1 when one was not."""
    parser = argparse.ArgumentParser(prog="./nightshift bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and what each measures")
    parser.add_argument("--quick", action="store_true", help="a small size that only shows that it works")
    parser.add_argument("--shop", default="", help="shop to measure on, where a benchmark has a choice")
    parser.add_argument("--data", type=Path, help="folder or file of that shop's data")
    parser.add_argument("--as-read", action="store_true", help="what a shop reads by SQL after a night")
    parser.add_argument("--home", type=Path, help="state folder of a stack whose own figures are taken (happened)")
    parser.add_argument("--docs", action="store_true", help="write what was measured into docs/ (happened)")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    given = parser.parse_args(argv)
    known = names()
    console = Console(width=200 if not sys.stdout.isatty() else None)
    if given.list or not given.names:
        for name, line in known.items():
            console.print(f"[bold]{name}[/]  {line}")
        return 0
    if unknown := set(given.names) - set(known):
        console.print(f"No such benchmark: {', '.join(sorted(unknown))}. There are: {', '.join(known)}.")
        return 2
    options = Options(
        quick=given.quick, shop=given.shop, data=given.data, as_read=given.as_read, home=given.home, docs=given.docs
    )
    options.scratch.mkdir(parents=True, exist_ok=True)
    console.print(f"On {machine()}.")
    with limited(THREADS):
        return _run(given.names, options, console, given.json)


def _run(names: Sequence[str], options: Options, console: Console, file: Path | None) -> int:
    rows: dict[str, list[Row]] = {}
    for name in names:
        console.rule(name)
        rows[name] = []
        for row in importlib.import_module(f"bench.{name}").run(options):
            rows[name].append(row)
            # A benchmark may take an hour: what it has found is not lost with it.
            print(
                f"{row.what}: {row.ours:,.4g} {row.unit}, {row.peer_name} {row.peer:,.4g}", file=sys.stderr, flush=True
            )
        show(console, rows[name])
        if file:
            file.write_text(
                json.dumps({n: [asdict(r) | {"met": r.met} for r in rs] for n, rs in rows.items()}, indent=1)
            )
    return 1 if any(row.met is False for found in rows.values() for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
