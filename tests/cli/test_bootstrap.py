"""The bootstrap ``./nightshift`` in a small copy of the project, with a uv that only writes down what it was asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cli import install
from ml.settings import PROJECT

MAIN = """
import sys
print("cli", *sys.argv[1:])
"""
UV = """#!/bin/sh
[ "$1" = --version ] && exit 0
sleep {pause}
for last in "$@"; do :; done
echo "$last" >> {log}
exit {code}
"""


@dataclass
class Copy:
    """A project that holds only what the bootstrap needs."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    def uv(self, *, code: int = 0, pause: float = 0) -> None:
        """Put a uv in place that ends with ``code`` after ``pause`` seconds."""
        path = self.root.parent / "uv"
        path.write_text(UV.format(log=self.root.parent / "uv.log", code=code, pause=pause))
        path.chmod(0o755)

    @property
    def installed(self) -> list[str]:
        """Names of the files that uv was asked to install, in order."""
        log = self.root.parent / "uv.log"
        return [Path(line).name for line in log.read_text().splitlines()] if log.exists() else []

    def start(self, *arguments: str, program: Path | None = None, cwd: Path | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [program or self.root / "nightshift", *arguments],
            env=self.environ,
            cwd=cwd or self.root,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str, program: Path | None = None, cwd: Path | None = None) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of one call."""
        process = self.start(*arguments, program=program, cwd=cwd)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A fresh copy without an environment."""
    root = tmp_path / "a project"
    (root / "cli").mkdir(parents=True)
    shutil.copy(PROJECT / "nightshift", root)
    shutil.copy(PROJECT / "cli" / "install.py", root / "cli")
    (root / "cli" / "__main__.py").write_text(MAIN)
    (root / "docs").mkdir()
    for name in ("docs/commands.md", "pyproject.toml"):
        shutil.copy(PROJECT / name, root / name)
    for name in ("requirements", "requirements-dev"):
        (root / f"{name}.txt").write_text(f"# {name}\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTSHIFT_", "PYTHON"))}
    own = {"NIGHTSHIFT_PYTHON": sys.executable, "NIGHTSHIFT_UV": str(tmp_path / "uv")}
    clone = Copy(root, kept | own)
    clone.uv()
    return clone


def test_it_is_posix_shell() -> None:
    """A strict POSIX shell finds no fault in it."""
    shell = shutil.which("dash") or "sh"
    assert subprocess.run([shell, "-n", PROJECT / "nightshift"], check=False).returncode == 0
    assert "[[" not in (PROJECT / "nightshift").read_text()


def test_first_use_installs_and_goes_on(copy: Copy) -> None:
    """The first call makes the environment, then runs the command with its arguments."""
    assert copy.run("up", "--json")[:2] == (0, "cli up --json\n")
    assert copy.installed == ["requirements.txt"]


@pytest.mark.parametrize(
    ("setting", "arguments", "extra"),
    [
        ({}, ("up", "--engine", "spark"), "spark"),
        ({}, ("up", "--engine=spark"), "spark"),
        ({"NIGHTSHIFT_ENGINE": "spark"}, ("night",), "spark"),
        ({"NIGHTSHIFT_LAKE_URI": "s3://b/lake"}, ("up",), "s3"),
        ({"NIGHTSHIFT_LAKE_URI": "gs://b/lake"}, ("up",), "gcs"),
        ({"NIGHTSHIFT_LAKE_URI": "abfs://c@a.dfs.core.windows.net/lake"}, ("up",), "azure"),
        ({"NIGHTSHIFT_SPEECH": "whisper"}, ("up",), "voice"),
    ],
)
def test_what_a_setting_needs_is_installed(
    copy: Copy, setting: dict[str, str], arguments: tuple[str, ...], extra: str
) -> None:
    """The locked extra of an engine, of a lake's store and of recordings, beside the rest and before anything starts."""
    (copy.root / f"requirements-{extra}.txt").write_text(f"# {extra}\n")
    copy.environ |= setting
    assert copy.run(*arguments)[:2] == (0, f"cli {' '.join(arguments)}\n")
    assert copy.installed == ["requirements.txt", f"requirements-{extra}.txt"]


def test_it_works_through_a_symlink_from_another_folder(copy: Copy, tmp_path: Path) -> None:
    """Neither the folder it is called from nor a chain of links matters, nor modules that lie in that folder."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "cli").mkdir(parents=True)
    (elsewhere / "cli" / "__main__.py").write_text("print('wrong')")
    (elsewhere / "one").symlink_to(copy.root / "nightshift")
    (elsewhere / "two").symlink_to("one")
    assert copy.run("up", program=elsewhere / "two", cwd=elsewhere)[:2] == (0, "cli up\n")


def test_a_second_call_installs_nothing(copy: Copy) -> None:
    """With stamps that match nothing is installed, so nothing needs the network."""
    copy.run("up")
    copy.uv(code=1)
    assert copy.run("up")[0] == 0
    assert copy.installed == ["requirements.txt"]


@pytest.mark.parametrize("damage", ["changed requirements", "broken stamp", "no stamp"])
def test_what_does_not_match_is_installed_again(copy: Copy, damage: str) -> None:
    """A changed requirements file and a stamp that is broken or gone are repaired by the next call."""
    copy.run("up")
    stamp = copy.root / ".venv" / "nightshift-requirements.stamp"
    if damage == "changed requirements":
        (copy.root / "requirements.txt").write_text("# other\n")
    elif damage == "broken stamp":
        stamp.write_text("half a")
    else:
        stamp.unlink()
    assert copy.run("up")[0] == 0
    assert copy.installed == ["requirements.txt"] * 2


def test_an_installation_that_was_killed_starts_from_scratch(copy: Copy) -> None:
    """Packages of which nobody knows whether they are whole do not survive."""
    copy.uv(code=9)
    assert copy.run("up")[0] == 1
    half = copy.root / ".venv" / "half"
    half.touch()
    copy.uv()
    assert copy.run("up")[:2] == (0, "cli up\n")
    assert not half.exists()


def test_tests_need_more_packages(copy: Copy) -> None:
    """test, check and bench also install requirements-dev.txt, wherever options stand; the others do not."""
    copy.run("night")
    assert copy.installed == ["requirements.txt"]
    assert copy.run("--debug", "test", "-x")[:2] == (0, "cli --debug test -x\n")
    assert copy.installed == ["requirements.txt", "requirements-dev.txt"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 0, "Usage: ./nightshift [OPTIONS] COMMAND"),
        (["--help"], 0, "Exit codes:"),
        (["-h"], 0, "Exit codes:"),
        (["help"], 0, "Exit codes:"),
        (["--version"], 0, "nightshift 0."),
        (["night", "--help"], 0, "--publish-past"),
        (["help", "night"], 0, "--publish-past"),
        (["help", "shop", "load"], 0, "Usage: ./nightshift shop load"),
        (["shop", "load", "-h"], 0, "Usage: ./nightshift shop load"),
        (["test", "--help"], 0, "Usage: ./nightshift test"),
        (["bench", "--help"], 0, "Usage: ./nightshift bench"),
        (["status"], 1, "Nothing is set up yet"),
        (["--debug", "status"], 1, "./nightshift demo"),
        (["down"], 0, "Nothing runs"),
        (["staus"], 2, "There is no command 'staus'"),
        (["help", "staus"], 2, "There is no command 'staus'"),
    ],
)
def test_what_needs_no_packages_installs_none(copy: Copy, arguments: list[str], code: int, words: str) -> None:
    """Help, version, wrong words, and a look at what was never set up answer on a fresh clone, and leave it so."""
    came, out, err = copy.run(*arguments)
    assert (came, copy.installed) == (code, [])
    assert words in (out if code != 2 else err)
    assert not (copy.root / ".venv").exists()
    assert not (copy.root / ".nightshift").exists()


def test_status_of_a_fresh_clone_is_json_too(copy: Copy) -> None:
    """A program that asks gets JSON."""
    copy.environ["NIGHTSHIFT_HOME"] = 'a "home"'
    status = json.loads(copy.run("status", "--json")[1])
    assert (status["home"], status["running"], status["installed"]) == ('a "home"', False, False)


def test_help_of_the_tests_needs_no_more_packages(copy: Copy) -> None:
    """With the environment there, the command itself answers, without what only the tests need."""
    copy.run("up")
    assert copy.run("test", "--help")[:2] == (0, "cli test --help\n")
    assert copy.installed == ["requirements.txt"]


def test_status_looks_with_another_versions_packages(copy: Copy) -> None:
    """After an update of the requirements a look at what runs still installs nothing."""
    copy.run("up")
    for name in ("__init__", "main", "status"):
        (copy.root / "cli" / f"{name}.py").touch()
    (copy.root / "requirements.txt").write_text("# newer\n")
    assert copy.run("status")[:2] == (0, "cli status\n")
    assert copy.installed == ["requirements.txt"]


def test_two_first_uses_at_once(copy: Copy) -> None:
    """One installs, the other says that it waits; both then run."""
    copy.uv(pause=1.5)
    both = [copy.start("up"), copy.start("up")]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert copy.installed == ["requirements.txt"]
    assert sum("waiting for it" in err for _, err in outputs) == 1


def test_an_old_python_is_refused(copy: Copy, tmp_path: Path) -> None:
    """A Python that we do not run on is named, with what to do."""
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.18 && exit 0\nexit 1\n')
    old.chmod(0o755)
    copy.environ["NIGHTSHIFT_PYTHON"] = str(old)
    code, out, err = copy.run("up")
    assert (code, out) == (1, "")
    assert "Python 3.9.18" in err
    assert "3.11, 3.12 or 3.13" in err


def test_a_shim_that_does_not_run_is_passed_over(copy: Copy, tmp_path: Path) -> None:
    """The first Python that runs is taken, not the first that is there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3.11").write_text("#!/bin/sh\necho 'pyenv: version not installed' >&2\nexit 127\n")
    (folder / "python3.11").chmod(0o755)
    (folder / "python3.12").symlink_to(sys.executable)
    del copy.environ["NIGHTSHIFT_PYTHON"]
    copy.environ["PATH"] = f"{folder}:/usr/bin:/bin"
    assert copy.run("up")[:2] == (0, "cli up\n")


def test_a_folder_of_others_is_not_touched(copy: Copy, tmp_path: Path) -> None:
    """NIGHTSHIFT_VENV that names a folder with something else in it is refused."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine")
    copy.environ["NIGHTSHIFT_VENV"] = str(precious)
    code, _, err = copy.run("up")
    assert code == 1
    assert "NIGHTSHIFT_VENV" in err
    assert (precious / "file").read_text() == "mine"


def test_openmp_is_lent_where_the_system_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LightGBM's wheel needs libgomp.so.1, which slim systems lack: scikit-learn's own copy stands in under that name."""
    brought = tmp_path / "lib/python3.11/site-packages/scikit_learn.libs/libgomp-0123.so.1.0.0"
    brought.parent.mkdir(parents=True)
    brought.touch()

    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(install.ctypes, "CDLL", missing)
    install.lend_openmp(tmp_path)
    assert (tmp_path / "lib/openmp/libgomp.so.1").resolve() == brought
    monkeypatch.setattr(install.ctypes, "CDLL", lambda name: name)
    (tmp_path / "lib/openmp/libgomp.so.1").unlink()
    install.lend_openmp(tmp_path)
    assert not (tmp_path / "lib/openmp/libgomp.so.1").exists()
