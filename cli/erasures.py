"""The command ``erase``: forget customers now, or look whether anything of one is left."""

from __future__ import annotations

import os
import time
from typing import Annotated, Any

import typer

from cli.home import Home
from cli.output import err, out, steps


def erase(
    customers: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CUSTOMER]…", help="Ids to forget, beside those in shop.erasure that are still open."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Change nothing: look for CUSTOMER everywhere; exit code 1 if something is found."
        ),
    ] = False,
    many: Annotated[
        bool,
        typer.Option("--many", help="Forget them although shop.erasure names more customers than can be believed."),
    ] = False,
    word: Annotated[
        list[str] | None,
        typer.Option("--word", help="With --check: a further value to look for (an e-mail address, a text)."),
    ] = None,
) -> None:
    """Forget the customers who asked for it, at once; the DAG maintenance does the same each day."""
    from cli import stack as stacks
    from cli.environment import settings as make_settings
    from ml import pipeline

    if check and len(customers or ()) != 1:
        raise typer.BadParameter("name one customer: ./nightshift erase --check CUSTOMER", param_hint="--check")
    start = time.monotonic()
    with steps("Starting the database …") as progress:
        stacks.up(Home.find(os.environ), os.environ, progress, wait_for=stacks.DATABASE)
        settings = make_settings()[1]
        if check and customers:
            progress.now("Looking everywhere …")
            found = pipeline.look_for(settings, customers[0], word or ())
        else:
            receipts = pipeline.erase(settings, customers or (), many=many, progress=progress.begin)
    if not check:
        _receipts(receipts)
        err.print(f"[dim]Done after {time.monotonic() - start:.1f} s.[/]")
    elif _found(found):
        raise typer.Exit(1)


def _receipts(receipts: list[dict[str, Any]]) -> None:
    if not receipts:
        out.print("No request is open: nobody in shop.erasure is still to be forgotten.")
    for receipt in receipts:
        removed = ", ".join(f"{place} {count:,}" for place, count in receipt["removed"].items()) or "nothing was there"
        out.print(f"[bold]{receipt['customer_hash']}[/] is forgotten. Removed: {removed}", soft_wrap=True)
        for model in receipt["models"]:
            out.print(
                f"{model['capability']} version {model['version']} held the customer and is deleted; "
                "the next night learns anew.",
                soft_wrap=True,
            )
        _kept(receipt["kept"])


def _found(found: dict[str, Any]) -> bool:
    what = ", ".join(f"{count} {kind}" for kind, count in found["looked_for"].items())
    for place, count in found["hits"].items():
        out.print(f"{count:>6,}  {place}", soft_wrap=True)
    out.print(f"[bold]{sum(found['hits'].values()):,} hits[/]; looked for {what}.", soft_wrap=True)
    if found["vague"]:
        out.print(
            f"{found['vague']} of the ids are short or numbers that mean other things too: they were looked for in "
            "the columns of their names only.",
            soft_wrap=True,
        )
    _kept(found["kept"])
    return bool(found["hits"])


def _kept(kept: dict[str, int]) -> None:
    for table, rows in kept.items():
        out.print(
            f"{table}: {rows} rows that your staff wrote about the customer; delete them there if they are to go.",
            soft_wrap=True,
        )
