"""What a green run of the tests leaves on the terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ml.settings import PROJECT

TEST = """
import logging
from tests.conftest import postgres


def test(postgres):
    logging.basicConfig(level=logging.INFO, force=True)  # as libraries do, while pytest captures the stream
"""


def test_a_green_run_ends_without_a_traceback(tmp_path: Path) -> None:
    """The embedded Postgres does not log into a stream that pytest has closed."""
    (tmp_path / "test_it.py").write_text(TEST)
    line = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "-c",
        "/dev/null",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(
        line, cwd=PROJECT, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(PROJECT)}
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert "Logging error" not in done.stdout + done.stderr
