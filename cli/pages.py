"""``./nightshift docs``: the pages that are made from the code, and the site of all pages."""

from __future__ import annotations

import functools
import http.server
import re
import subprocess
import sys
from typing import Annotated

import typer

from cli import picture
from cli.output import out
from ml.core.errors import NightshiftError
from ml.settings import PROJECT

SITE = PROJECT / ".nightshift" / "site"
PICTURE = PROJECT / "docs" / "architecture.svg"
INDEX = PROJECT / "docs" / "index.md"


def docs(
    serve: Annotated[
        int | None, typer.Option("--serve", metavar="PORT", help="Show the site on 127.0.0.1:PORT.")
    ] = None,
    pages_only: Annotated[bool, typer.Option("--pages", help="Only write the pages made from the code.")] = False,
) -> None:
    """Write the pages and the picture that are made from the code, and build the site of docs/; needs no network."""
    from ml.shop import docs as pages

    pages.write()
    INDEX.write_text(index(), encoding="utf-8")
    PICTURE.write_text(picture.svg(PROJECT), encoding="utf-8")
    if pages_only:
        return
    build()
    out.print(f"The site is in {SITE}", soft_wrap=True, highlight=False)
    if serve is not None:
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(SITE))
        with http.server.ThreadingHTTPServer(("127.0.0.1", serve), handler) as server:
            out.print(f"http://127.0.0.1:{server.server_address[1]} until Ctrl-C", highlight=False)
            server.serve_forever()


def index() -> str:
    """The site's first page: the README, its links as they lead from docs/."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    return re.sub(r"\]\((?!https?:|#)(docs/)?", lambda found: "](" if found[1] else "](../", text)


def build() -> None:
    """Build the site; a link that leads nowhere is an error."""
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(SITE)]
    done = subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NightshiftError(
            "The site of docs/ cannot be built.",
            came=(done.stdout + done.stderr).strip(),
            do="mend the page that it names",
        )
