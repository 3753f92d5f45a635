"""Headless Chromium that a test drives: pages, clicks and keys through its own pipe (Chrome DevTools Protocol), no library."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE_S = 30.0
_UNTIL = """
new Promise((done) => {{
  const end = Date.now() + {ms};
  const look = () => {{
    let found = false;
    try {{ found = Boolean({what}); }} catch (error) {{ found = false; }}
    if (found || Date.now() > end) done(found); else setTimeout(look, 100);
  }};
  look();
}})
"""


class Browser:
    """One page of a Chromium of its own; ``with Browser(folder) as page: page.open(address)``."""

    def __init__(self, folder: Path) -> None:
        read, self._write = os.pipe()
        self._read, write = os.pipe()
        self._number, self._rest, self._session = 0, b"", ""
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1400,1000",
            f"--user-data-dir={folder}",
            "--remote-debugging-pipe",
            "about:blank",
        ]
        # Chromium takes its orders on descriptor 3 and answers on 4.
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec chromium "$@" 3<&{read} 4>&{write}', "chromium", *options],
            pass_fds=(read, write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read)
        os.close(write)
        target = self.order("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.order("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._write)
        os.close(self._read)

    def order(self, method: str, **values: Any) -> dict[str, Any]:
        """Give an order of the protocol; its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": values}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            reply = self._next()
            if reply.get("id") == self._number:
                if "error" in reply:
                    raise RuntimeError(f"{method}: {reply['error'].get('message')}")
                return dict(reply.get("result", {}))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._read], [], [], 2 * PATIENCE_S)[0]:
                raise RuntimeError("Chromium does not answer.")
            if not (more := os.read(self._read, 1 << 16)):
                raise RuntimeError("Chromium ended.")
            self._rest += more
        one, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(one))

    def cookie(self, address: str, name: str, value: str) -> None:
        """Let the browser have a cookie of the server at ``address``."""
        self.order("Network.setCookie", url=address, name=name, value=value)

    def open(self, address: str) -> None:
        """Go to a page."""
        self.order("Page.navigate", url=address)

    def tell(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.order("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script[:200]}: {answer['exceptionDetails'].get('text')}")
        return answer["result"].get("value")

    def until(self, what: str, seconds: float = PATIENCE_S) -> bool:
        """Wait until an expression is true in the page, which may change meanwhile; whether it became so."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                return bool(self.tell(_UNTIL.format(ms=int(1000 * left), what=what)))
            except RuntimeError:  # another page was opened under it
                if self._process.poll() is not None:
                    raise
        return False

    def click(self, selector: str) -> None:
        """Press the mouse on what the selector names, where it is on the page."""
        found = json.dumps(selector)
        assert self.until(f"document.querySelector({found})"), f"no {selector}: {self.words()[:1500]}"
        place = self.tell(
            f"(() => {{ const e = document.querySelector({found}); e.scrollIntoView({{block: 'center'}}); "
            "const b = e.getBoundingClientRect(); return {x: b.x + b.width / 2, y: b.y + b.height / 2}; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.order("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def write(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.click(selector)
        self.order("Input.insertText", text=text)

    def words(self) -> str:
        """What the page says."""
        return str(self.tell("document.body ? document.body.innerText : ''") or "")
