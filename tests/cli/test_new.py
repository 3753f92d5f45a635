"""``./nightshift new capability``: one folder, one suite, one line, and it keeps every law."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.new import write
from ml.core.errors import WrongUse
from ml.settings import PROJECT

NAME = "visits_again"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it is, with one capability more."""
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    target = tmp_path_factory.mktemp("copy") / "project"
    for name in files:
        if (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target / name)
    write(target, NAME)
    return target


def run(copy: Path, *line: str) -> str:
    """Run Python in the copy, with the copy's modules."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(copy), str(copy / "plugins")])}
    done = subprocess.run([sys.executable, "-P", *line], cwd=copy, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_it_keeps_every_law(copy: Path) -> None:
    """A capability just written passes the laws of all capabilities, and none of them is skipped."""
    line = (
        "-m",
        "pytest",
        "tests/contract/test_laws.py",
        "-o",
        "addopts=--import-mode=importlib",
        "-p",
        "no:cacheprovider",
    )
    printed = run(copy, *line, "-k", NAME)
    passed = int(printed.rsplit(" passed", 1)[0].rsplit(maxsplit=1)[-1])
    assert passed >= 18
    assert "skipped" not in printed


def test_it_is_in_style_and_typed(copy: Path) -> None:
    """Nothing is left to tidy in what was written, and its types are those of a capability."""
    run(copy, "-m", "ruff", "check", f"ml/capabilities/{NAME}")
    run(copy, "-m", "ruff", "format", "--check", f"ml/capabilities/{NAME}", "ml/registry.py")
    written = [path for path in (copy / "ml" / "capabilities" / NAME).rglob("*") if path.is_file()]
    texts = {path: path.read_text(encoding="utf-8") for path in written if "__pycache__" not in path.parts}
    assert f"ml/capabilities/{NAME}/spec.py" in {path.relative_to(copy).as_posix() for path in texts}
    assert [path for path, text in texts.items() if "order_soon" in text] == []


def test_airflow_shows_its_tasks(copy: Path) -> None:
    """The DAG night has its tasks, and it has a DAG of its own to train, without another edit."""
    code = (
        "from nightshift_airflow.factory import night, train\n"
        f"print(sorted(task.task_id for task in night().tasks if task.task_id.startswith('{NAME}.')))\n"
        f"print(train('{NAME}').dag_id)"
    )
    printed = run(copy, "-c", code).splitlines()[-2:]
    assert printed == [
        str([f"{NAME}.{step}" for step in ("prepare", "publish", "score", "score_all")]),
        f"train_{NAME}",
    ]


@pytest.mark.parametrize("name", ["", "Visits", "1st", "a-b", "class", "../x", "x" * 41, "risk", "order_risk"])
def test_a_name_that_cannot_be_is_refused(name: str, tmp_path: Path) -> None:
    """A name that is taken or cannot be one is refused in words, and nothing is written."""
    with pytest.raises(WrongUse, match="came:"):
        write(tmp_path, name)
    assert not list(tmp_path.iterdir())
