"""Commands about the shop: shop load, shop restore, shop check, shop template, and demo."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.connect import connect_shop
from cli.home import Home
from cli.order_lines import mapping_for
from cli.output import Steps, err, out, seconds, steps

shop = typer.Typer(
    help="The shop: fill it, bring back the one before, check it, or get empty files for an export.",
    no_args_is_help=True,
)

Data = Annotated[Path | None, typer.Option(help="File or folder that the source reads.")]
Customers = Annotated[int | None, typer.Option(min=200, max=1_000_000, help="Size of the simulated shop.")]
Seed = Annotated[int | None, typer.Option(help="Another simulated shop of the same size.")]
Replace = Annotated[
    bool,
    typer.Option(
        "--replace", help="Also replace another source's shop, or one that Nightshift did not load; it is kept beside."
    ),
]
DemoNight = Annotated[
    str, typer.Option("--date", metavar="YYYY-MM-DD", help="The night; by default the one after the last order.")
]
SOURCES_HELP = "demo, online_retail, olist, shopify, woocommerce, magento, prestashop, lines or tables."


def start_database(may_differ: Sequence[str] = ()) -> Any:
    """Bring the stack up as far as its database; returns the settings."""
    from cli import stack as stacks

    return stacks.start_database(os.environ, may_differ=may_differ)[1]


def refuse_source(source: str, data: Path | None, **options: Any) -> None:
    """Raise if there is no such source, option or data, before anything starts."""
    from ml.shop.source import Source

    given = {name: value for name, value in options.items() if value is not None}
    Source.find(source, data.expanduser().absolute() if data else None, given)


def fill(settings: Any, source: str, data: Path | None, *, replace: bool, again: bool = False, **options: Any) -> Any:
    """Load ``source`` with a line per table that counts its rows."""
    from ml.shop.load import load

    given = {name: value for name, value in options.items() if value is not None}
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,.0f} rows"))
    tasks: dict[str, Any] = {}
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as bars:
        reading = bars.add_task(f"Reading {source}")

        def progress(table: str, rows: int) -> None:
            bars.update(reading, visible=False)
            if table not in tasks:
                tasks[table] = bars.add_task(table)
            bars.update(tasks[table], completed=rows)

        data = data.expanduser().absolute() if data else None
        report = load(settings, source, data, replace=replace, again=again, progress=progress, **given)
    lines = Steps(None)
    rows = f"{sum(report.rows.values()):,} rows in {len(report.rows)} tables"
    if report.skipped:
        lines.note(f"The shop {source} is loaded already: {rows}.")
    else:
        lines.done(f"Loaded the shop {source}: {rows}", seconds(report.seconds))
    for note in report.notes:
        lines.note(note)
    return report


@shop.command("load")
def load_shop(  # noqa: PLR0913, PLR0917  # each is an option of the command
    source: Annotated[str, typer.Argument(help=SOURCES_HELP)],
    data: Data = None,
    customers: Customers = None,
    seed: Seed = None,
    timezone: Annotated[
        str | None, typer.Option(help="Sources of files: zone of times that are written without an offset.")
    ] = None,
    change: Annotated[
        str | None, typer.Option(help="Source demo: a fault of the whole last day, as prices, ring or events stop.")
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(help="Source demo: a folder into which some tickets by phone are spoken, by flite or espeak-ng."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="Source lines: the file that says which column is what; without it one is proposed."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Source lines: load by the proposal at once.")] = False,
    replace: Replace = False,
    again: Annotated[bool, typer.Option("--again", help="Load although the very same is loaded.")] = False,
) -> None:
    """Fill schema shop from a source. Readers see the old shop or the new one, never half of one."""
    chosen: dict[str, Any] = {"customers": customers, "seed": seed, "timezone": timezone, "change": change}
    chosen["recordings"] = str(recordings.expanduser().absolute()) if recordings else None
    chosen["mapping"] = mapping.expanduser().absolute() if mapping else None
    refuse_source(source, data, **chosen)
    if source == "lines" and mapping is None and data is not None:
        chosen["mapping"] = mapping_for(data.expanduser().absolute(), timezone or "UTC", yes=yes)
    report = fill(start_database(), source, data, replace=replace, again=again, **chosen)
    for table, rows in report.rows.items():
        out.print(f"{table:<24}{rows:>14,}")
    if report.last_order:
        out.print(f"The last order is of {report.last_order}.")


@shop.command("restore")
def restore_shop(
    schema: Annotated[str, typer.Argument(help="A schema shop_before_…; by default the latest.")] = "",
) -> None:
    """Let the shop that a load replaced and the present one change places. Again: back."""
    from ml.shop.load import restore

    name, marker = restore(start_database(), schema)
    of = f"{marker.source}: {sum(marker.rows.values()):,} rows" if marker else "your own tables"
    Steps(None).done(f"Schema shop is again what was kept as {name} ({of})")


@shop.command("check")
def check_shop(
    sample: Annotated[int | None, typer.Option(min=1, help="Look at so many customers only: quicker.")] = None,
) -> None:
    """Tell what is ready for each capability and what is missing, before anything runs. Exit code 3: does not fit."""
    from ml.shop.check import check

    # Nothing is changed, so another shop than the running stack's may be looked at.
    settings = start_database(may_differ=("NIGHTSHIFT_SHOP_URL", "NIGHTSHIFT_TIMEZONE"))
    with steps("Reading the shop …") as step:
        report = check(settings, sample=sample, progress=step.begin)
    out.print(report.to_text(), markup=False, soft_wrap=True)
    if not report.ok:
        raise typer.Exit(3)


shop.command("connect")(connect_shop)


@shop.command("template")
def template_shop(
    folder: Annotated[Path, typer.Argument(help="Folder to write into; files that are there stay.")],
) -> None:
    """Write one empty CSV file per table, and a page that says what goes into them."""
    from ml.shop.template import template

    for path in template(folder.expanduser().absolute()):
        out.print(str(path), soft_wrap=True)


@shop.command("export-lists")
def export_lists(
    platform: Annotated[str, typer.Argument(help="shopify or woocommerce.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write into; files of an export before are replaced.")],
    n: Annotated[int, typer.Option("--n", min=1, max=20, help="Products of each list.")] = 8,
) -> None:
    """Write the published lists as files that the platform imports: metafields of Shopify, WooCommerce's CSV."""
    from ml.shop.lists import write

    written = write(start_database(), platform, folder.expanduser().absolute(), n)
    for path, owners in written.files.items():
        out.print(f"{path}  {owners:,}", markup=False, soft_wrap=True)
    for note in written.notes:
        err.print(note, markup=False, soft_wrap=True)


@shop.command("speak-answers")
def speak_answers(
    folder: Annotated[Path, typer.Argument(help="Folder to write into.")],
) -> None:
    """Speak the answers to tickets that came by phone into WAV files, with espeak-ng; answers.csv says which is whose."""
    from ml.pipeline.speaking import speak_answers as spoken

    report = spoken(start_database(), folder.expanduser().absolute())
    out.print(f"{folder}  {report.tickets:,} tickets, {report.files:,} new files", markup=False, soft_wrap=True)
    if report.unspoken:
        err.print(f"espeak-ng does not speak: {', '.join(report.unspoken)}", markup=False, soft_wrap=True)


def demo(
    source: Annotated[
        str,
        typer.Option("--shop", help=f"{SOURCES_HELP} With Node, a real shop from npm: vendure, medusa or evershop."),
    ] = "demo",
    data: Data = None,
    customers: Customers = None,
    seed: Seed = None,
    replace: Replace = False,
    night: DemoNight = "",
) -> None:
    """Show it all: start the stack, fill a shop, run the night after its last order, print what came out."""
    from cli.demo import show
    from cli.environment import Stack
    from cli.nights import foretold, headlines, run_dag, the_night
    from cli.real_shops import REAL_SHOPS
    from cli.real_shops.demo import fill_real_shop, refuse_real_shop

    requested = the_night(night)
    if real := source in REAL_SHOPS:
        refuse_real_shop(source, data=data, customers=customers, seed=seed)
    else:
        refuse_source(source, data, customers=customers, seed=seed)
    begun, home = time.monotonic(), Home.find(os.environ)
    settings = start_database()
    # Airflow gets ready meanwhile.
    if real:
        last_order: date | None = fill_real_shop(settings, source, home.root, replace=replace)
    else:
        last_order = fill(settings, source, data, replace=replace, customers=customers, seed=seed).last_order
    chosen = requested or night_after(last_order)
    # The demo's shop is of the past: what it shows takes the place of a later night that was run on it.
    conf = {"night": chosen.isoformat(), "publish_past": True}
    headlines(run_dag("night", conf, lambda settings: foretold(settings, chosen, publish_past=True)))
    show(settings)
    stack = Stack.last(home)
    out.print(
        f"\nAirflow  http://127.0.0.1:{stack.ports['airflow']}  (user admin, password in {escape(str(home.passwords_file))})",
        soft_wrap=True,
    )
    out.print(f"MLflow   http://127.0.0.1:{stack.ports['mlflow']}")
    out.print("More     ./nightshift status · ./nightshift sql · ./nightshift down")
    err.print(f"[dim]All of it took {seconds(time.monotonic() - begun)}.[/]")


def night_after(last_order: date | None) -> date:
    """The first night that knows all of the shop's orders."""
    return (last_order or datetime.now().astimezone().date()) + timedelta(days=1)
