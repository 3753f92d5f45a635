"""Commands that run nights and decide what is served: night, train, promote, rollback."""

from __future__ import annotations

import os
import time
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from cli.home import Home
from cli.output import err, out, seconds, steps

Day = Annotated[str, typer.Option("--date", metavar="YYYY-MM-DD", help="The night; by default today's.")]


def day(text: str) -> date | None:
    """The date that ``text`` says; empty: None."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2026-01-31", param_hint="--date") from None


def run_dag(dag: str, conf: dict[str, Any]) -> None:
    """Bring the stack up, run ``dag`` in Airflow and follow it to its end."""
    from cli import stack as stacks
    from cli.airflow import Airflow
    from cli.follow import follow

    home, start = Home.find(os.environ), time.monotonic()
    with steps("Starting the stack …") as progress:
        stack = stacks.up(home, os.environ, progress)
        password = home.secrets()["airflow_admin_password"]
        airflow = Airflow(f"http://127.0.0.1:{stack.ports['airflow']}", "admin", password)
        progress.now(f"Waiting for Airflow to know the DAG {dag} …")
        run = airflow.trigger(dag, conf)
        err.print(f"[dim]Started {dag} after {time.monotonic() - start:.1f} s.[/]")
        ended = follow(airflow, dag, run, progress)
    if ended["start_date"] and ended["end_date"]:
        first, last = (datetime.fromisoformat(ended[name]) for name in ("start_date", "end_date"))
        err.print(f"[green]{dag} is done[/] after {seconds((last - first).total_seconds())}.")


def headlines() -> None:
    """Print what the last night's summary tells of its tables."""
    from cli.environment import settings
    from ml.adapters import postgres
    from ml.registry import CAPABILITIES

    sql = "SELECT summary -> 'headlines' AS told FROM ml_ops.night ORDER BY started_at DESC LIMIT 1"
    told = postgres.query(settings()[1].database_url, sql)[0]["told"] or {}
    for name, capability in CAPABILITIES.items():
        if numbers := [
            f"{words} {_short(told[name][words])}" for words in capability.headlines if words in told.get(name, {})
        ]:
            out.print(f"[bold]{name}[/]: {', '.join(numbers)}", soft_wrap=True)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def night(
    when: Day = "",
    capability: Annotated[
        list[str] | None, typer.Option("--capability", "-c", help="Only this capability; may be given several times.")
    ] = None,
    force_train: Annotated[bool, typer.Option("--force-train", help="Learn anew although a model serves.")] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, help="A rehearsal on so many customers; nothing is published.")
    ] = None,
    accept_growth: Annotated[
        bool, typer.Option("--accept-growth", help="A table that suddenly grew or shrank is meant.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Read the shop again although a snapshot is there.")] = False,
    local: Annotated[bool, typer.Option("--local", help="Run in this process, without Airflow.")] = False,
) -> None:
    """Run a night: read the shop, refuse what is broken, learn, score, publish. Follows the run in Airflow."""
    asked = day(when)
    if local:
        _night_here(asked, capability, force_train=force_train, sample=sample, accept_growth=accept_growth, fresh=fresh)
        return
    conf = {
        "night": asked.isoformat() if asked else None,
        "capabilities": capability,
        "force_train": force_train,
        "sample": sample,
        "accept_growth": accept_growth,
        "fresh": fresh,
    }
    run_dag("night", {name: value for name, value in conf.items() if value})
    headlines()


def _night_here(asked: date | None, capabilities: list[str] | None, **options: Any) -> None:
    from cli import stack as stacks
    from cli.environment import settings as make_settings
    from ml import pipeline

    home = Home.find(os.environ)
    with steps("Starting the database …") as progress:
        stacks.up(home, os.environ, progress, wait_for=stacks.DATABASE)
        settings = make_settings()[1]
        asked = asked or datetime.now(ZoneInfo(settings.timezone)).date()
        report = pipeline.run_night(settings, asked, capabilities=capabilities, progress=progress.begin, **options)
    out.print_json(data=report, default=str)


def train(
    name: Annotated[str, typer.Argument(metavar="CAPABILITY", help="What to train, for example recommender.")],
    when: Day = "",
) -> None:
    """Train a capability in Airflow; the gate decides whether the new model is served."""
    from ml.registry import capability

    capability(name)
    asked = day(when)
    run_dag(f"train_{name}", {"night": asked.isoformat()} if asked else {})


def promote(
    name: Annotated[str, typer.Argument(metavar="CAPABILITY", help="Whose model, for example recommender.")],
    version: Annotated[int, typer.Argument(min=1, help="Version in MLflow's registry.")],
) -> None:
    """Serve this model version from the next night on, whatever the gate said."""
    from cli.environment import settings
    from ml import pipeline

    with steps(f"Promoting {name} {version} …"):
        pipeline.promote(settings()[1], name, version)
    out.print(f"{name}: version {version} is champion now. The next night serves it.")


def rollback(
    table: Annotated[str, typer.Argument(help="A table of schema ml, for example recommendation.")],
) -> None:
    """Show the shop the batch before, at once, for the table and those that were published with it."""
    from cli.environment import settings
    from ml import pipeline

    chosen, start = settings()[1], time.monotonic()
    back: dict[str, Any] = pipeline.rollback(chosen, table.removeprefix("ml."))
    for name, batch in back["tables"].items():
        out.print(f"ml.{name} shows batch {batch['to']} (night {batch['night']}) again, instead of {batch['from']}.")
    err.print(f"[dim]Rolled back in {time.monotonic() - start:.2f} s.[/]")
