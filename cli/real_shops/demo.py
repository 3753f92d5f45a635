"""``./nightshift demo --shop medusa``: a real shop from npm beside Nightshift's own tables, connected as a shop of one's own is."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from cli.connect import tell
from cli.output import steps
from cli.real_shops import REAL_SHOPS, fill, install, need_node
from ml.adapters import postgres
from ml.core.errors import WrongUse
from ml.settings import Settings
from ml.shop.connect import connect, disconnect, refuse_foreign
from ml.shop.ddl import quoted

ORDERS = 300
LAST = 'SELECT max(ordered_at)::date AS day FROM shop."order"'


def refuse_real_shop(name: str, **options: object) -> None:
    """Raise if the machine cannot install ``name``, or was given what only a simulated shop takes, before anything starts."""
    if given := [f"--{option}" for option, value in options.items() if value is not None]:
        raise WrongUse(
            f"{REAL_SHOPS[name].title} is filled by its own checkout, and takes no such option.",
            came=", ".join(given),
            do=f"./nightshift demo --shop {name}",
        )
    need_node()


def fill_real_shop(settings: Settings, name: str, home: Path, *, replace: bool) -> date:
    """Install, fill and connect a real shop in a schema of its own; gives the day of its last order.

    Parameters
    ----------
    home : Path
        The state folder: the shop is installed below it once.
    replace : bool
        Also take the place of a schema ``shop`` that ``shop connect`` did not make; it is kept beside.
    """
    title, url, schema = REAL_SHOPS[name].title, settings.database_url, f"demo_{name}"
    if settings.shop_url != url:
        raise WrongUse(
            "The demo fills Nightshift's own database, and the shop is read from another.",
            came="NIGHTSHIFT_SHOP_URL is set",
            do="unset it for the demo, or connect your shop: ./nightshift shop connect",
        )
    if not replace:
        refuse_foreign(url)
    folder = home / "demo" / name
    with steps(f"Installing {title} from npm …") as step:
        install(name, folder)
        step.done(f"{title} is installed in {folder}")
    with steps(f"{title} takes {ORDERS} orders …") as step:
        disconnect(url)  # views of a demo before
        with postgres.transaction(url) as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {quoted(schema)} CASCADE")
            cursor.execute(f"CREATE SCHEMA {quoted(schema)}")
        did = fill(name, folder, url, schema, ORDERS)
        with postgres.transaction(url) as cursor:
            cursor.execute(f"SET LOCAL search_path = {quoted(schema)}")
            cursor.execute(REAL_SHOPS[name].backdate)
        step.done(f"{title} took {len(did['orders']):,} orders by its own checkout; they are spread over four months")
    tell(connect(url, name, schema=schema, replace=replace))
    day: date = postgres.query(url, LAST)[0]["day"]
    return day
