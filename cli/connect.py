"""The command shop connect: a known platform's database becomes the shop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote, urlsplit, urlunsplit

import typer

from cli.output import out, steps
from ml.core.errors import WrongUse

Pairs = list[str] | None


def connect_shop(  # noqa: PLR0913, PLR0917 (the options of a command)
    platform: Annotated[
        str, typer.Argument(help="medusa, oscar …: the platform; recognised by its tables if left out.")
    ] = "",
    url: Annotated[
        str,
        typer.Option(
            envvar="NIGHTSHIFT_CONNECT_URL",
            help="The platform's database: postgresql://… as the owner of its tables, mysql://… as who may read them.",
        ),
    ] = "",
    schema: Annotated[
        str | None,
        typer.Option(help="Where the platform's tables are, if not found; on MySQL the prefix of their names."),
    ] = None,
    status: Annotated[
        Pairs,
        typer.Option(
            metavar="WORD=MEANING", help="What a status of your own means, as 'On its way=shipped'. Repeatable."
        ),
    ] = None,
    rate: Annotated[
        Pairs,
        typer.Option(metavar="JPY=0.0061", help="What one unit of a currency is worth in the shop's. Repeatable."),
    ] = None,
    variants: Annotated[
        str, typer.Option(metavar="together|each", help="What a product's variants are; if not given, as on its page.")
    ] = "",
    language: Annotated[str, typer.Option(help="Of titles, as the platform names it: en, fr_FR …")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Also take the place of a schema shop that is there; it is kept beside.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the SQL and what is found; change nothing.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the views away again, as before an upgrade.")] = False,
) -> None:
    """Write the views and the login that make a known platform's database the shop; nothing else is changed."""
    from ml.shop.connect import connect, disconnect
    from ml.shop.copy_platform import is_mysql
    from ml.shop.platforms._choices import Choices

    if not url:
        raise WrongUse(
            "No database is named.", came="neither --url nor NIGHTSHIFT_CONNECT_URL", do="give --url postgresql://…"
        )
    if remove and not is_mysql(url):
        out.print(f"{disconnect(url)} views are gone; the platform's tables are as they were.")
        return
    rates = {code.upper(): _number(code, value) for code, value in _pairs("--rate", rate)}
    choices = Choices(dict(_pairs("--status", status)), rates, language, variants)
    if is_mysql(url):
        _copy(url, platform, schema, choices, replace=replace, dry_run=dry_run)
        return
    found = connect(url, platform or None, schema=schema, choices=choices, replace=replace, try_only=dry_run)
    if dry_run:
        out.print("\n\n".join(found.statements), markup=False, soft_wrap=True)
        out.print()
    tell(found)
    if dry_run:
        out.print("\nNothing was changed.")
    else:
        _next(url, found.password)


def _copy(url: str, platform: str, prefix: str | None, choices: Any, *, replace: bool, dry_run: bool) -> None:
    """Read a platform on MySQL into our own schema shop."""
    from cli.shops import start_database
    from ml.shop.copy_platform import connect_mysql

    settings = None if dry_run else start_database()
    with steps("Reading the platform's tables …") as step:
        found, loaded = connect_mysql(
            url,
            settings,
            platform or None,
            prefix=prefix,
            choices=choices,
            replace=replace,
            progress=lambda table, rows: step.now(f"{table}: {rows:,} rows"),
        )
    tell(found)
    if loaded is None:
        out.print("\nNothing was changed.")
        return
    _section("Loaded", [*loaded.notes, "Run this again before each night: a night reads what was loaded last."])
    out.print("\n./nightshift shop check says what is ready.")


def tell(found: Any) -> None:
    """Print what a platform's database holds, and what is not known of it."""
    out.print(f"{found.platform.title} {found.release or found.version.name}, in schema {found.schema}", markup=False)
    _section("Tables", [f"{table:<16}{rows:>12,}" for table, rows in found.rows.items()])
    _section(
        "Status of the orders, and what it is taken for",
        [f"{word.word:<24}{word.rows:>12,}  {_meant(word)}" for word in found.words],
    )
    _section(
        "Fields of your own, which nothing reads",
        [f"{place:<24}{name:<24}{rows:>9,}" for place, name, rows in found.custom],
    )
    absent = [f"not there, so without: {', '.join(found.absent)}"] if found.absent else []
    _section("Worth knowing", [*found.noticed, *found.platform.remarks, *absent, *found.notes])


def _meant(word: Any) -> str:
    return word.means or f"NOT KNOWN, no purchase: say what it means with --status {word.word!r}=…"


def _section(title: str, lines: Sequence[str]) -> None:
    if lines:
        out.print("\n".join(["", title, *(f"  {line}" for line in lines)]), markup=False, soft_wrap=True)


def _next(url: str, password: str | None) -> None:
    """Say how the shop is read from now on."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"nightshift_reader:{quote(password or 'PASSWORD')}@{host}"
    out.print("\nFrom now on the shop is read by its own login, which sees schema shop and nothing else:")
    out.print(
        f"  export NIGHTSHIFT_SHOP_URL='{urlunsplit(parts._replace(netloc=netloc))}'", markup=False, soft_wrap=True
    )
    out.print("  ./nightshift shop check")
    if not password:
        out.print("The login was there: put its password where PASSWORD stands.")


def _pairs(option: str, given: Pairs) -> list[tuple[str, str]]:
    pairs = [text.rpartition("=") for text in given or []]
    if wrong := [
        text for text, (name, _, value) in zip(given or [], pairs, strict=True) if not name.strip() or not value.strip()
    ]:
        raise WrongUse(f"{option} wants a word and what it means.", came=", ".join(wrong), do=f"{option} 'Packed=paid'")
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _number(code: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise WrongUse("A rate is a number.", came=f"{code}={value}", do="give it as --rate JPY=0.0061") from None
