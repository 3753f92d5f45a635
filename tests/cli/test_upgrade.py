"""An upgrade over a small repository whose ``./nightshift`` only writes down what it is asked."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli import upgrade
from cli.home import Home, write_private
from cli.output import Steps
from ml.core.errors import NightshiftError, WrongUse
from ml.core.version import VERSION
from ml.settings import PROJECT


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two versions, v0.1.0 (checked out) and v0.2.0."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for version in ("0.1.0", "0.2.0"):
        (folder / "version").write_text(version)
        git(folder, "add", "--all")
        git(folder, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "--quiet", "-m", version)
        git(folder, "tag", f"v{version}")
    git(folder, "checkout", "--quiet", "v0.1.0")
    return folder


def git(folder: Path, *arguments: str) -> None:
    """Run git."""
    subprocess.run(["git", "-C", str(folder), *arguments], check=True)


class Commands:
    """Stands for ``./nightshift``: which version was asked for what; ``fails`` at one of them."""

    def __init__(self, repository: Path, fails: str = "", reads: str = "the same\n") -> None:
        self.repository, self.fails, self.reads = repository, fails, reads
        self.done: list[str] = []

    def __call__(self, arguments: Sequence[str]) -> str:
        version = (self.repository / "version").read_text()
        self.done.append(f"{version} {' '.join(arguments[: 1 if arguments[0] == 'sql' else 3])}")
        if self.done[-1] == self.fails:
            raise NightshiftError(f"./nightshift {arguments[0]} failed.")
        if arguments[0] == "sql":
            return self.reads if version == "0.2.0" else "the same\n"
        return ""


def test_an_upgrade_backs_up_installs_migrates_and_checks(repository: Path) -> None:
    """The old version makes the backup and ends; the new one starts and must show the shop the same."""
    commands = Commands(repository)
    upgrade.take(repository, "v0.2.0", "/kept", commands, Steps(None))
    old, new = ["0.1.0 backup /kept", "0.1.0 sql", "0.1.0 down"], ["0.2.0 up", "0.2.0 sql", "0.2.0 status"]
    assert commands.done == old + new


@pytest.mark.parametrize(("fails", "reads"), [("0.2.0 up", ""), ("0.2.0 status", "the same\n"), ("", "other rows\n")])
def test_it_goes_back_by_itself(repository: Path, fails: str, reads: str) -> None:
    """Where the new version does not start, is not well or shows other rows, the old one runs again on its own data."""
    commands = Commands(repository, fails, reads)
    with pytest.raises(NightshiftError, match="the version before runs again"):
        upgrade.take(repository, "v0.2.0", "/kept", commands, Steps(None))
    assert commands.done[-3:] == ["0.2.0 down", "0.1.0 upgrade --back /kept", "0.1.0 up"]


def test_what_cannot_be_upgraded_is_said_before_anything_is_done(repository: Path, tmp_path: Path) -> None:
    """A version that is not there, changes of one's own, and a folder that is no repository."""
    commands = Commands(repository)
    with pytest.raises(WrongUse, match=r"v0\.1\.0, v0\.2\.0"):
        upgrade.take(repository, "v9", "/kept", commands, Steps(None))
    (repository / "version").write_text("mine")
    with pytest.raises(WrongUse, match="changes of your own"):
        upgrade.take(repository, "v0.2.0", "/kept", commands, Steps(None))
    with pytest.raises(NightshiftError, match="git clone"):
        upgrade.take(tmp_path, "v0.2.0", "/kept", commands, Steps(None))
    assert commands.done == []


def test_a_newer_home_is_refused_in_words(tmp_path: Path) -> None:
    """What a newer version made is not touched; what this or an older one made is taken on."""
    home = Home(tmp_path / "home")
    home.ensure()
    home.refuse_newer()
    write_private(home.version_file, '{"version": "0.0.9"}')
    home.refuse_newer()
    assert VERSION in home.version_file.read_text()
    write_private(home.version_file, '{"version": "9.10.0"}')
    with pytest.raises(WrongUse, match=r"version 9\.10\.0"):
        home.refuse_newer()
    assert "9.10.0" in home.version_file.read_text()


def test_the_version_is_said_once() -> None:
    """What the wheel, the command and the home call the version is the same."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION
