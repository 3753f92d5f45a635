"""Kept machine code is used only if nothing that it was made from has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ml.kernels import cache, compiled
from ml.text import network, tokens

CALLS = "from ml.capabilities.sentiment import lent\nfrom ml.kernels.compiled import compiled\n\n@compiled\ndef asked(n):\n    return lent.given(n)\n"
LENT = "from ml.kernels.compiled import compiled\n\n@compiled\ndef given(n):\n    return n + {}\n"


def test_a_kernel_is_made_from_the_files_that_it_imports():
    """What a module imports of ours, directly or not, is among its sources; what it does not import is not."""
    found = cache.sources(Path(network.__file__))
    assert {Path(network.__file__), Path(tokens.__file__), Path(compiled.__file__)} < set(found)
    assert Path(network.__file__).with_name("alerts.py") not in found


def test_a_change_in_a_kernel_that_is_called_is_seen(tmp_path):
    """A kernel whose own file is as it was is compiled again when the file of one that it calls has changed."""
    folder = tmp_path / "ml/capabilities/sentiment"
    for room in ("ml/core", "ml/kernels"):
        shutil.copytree(cache.ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    folder.mkdir(parents=True)
    (folder / "calls.py").write_text(CALLS)
    printed = []
    for more in (1, 2, 2):
        (folder / "lent.py").write_text(LENT.format(more))
        line = (
            "from ml.capabilities.sentiment.calls import asked; print(asked(1), sum(asked.stats.cache_hits.values()))"
        )
        env = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", line], env=env, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        printed.append(done.stdout.split())
    assert printed == [["2", "0"], ["3", "0"], ["3", "1"]]
