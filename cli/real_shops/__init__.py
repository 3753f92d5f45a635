"""Real shops from npm: installed in a folder, filled through their own API, for the demo and the benchmarks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from ml.core.errors import NightshiftError

SCRIPTS = Path(__file__).parent
NODE = 20
"""The least major version."""


@dataclass(frozen=True)
class RealShop:
    """A platform that npm installs: its packages, the scripts that fill it, and how its orders are spread over the past.

    ``backdate`` is SQL over the platform's own tables: a night knows what was ordered before its date began, and the script
    orders everything today.
    """

    title: str
    packages: tuple[str, ...]
    scripts: tuple[str, ...]
    backdate: str


REAL_SHOPS = {
    "vendure": RealShop(
        "Vendure",
        ("@vendure/core@3", "pg@8", "graphql-tag@2"),
        ("database.js", "vendure_shop.js"),
        """UPDATE "order" SET "orderPlacedAt" = "orderPlacedAt" - (id % 120 + 1) * interval '1 day' WHERE "orderPlacedAt" IS NOT NULL;
        UPDATE product SET "createdAt" = "createdAt" - interval '200 days';
        UPDATE customer SET "createdAt" = "createdAt" - interval '200 days';
        UPDATE payment SET "createdAt" = o."orderPlacedAt" FROM "order" AS o WHERE o.id = "orderId" AND o."orderPlacedAt" IS NOT NULL;
        UPDATE history_entry SET "createdAt" = o."orderPlacedAt" FROM "order" AS o
        WHERE o.id = "orderId" AND o."orderPlacedAt" IS NOT NULL""",
    ),
    "medusa": RealShop(
        "Medusa",
        tuple(f"@medusajs/{name}@2" for name in ("medusa", "framework", "cli", "admin-sdk")),
        ("database.js", "medusa-config.js", "medusa_run.js", "medusa_fill.js", "medusa_shop.js"),
        """UPDATE "order" SET created_at = created_at - (display_id % 120 + 1) * interval '1 day',
            canceled_at = canceled_at - (display_id % 120 + 1) * interval '1 day';
        UPDATE product SET created_at = created_at - interval '200 days';
        UPDATE customer SET created_at = created_at - interval '200 days'""",
    ),
    "evershop": RealShop(
        "EverShop",
        # Its package of 2.2 imports concat-stream and does not name it.
        ("@evershop/evershop@2", "concat-stream@2"),
        ("database.js", "evershop_shop.js"),
        """UPDATE "order" SET created_at = created_at - (order_id % 120 + 1) * interval '1 day';
        UPDATE payment_transaction SET created_at = o.created_at FROM "order" AS o WHERE o.order_id = payment_transaction_order_id;
        UPDATE product SET created_at = created_at - interval '200 days';
        UPDATE customer SET created_at = created_at - interval '200 days'""",
    ),
}


def need_node(run: Callable[[Sequence[str]], str | None] | None = None) -> None:
    """Refuse a machine without Node and npm, or with one that is too old, before anything starts."""
    version = (run or _output_of)(("node", "--version"))
    found = re.match(r"v(\d+)\.", version or "")
    if not version or not (run or _output_of)(("npm", "--version")):
        raise NightshiftError(
            "A real shop is installed from npm, which needs Node.",
            came="no program node" if not version else "no program npm",
            do=f"install Node {NODE} or newer with npm (https://nodejs.org), or take the simulated shop: ./nightshift demo",
        )
    if not found or int(found[1]) < NODE:
        raise NightshiftError(
            "This Node is too old for a real shop.", came=version.strip(), do=f"install Node {NODE} or newer"
        )


def _output_of(command: Sequence[str]) -> str | None:
    program = shutil.which(command[0])
    if program is None:
        return None
    done = subprocess.run([program, *command[1:]], check=False, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def install(name: str, folder: Path, more: Sequence[str] = ()) -> None:
    """Install a shop's packages, and lay its scripts beside them; what is there already is kept."""
    need_node()
    folder.mkdir(parents=True, exist_ok=True)
    for script in REAL_SHOPS[name].scripts:
        shutil.copy(SCRIPTS / script, folder)
    if not (folder / "package.json").exists():
        (folder / "package.json").write_text(
            json.dumps({"name": f"nightshift-{name}", "private": True}), encoding="utf-8"
        )
    run(["npm", "install", "--no-audit", "--no-fund", *REAL_SHOPS[name].packages, *more], folder)


def fill(name: str, folder: Path, url: str, schema: str, orders: int) -> Mapping[str, Any]:
    """Let the shop make its tables and fill it; gives what was done, as the shop's own API said."""
    return script(folder, f"{name}_shop.js", [for_node(url), schema, str(orders)])


def for_node(url: str) -> str:
    """Write a URL of Postgres as Node's clients read it: a socket's folder, escaped, in the host's place."""
    parts = urlsplit(url)
    host = dict(parse_qsl(parts.query)).get("host")
    if not host:
        return urlunsplit(parts._replace(query=""))
    return f"{parts.scheme}://{parts.username}@{quote(host, safe='')}{parts.path}"


def script(folder: Path, name: str, args: Sequence[str], environ: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    """Run a script in a shop's folder whose last argument is the file that it writes; gives that file's JSON."""
    file = folder / "did.json"
    run(["node", name, *args, str(file)], folder, environ)
    did: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return did


def run(command: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None) -> None:
    """Run a program to its end; what it says is in the error if it fails."""
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, env={**os.environ, **(environ or {})}
    )
    if done.returncode:
        raise NightshiftError(
            f"{command[0]} failed.",
            came=(done.stderr.strip() or done.stdout.strip())[-800:],
            do="see what it says; a network is needed",
        )
