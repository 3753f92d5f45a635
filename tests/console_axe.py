"""axe-core over the console's pages, as headless Chromium draws them.

``python -m tests.console_axe ADDRESS`` for pages that are served at ADDRESS (``tests.console_server``). axe-core comes from npm.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

AXE = "axe-core@4.14.1"
PAGES = (
    "",
    "window?customer=c1",
    "product",
    "product/p1",
    "find?text=tea",
    "customers",
    "customer/c1",
    "orders",
    "orders/o1",
    "voices",
    "voices/p1",
    "rules",
    "rules/rule?kind=pin&product_id=p1",
    "models",
    "models/risk?a=1&b=2",
    "data",
    "data/quarantine/2026-11-28/001/order_item",
    "experiments",
    "search?q=c1",
)
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
Answer = tuple[int, str, bytes]
"""Status, content type and body."""

_HARNESS = """<!doctype html><title>axe</title><iframe id="f" width="{width}" height="900"></iframe><script>
const pages = {pages}, found = {{}}, frame = document.getElementById("f");
const loaded = (thing) => new Promise((done) => {{ thing.onload = done; }});
(async () => {{
  for (const page of pages) {{
    frame.src = page;
    await loaded(frame);
    const script = frame.contentDocument.createElement("script");
    script.src = "/axe.js";
    frame.contentDocument.head.append(script);
    await loaded(script);
    const told = await frame.contentWindow.axe.run(frame.contentDocument, {{ runOnly: {tags} }});
    const wide = frame.contentDocument.documentElement.scrollWidth - frame.contentWindow.innerWidth;
    found[page] = told.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html).join(" | "));
    if (wide > 1) found[page].push("wider than the window by " + wide + " px");
  }}
  const end = document.createElement("pre");
  end.id = "found";
  end.textContent = JSON.stringify(found);
  document.body.append(end);
}})();
</script>"""


def fetched(folder: Path) -> Path | None:
    """axe-core's script, from npm; None where there is no npm, or no way to it."""
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file() and shutil.which("npm"):
        subprocess.run(["npm", "install", "--silent", "--prefix", folder, AXE], check=False, timeout=120)
    return script if script.is_file() else None


@contextmanager
def mirror(answer: Callable[[str], Answer]) -> Iterator[str]:
    """A server on this machine whose pages ``answer`` gives; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = answer(self.path)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def chromium(folder: Path, *options: str, dark: bool = False) -> subprocess.CompletedProcess[str]:
    """Headless Chromium with a profile of its own."""
    return subprocess.run(
        [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-dev-shm-usage",
            f"--user-data-dir={folder / 'profile'}",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            *options,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )


def violations(
    ask: Callable[[str], Answer],
    pages: Sequence[str],
    axe: Path,
    folder: Path,
    *,
    dark: bool = False,
    width: int = 1280,
) -> dict[str, list[str]]:
    """What axe-core finds, by page, and pages that are wider than the window.

    Parameters
    ----------
    ask : callable
        Gives what is at a path of the console's server.
    """
    harness = _HARNESS.format(width=width, pages=json.dumps(list(pages)), tags=json.dumps(list(TAGS)))
    own = {"/axe.js": ("text/javascript", axe.read_bytes()), "/harness": ("text/html", harness.encode())}

    def answer(path: str) -> Answer:
        return (200, *own[path]) if path in own else ask(path)

    with mirror(answer) as base:
        done = chromium(folder, "--virtual-time-budget=600000", "--dump-dom", f"{base}/harness", dark=dark)
    told = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    if told is None:
        raise RuntimeError(f"Chromium gave no findings: {done.stderr[-800:]}")
    found: dict[str, list[str]] = json.loads(html.unescape(told[1]))
    return {page: faults for page, faults in found.items() if faults}


def _from(base: str) -> Callable[[str], Answer]:
    def ask(path: str) -> Answer:
        try:
            with urllib.request.urlopen(base + path, timeout=60) as answer:  # noqa: S310 - ours
                return answer.status, answer.headers["content-type"], bytes(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, "text/plain", b""

    return ask


if __name__ == "__main__":
    place = Path(tempfile.mkdtemp(prefix="nightshift-axe-"))
    script = fetched(place)
    assert script is not None, "npm gave no axe-core"
    paths = [f"/nightshift/{page}" for page in PAGES]
    for is_dark, wide in ((False, 1280), (True, 400)):
        for page, faults in violations(_from(sys.argv[1]), paths, script, place, dark=is_dark, width=wide).items():
            print(page, "dark" if is_dark else "light", wide, *faults, sep="\n  ")  # noqa: T201
