"""Commands that run nights and decide what is served: night, train, promote, rollback."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from cli.home import Home
from cli.output import err, out, seconds, steps

if TYPE_CHECKING:
    from cli.airflow import Airflow
    from ml.settings import Settings

Day = Annotated[str, typer.Option("--date", metavar="YYYY-MM-DD", help="The night; by default today's.")]
LAST = """
SELECT summary -> 'headlines' AS headlines, summary -> 'rehearsals' AS rehearsals, summary -> 'registry' AS registry,
       summary -> 'alerts' AS alerts
FROM ml_ops.night WHERE ref = %s
"""


@dataclass(frozen=True)
class Run:
    """A run of a DAG that has ended well, and the settings of the stack that ran it."""

    airflow: Airflow
    dag: str
    id: str
    settings: Settings

    def result(self, task: str) -> Any:
        """What a task handed on."""
        return self.airflow.result(self.dag, self.id, task)


def the_night(text: str) -> date | None:
    """The date that ``text`` says, which must have begun in the shop's time zone; empty: None."""
    from cli.environment import zone
    from ml.settings import refuse_future

    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2026-01-31", param_hint="--date") from None
    if day:
        refuse_future(day, zone(Home.find(os.environ), os.environ), datetime.now(UTC))
    return day


def run_dag(dag: str, conf: dict[str, Any], foretell: Callable[[Settings], Iterable[str]] = lambda _: ()) -> Run:
    """Bring the stack up, run ``dag`` in Airflow and follow it to its end; ``foretell`` says what there is to know before."""
    from cli import stack as stacks
    from cli.airflow import Airflow
    from cli.environment import settings as make_settings
    from cli.follow import follow

    home, start = Home.find(os.environ), time.monotonic()
    with steps("" if stacks.is_ready(home) else "Starting the stack …") as progress:
        stack = stacks.up(home, os.environ, progress)
    settings = make_settings()[1]
    for words in foretell(settings):
        err.print(words, markup=False, soft_wrap=True)
    with steps(f"Running {dag} …") as progress:
        password = home.secrets()["airflow_admin_password"]
        airflow = Airflow(f"http://127.0.0.1:{stack.ports['airflow']}", "admin", password)
        progress.now(f"Waiting for Airflow to know the DAG {dag} …")
        run = airflow.trigger(dag, conf)
        err.print(f"[dim]Started {dag} after {time.monotonic() - start:.1f} s.[/]")
        ended = follow(airflow, dag, run, progress)
    if ended["start_date"] and ended["end_date"]:
        first, last = (datetime.fromisoformat(ended[name]) for name in ("start_date", "end_date"))
        err.print(f"[green]{dag} is done[/] after {seconds((last - first).total_seconds())}.")
    return Run(airflow, dag, run, settings)


def foretold(settings: Settings, night: date | None, **options: Any) -> tuple[str, ...]:
    """What a night would use and replace, in words."""
    from ml import pipeline

    chosen = night or datetime.now(ZoneInfo(settings.timezone)).date()
    words: tuple[str, ...] = pipeline.outlook(settings, chosen, **options).words
    return words


def headlines(run: Run) -> None:
    """Print what the night's summary tells of its tables, and what was only rehearsed."""
    from ml.adapters import postgres
    from ml.registry import CAPABILITIES

    rows = postgres.query(run.settings.database_url, LAST, (run.result("extract"),))
    figures, rehearsed, registry = (
        (rows[0][name] if rows else None) or {} for name in ("headlines", "rehearsals", "registry")
    )
    for words in (*registry.values(), *((rows[0]["alerts"] if rows else None) or ())):
        out.print(words, style="yellow", markup=False, soft_wrap=True)
    for name, capability in CAPABILITIES.items():
        if numbers := [
            f"{words} {_short(figures[name][words])}"
            for words in capability.headlines
            if words in figures.get(name, {})
        ]:
            out.print(f"[bold]{name}[/]: {', '.join(numbers)}", soft_wrap=True)
        if name in rehearsed:
            out.print(f"{name}: {rehearsed[name]}", markup=False, soft_wrap=True)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def night(  # noqa: PLR0913, PLR0917 (the options of a night)
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
    publish_past: Annotated[
        bool,
        typer.Option(
            "--publish-past",
            "--publish",
            help="Publish a night that is older than what the shop reads; names what it replaces. Without it such a "
            "night is a rehearsal.",
        ),
    ] = False,
    local: Annotated[bool, typer.Option("--local", help="Run in this process, without Airflow.")] = False,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild", help="Make a past night again from its snapshot and model, publish nothing, and compare."
        ),
    ] = False,
) -> None:
    """Run a night: read the shop, refuse what is broken, learn, score, publish. Follows the run in Airflow."""
    from ml.registry import capability as find

    names = [find(name).name for name in capability or ()] or None
    day = the_night(when)
    if rebuild:
        _rebuild(day, names)
        return
    chosen = {"capabilities": names, "sample": sample, "fresh": fresh, "publish_past": publish_past}
    more = {"force_train": force_train, "accept_growth": accept_growth}
    if local:
        _night_here(day, chosen, more)
        return
    conf = {"night": day.isoformat() if day else None} | chosen | more
    run = run_dag(
        "night",
        {name: value for name, value in conf.items() if value},
        lambda settings: foretold(settings, day, **chosen),
    )
    headlines(run)


def _rebuild(day: date | None, names: list[str] | None) -> None:
    from cli.environment import settings
    from ml import pipeline

    if day is None:
        raise typer.BadParameter("name the night that is to be made again", param_hint="--date")
    with steps(f"Making the night of {day} again …"):
        results: dict[str, dict[str, Any]] = pipeline.rebuild(settings()[1], day, names)
    for table, result in results.items():
        same = "equal" if not result["differ"] else f"[red]{result['differ']:,} rows differ[/]"
        out.print(
            f"ml.{table}: batch {result['batch_id']}, version {result['version']}, {result['rows']:,} rows: {same}"
        )
    if any(result["differ"] for result in results.values()):
        raise typer.Exit(1)


def _night_here(day: date | None, chosen: dict[str, Any], more: dict[str, Any]) -> None:
    from cli import stack as stacks
    from ml import pipeline

    settings = stacks.start_database(os.environ)[1]
    day = day or datetime.now(ZoneInfo(settings.timezone)).date()
    # What the night says by itself of the snapshot that it takes is not said twice.
    for words in foretold(settings, day, **chosen | {"fresh": True}):
        err.print(words, markup=False, soft_wrap=True)
    with steps("Running the night …") as progress:
        report = pipeline.run_night(settings, day, progress=progress.begin, **chosen, **more)
    out.print_json(data=report, default=str)


def train(
    name: Annotated[str, typer.Argument(metavar="CAPABILITY", help="What to train, for example recommender.")],
    when: Day = "",
) -> None:
    """Train a capability in Airflow; the gate decides whether the new model is served."""
    from ml.registry import capability

    capability(name)
    day = the_night(when)
    run = run_dag(f"train_{name}", {"night": day.isoformat()} if day else {})
    decided = run.result("train")
    if decided:
        out.print(f"{name}: {decision(decided)}", markup=False, soft_wrap=True)


def decision(decided: dict[str, Any]) -> str:
    """What became of a training, in words."""
    version, why = decided["version"], decided["why"]
    return {
        "promote": f"version {version} is champion; the next night serves it.",
        "baseline": f"version {version}, the simple baseline, is champion; the next night serves it.",
        "refuse": f"version {version} is refused; what serves stays.",
        "replay": f"version {version} serves nights of the past only; what serves now stays.",
        "champion": f"nothing new; version {version} goes on serving.",
        "asked": f"version {version} waits for a person (Airflow: Required Actions).",
    }[decided["status"]] + f" {why}"


def promote(
    name: Annotated[str, typer.Argument(metavar="CAPABILITY", help="Whose model, for example recommender.")],
    version: Annotated[int, typer.Argument(min=1, help="Version in MLflow's registry.")],
    words: Annotated[str, typer.Option("--why", help="Why; kept in ml_ops.promotion.")] = "",
) -> None:
    """Serve this model version from the next night on, whatever the gate said."""
    import getpass

    from cli.environment import settings
    from ml import pipeline
    from ml.registry import capability

    capability(name)
    with steps(f"Promoting {name} {version} …"):
        note = pipeline.promote(settings()[1], name, version, person=getpass.getuser(), words=words)["note"]
    out.print(f"{name}: version {version} is champion now. The next night serves it. {note}", soft_wrap=True)


def encoder(
    file: Annotated[Path, typer.Argument(help="Where to write it, for example encoder.zip.")],
) -> None:
    """Write the encoder of pictures that is served now, one file for the shop's backend (ml.search_by_vector)."""
    from cli.environment import settings
    from ml import pipeline

    version, content = pipeline.encoder(settings()[1])
    file.write_bytes(content)
    out.print(
        f"{file}: version {version}, {len(content) / 1e6:.2f} MB. Fetch it again when another version is published.",
        soft_wrap=True,
    )


def rollback(
    table: Annotated[str, typer.Argument(help="A table of schema ml, for example recommendation.")],
    words: Annotated[str, typer.Option("--why", help="Why; kept in ml_ops.promotion.")] = "",
) -> None:
    """Show the shop the batch before, at once, for the table and those that were published with it."""
    import getpass

    from cli.environment import settings
    from ml import pipeline
    from ml.core.errors import unknown
    from ml.registry import CAPABILITIES

    name = table.removeprefix("ml.")
    known = [published.name for capability in CAPABILITIES.values() for published in capability.publishes]
    if name not in known:
        raise unknown("published table", name, known)
    chosen, start = settings()[1], time.monotonic()
    back: dict[str, Any] = pipeline.rollback(chosen, name, person=getpass.getuser(), words=words)
    for shown, batch in back["tables"].items():
        out.print(f"ml.{shown} shows batch {batch['to']} (night {batch['night']}) again, instead of {batch['from']}.")
    err.print(f"[dim]Rolled back in {time.monotonic() - start:.2f} s.[/]")
