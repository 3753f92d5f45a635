"""The command ``serve``: the endpoint that a shop without a way to Postgres asks. Off until somebody starts it."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from cli.home import Home, read_json, write_private
from cli.output import err, out
from ml.core.errors import WrongUse

PORT = 8790
KEYS_FILE = "endpoint.json"


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; another than 127.0.0.1 belongs behind a proxy with TLS.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = PORT,
    origin: Annotated[
        list[str] | None,
        typer.Option(help="A page that browsers may ask from, as https://shop.example; several are given one by one."),
    ] = None,
    rate: Annotated[float, typer.Option(min=0.1, max=100_000, help="Requests a second that each key may make.")] = 50.0,
    new_key: Annotated[str, typer.Option(metavar="NAME", help="Make a key, print it once, and end.")] = "",
    browser: Annotated[
        bool, typer.Option("--browser", help="With --new-key: for pages. It reads nothing of a customer.")
    ] = False,
    drop_key: Annotated[str, typer.Option(metavar="NAME", help="Forget a key, and end.")] = "",
) -> None:
    """Answer the shop over HTTP: read-only GET of what is published, POST of events. With keys; docs/serve.md."""
    home = Home.find(os.environ)
    path = home.root / KEYS_FILE
    if new_key or drop_key:
        _change(home, path, new_key, drop_key, browser=browser)
        return
    kept = read_json(path) or {}
    if not kept:
        raise WrongUse("Nobody could ask: there is no key.", came=str(path), do="./nightshift serve --new-key shop")
    _check(host, origin or [])
    _run(path, host, port, origin or [], rate)


def _change(home: Home, path: Path, name: str, dropped: str, *, browser: bool) -> None:
    from ml.adapters.endpoint import new_key

    home.ensure()
    with home.locked("endpoint.lock"):
        kept = read_json(path) or {}
        if dropped and kept.pop(dropped, None) is None:
            raise WrongUse("There is no such key.", came=dropped, do=f"there are: {', '.join(kept) or 'none'}")
        if name in kept or (name and not (name.isprintable() and len(name) <= 60)):
            raise WrongUse("This cannot be a new key's name.", came=name, do="choose another, or --drop-key it first")
        if name:
            text, key = new_key(name, "browser" if browser else "backend")
            kept[name] = asdict(key)
        write_private(path, json.dumps(kept, indent=1) + "\n")
    if name:
        out.print(text, markup=False, highlight=False, soft_wrap=True)
        err.print(
            "[dim]It is shown this once; send it in the header X-API-Key. A server that runs knows it after its next start.[/]"
        )


def _check(host: str, origins: list[str]) -> None:
    wrong = [
        o
        for o in origins
        if (p := urlsplit(o)).scheme not in ("http", "https") or not p.netloc or p.path or p.query or "*" in o
    ]
    if wrong:
        raise WrongUse(
            "An origin is a scheme and a host.",
            came=", ".join(wrong),
            do="write it as https://shop.example, one by one; there is no *",
        )
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise WrongUse(
            "The address to listen on is no IP address.",
            came=host,
            do="use 127.0.0.1, or 0.0.0.0 behind a proxy with TLS",
        ) from None


def _run(path: Path, host: str, port: int, origins: list[str], rate: float) -> None:
    import uvicorn

    from cli.shops import start_database
    from ml.adapters.endpoint import Key, Keys, make

    keys = Keys({name: Key(**row) for name, row in (read_json(path) or {}).items()}, rate)
    app = make(start_database().database_url, keys, origins)
    out.print(
        f"http://{host}:{port}/openapi.json  ({len(keys.kept)} keys; end it with Ctrl-C)", markup=False, soft_wrap=True
    )
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=15,
        limit_concurrency=200,
    )
