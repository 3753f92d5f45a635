"""The console in real Airflow, in headless Chromium: every page, the buttons, and the pictures of the README.

``python -m tests.night.test_console HOME`` takes the pictures anew on a stack that runs.
"""

from __future__ import annotations

import http.cookiejar
import json
import re
import shutil
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.environment import Stack as Started
from cli.home import Home
from ml.settings import PROJECT
from tests.console_axe import Answer, chromium, fetched, mirror, violations
from tests.night.conftest import Stack

pytestmark = pytest.mark.night

PAGES = ("", "window", "product", "find", "customers", "orders", "voices", "rules", "models", "data", "experiments")
PICTURES = PROJECT / "docs" / "console"
SIZES = {"desktop": "1280,900", "phone": "500,900"}
PATHS = {"tonight": "", "rule": "rules/rule"}
SHOTS = (
    ("tonight", "desktop", False, "en"),
    ("window", "desktop", True, "en"),
    ("orders", "phone", False, "en"),
    ("tonight", "desktop", False, "zh"),
    ("window", "phone", True, "zh"),
    ("rules", "desktop", False, "en"),
)
"""Page, size, dark or not, and language of each picture."""


class Visitor:
    """Somebody with Airflow's login, as a browser sends it: the token as a cookie."""

    def __init__(self, home: Path, user: str = "admin") -> None:
        found = Home(home)
        started = Started.read(found)
        assert started is not None
        self.base = f"http://127.0.0.1:{started.ports['airflow']}"
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        password = json.loads(found.passwords_file.read_text())[user]
        token = json.loads(self._open("/auth/token", json.dumps({"username": user, "password": password})))
        self.opener.addheaders = [("Cookie", f"_token={token['access_token']}")]

    def _open(self, path: str, body: str | None = None, kind: str = "application/json") -> str:
        request = urllib.request.Request(self.base + path, body and body.encode(), {"Content-Type": kind})  # noqa: S310
        with self.opener.open(request, timeout=60) as answer:
            return str(answer.read().decode())

    def get(self, path: str) -> str:
        """A page of the console."""
        return self._open(f"/nightshift/{path}")

    def press(self, page: str, action: str, **fields: str) -> str:
        """Send the form whose address ends with ``action``, with its hidden fields and these."""
        import html

        for found in re.finditer(r'<form[^>]*?action="([^"]+)"[^>]*>(.*?)</form>', page, re.DOTALL):
            if html.unescape(found[1]).endswith(action):
                own = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[2]))
                given = {name: html.unescape(value) for name, value in own.items()} | fields
                address = html.unescape(found[1])
                return self._open(address, urllib.parse.urlencode(given), "application/x-www-form-urlencoded")
        raise AssertionError(f"no form {action}")


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Visitor:
    """The administrator, after the demo's night."""
    return Visitor(stack.home)


def test_each_page_opens_in_airflow(admin: Visitor) -> None:
    """Every page answers by Airflow's own login; without one it is 401."""
    for path in PAGES:
        assert "<main" in admin.get(path), path
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{admin.base}/nightshift/", timeout=30)  # noqa: S310


def test_an_order_is_released_and_a_product_pinned(stack: Stack, admin: Visitor) -> None:
    """What is pressed stands in ml_config and ml_ops.audit under the login's name, and ml.recommend obeys at once."""
    order = str(stack.value("SELECT order_id FROM ml.order_risk ORDER BY expected_loss DESC NULLS LAST LIMIT 1"))
    admin.press(admin.get(f"orders/{urllib.parse.quote(order)}"), "/release", note="looked at")
    person = stack.value(
        f"SELECT a.person FROM ml_ops.audit a WHERE a.after ->> 'value' = '{order}' ORDER BY a.id DESC LIMIT 1"
    )
    assert person == "admin"
    product = stack.value("SELECT product_id FROM ml.product_state WHERE available ORDER BY product_id LIMIT 1")
    who = stack.value("SELECT min(customer_id) AS c FROM ml.recommendation")
    preview = admin.press(
        admin.get(f"rules/rule?kind=pin&product_id={product}&rank=1"),
        "/preview",
        kind="pin",
        product_id=str(product),
        rank="1",
    )
    saved = admin.press(preview, "/save", why="a test")
    first = f"SELECT product_id FROM ml.recommend('{who}', 1)"
    assert stack.value(first) == product
    number = re.search(r"/rules/undo/(\d+)", saved)
    assert number is not None
    admin.press(saved, f"/rules/undo/{number[1]}")
    assert stack.value("SELECT count(*) AS n FROM ml_config.rule WHERE kind = 'pin'") == 0


def test_a_viewer_changes_nothing(stack: Stack, admin: Visitor) -> None:
    """The login viewer sees the pages, without a button, and a form that it makes itself is refused."""
    viewer = Visitor(stack.home, "viewer")
    assert 'method="post"' not in viewer.get("rules/rule")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        viewer._open("/nightshift/rules/rule/save", "kind=pin", "application/x-www-form-urlencoded")


def test_chromium_shows_the_console_without_an_error(stack: Stack, admin: Visitor, tmp_path: Path) -> None:
    """The pages as a browser draws them are pictures of some size; nothing is blocked by their own policy."""
    need_chromium()
    made = pictures(stack.home, tmp_path)
    assert len(made) == len(SHOTS)
    assert min(path.stat().st_size for path in made) > 5_000


def test_axe_finds_nothing_on_any_page(stack: Stack, admin: Visitor, tmp_path: Path) -> None:
    """axe-core's rules for WCAG 2.2 AA and its best practices hold on every page, wide and light, narrow and dark."""
    need_chromium()
    script = fetched(tmp_path)
    if script is None:
        pytest.skip("npm gives no axe-core here")
    paths = [f"/nightshift/{page}" for page in (*PAGES, "rules/rule", "models/risk")]
    for dark, width in ((False, 1280), (True, 400)):
        assert violations(_asked(admin), paths, script, tmp_path, dark=dark, width=width) == {}


def need_chromium() -> None:
    """Skip where there is no browser."""
    if not shutil.which("chromium"):
        pytest.skip("there is no chromium here")


def pictures(home: Path, folder: Path) -> list[Path]:
    """Take the pictures of the README: pages in the sizes, light and dark, English and Chinese."""
    folder.mkdir(parents=True, exist_ok=True)
    visitor, made = Visitor(home), []
    customer = re.search(r'window\?customer=([^"&]+)', visitor.get("window"))
    who = f"?customer={customer[1]}" if customer else ""
    with tempfile.TemporaryDirectory() as profile, mirror(_asked(visitor)) as base:
        for page, size, dark, language in SHOTS:
            name = f"{page}-{size}-{'dark' if dark else 'light'}-{language}.png"
            more = {"window": who, "orders": "?state=allow"}.get(page, "")
            address = f"{base}/nightshift/{PATHS.get(page, page)}{more}"
            address += f"{'&' if '?' in address else '?'}lang={language}"
            done = chromium(
                Path(profile), f"--window-size={SIZES[size]}", f"--screenshot={folder / name}", address, dark=dark
            )
            assert (folder / name).is_file(), done.stderr[-500:]
            assert "Content Security Policy" not in done.stderr
            made.append(folder / name)
    for path in made:
        _smaller(path)
    return made


def _asked(visitor: Visitor) -> Callable[[str], Answer]:
    """Hands a browser's requests on with the visitor's login, so that no password is typed into a page."""

    def ask(path: str) -> Answer:
        try:
            with visitor.opener.open(visitor.base + path, timeout=60) as answer:
                return answer.status, answer.headers["content-type"], bytes(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, "text/plain", b""

    return ask


def _smaller(path: Path) -> None:
    """Write a picture anew in 256 colours: half its size, and nobody sees it."""
    from PIL import Image

    Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    for path in pictures(Path(sys.argv[1]), PICTURES):
        print(path.name)  # noqa: T201
