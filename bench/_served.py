"""The endpoint of ./nightshift serve in a process of its own, while something asks it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict

from cli import ports
from ml.adapters.endpoint import Key
from ml.settings import PROJECT

_SERVER = """
import json, sys, uvicorn
from ml.adapters.endpoint import Key, Keys, make
url, port, key = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
uvicorn.run(make(url, Keys({key["name"]: Key(**key)}, 1e5)), host="127.0.0.1", port=port, log_level="warning", access_log=False)
"""


@contextmanager
def served(url: str, key: Key) -> Iterator[int]:
    """The port where the endpoint over the database ``url`` answers, for one key."""
    port = free_port(8_738)
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVER, url, str(port), json.dumps(asdict(key))],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
        )
        try:
            _await(server, port)
            yield port
        finally:
            server.terminate()
            server.wait(30)


def free_port(preferred: int) -> int:
    """``preferred``, or the next port that nobody has."""
    chosen = ports.choose(preferred)
    chosen.held.close()
    return chosen.port


def _await(server: subprocess.Popen[bytes], port: int) -> None:
    while server.poll() is None:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server ended before it answered")
