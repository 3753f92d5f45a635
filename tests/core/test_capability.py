"""What a capability must offer is checked before it runs: by types where its steps are called, in words in its folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ml.core.capability import faults, protocols
from ml.registry import CAPABILITIES
from ml.settings import PROJECT
from tests.live.watch.spec import SPEC as WATCH

WRONG = {
    'pipeline.extract(s, "not a date", frsh=True)': ("incompatible type", 'Unexpected keyword argument "frsh"'),
    "pipeline.no_such_step(s)": ('has no attribute "no_such_step"',),
    'pipeline.score(s, "2026-01-01/001", "risk", "0")': ('Missing positional argument "shards"', "incompatible type"),
}


def mypy(text: str, tmp_path: Path) -> str:
    """What mypy, as strict as in ``./nightshift check``, says of a file."""
    file = tmp_path / "calls.py"
    file.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", str(file)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_types_refuse_wrong_calls_and_wrong_modules(tmp_path: Path) -> None:
    """A wrong call of a step is a type error, a right one is not; so is each module of each capability what it must be."""
    right = [
        f"from {spec.package} import {name} as {key}_{name}\n_{key}_{name}: capability.{protocol.__name__} = {key}_{name}"
        for key, spec in CAPABILITIES.items()
        for name, protocol in protocols(spec).items()
    ]
    lines = ["from datetime import date", "from ml import pipeline", "from ml.core import capability"]
    lines += ["from ml.settings import Settings", *right, "def call(s: Settings) -> None:"]
    lines += ["    pipeline.extract(s, date(2026, 1, 1), fresh=True)", *(f"    {call}" for call in WRONG)]
    lines += ["from ml.core import errors as nothing", "_wrong: capability.ModelModule = nothing"]
    complained = mypy("\n".join(lines) + "\n", tmp_path)
    for call, complaints in WRONG.items():
        number = 1 + next(i for i, line in enumerate("\n".join(lines).split("\n")) if line.strip() == call)
        of_line = "\n".join(line for line in complained.splitlines() if f"calls.py:{number}:" in line)
        for complaint in complaints:
            assert complaint in of_line, complained
    last = "\n".join(lines).count("\n") + 1
    assert f"calls.py:{last}: error: Incompatible types in assignment" in complained
    wrong = {line.split(":")[1] for line in complained.splitlines() if ": error:" in line}
    assert len(wrong) == len(WRONG) + 1, complained


@pytest.mark.parametrize("spec", [*CAPABILITIES.values(), WATCH], ids=lambda spec: spec.name)
def test_a_whole_folder_has_no_faults(spec) -> None:
    """Every registered capability, and the example, offers all that it must."""
    assert faults(spec) == []


def test_what_a_folder_lacks_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing module, a missing function and other parameters are each named, all at once."""
    from dataclasses import replace

    folder = tmp_path / "lacking"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "features.py").write_text(
        "def build(tables, when, params): ...\ndef truth(tables, start, end, params): ...\n"
    )
    (folder / "model.py").write_text("def fit(features, params, seed): ...\ndef load(folder): ...\n")
    (folder / "evaluate.py").write_text("def evaluate(models, features, truth, params): ...\n")
    (folder / "sample.py").write_text("def sample(seed): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = replace(WATCH, package="lacking", live=None, cutoffs=(WATCH.gate.horizon / 2,))
    messages = faults(spec)
    assert [line.split(":")[0].split(" ")[0] for line in messages] == [
        "lacking/features.py",
        "lacking/model.py",
        "lacking/score.py",
        "lacking.spec",
    ]
    assert "build takes (tables, when, params), wanted (tables, as_of, params)" in messages[0]
    assert "lacks fit_baseline(features, params, seed)" in messages[1]
    assert "is missing" in messages[2]
