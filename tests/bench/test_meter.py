"""What a process and its children use is counted once."""

from __future__ import annotations

import subprocess
import sys

from bench._meter import measure

WAITS = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'], check=False)"


def test_children_count_too() -> None:
    """A process that waits for its child: both are there and hold memory."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", WAITS], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        used = measure([process.pid], 0.05)
        process.communicate(b"\n")
    assert used.processes == 2
    assert used.mib > 1
    assert used.cores >= 0
