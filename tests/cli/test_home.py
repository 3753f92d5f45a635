"""The state folder: rights, secrets, locks."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cli import status
from cli.home import Home, read_json, write_private
from ml.core.errors import Busy, NightshiftError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A state folder that was just made."""
    fresh = Home(tmp_path / "home")
    fresh.ensure()
    return fresh


def mode(path: Path) -> int:
    """Rights of ``path``."""
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_gets_in(home: Home) -> None:
    """The folder is 0700, also when it was made wider before, and what holds secrets is 0600."""
    assert mode(home.root) == 0o700
    home.root.chmod(0o755)
    home.ensure()
    assert mode(home.root) == 0o700
    home.secrets()
    assert mode(home.secrets_file) == 0o600


def test_secrets_are_made_once(home: Home) -> None:
    """Secrets stay as they are: pseudonyms of another night would not be the same with another key."""
    first = home.secrets()
    assert home.secrets() == first
    assert len(set(first.values())) == len(first)


def test_two_homes_share_no_secret(home: Home, tmp_path: Path) -> None:
    """Each state folder has secrets of its own."""
    other = Home(tmp_path / "other")
    other.ensure()
    assert not set(home.secrets().values()) & set(other.secrets().values())


def test_a_held_lock_is_busy(home: Home) -> None:
    """Who waits in vain for a lock is told so, with exit code 5."""
    calls: list[str] = []
    with (
        home.locked("x.lock"),
        pytest.raises(Busy, match="at work") as caught,
        home.locked("x.lock", patience=0.2, waiting=lambda: calls.append("waits")),
    ):
        pass
    assert caught.value.exit_code == 5
    assert calls == ["waits"]


def test_a_lock_is_free_again(home: Home) -> None:
    """A lock ends with its block, also by an error."""
    with pytest.raises(ValueError, match="x"), home.locked("x.lock"):
        raise ValueError("x")
    with home.locked("x.lock", patience=0):
        pass


def test_a_damaged_state_file_is_named(home: Home) -> None:
    """A file that is no JSON is an error that names it."""
    write_private(home.stack_file, "{")
    with pytest.raises(NightshiftError, match="damaged") as caught:
        read_json(home.stack_file)
    assert str(home.stack_file) in caught.value.came


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A state folder below a file is an error that says what to set."""
    (tmp_path / "file").touch()
    with pytest.raises(NightshiftError, match="NIGHTSHIFT_HOME"):
        Home(tmp_path / "file" / "home").ensure()


def test_status_shows_a_folder_as_it_is_called_and_what_differs_in_mlflow(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets in a path are no markup; a champion that was moved in MLflow is a line of its own."""
    service = {
        "name": "postgres",
        "state": "ready",
        "pid": 1,
        "uptime_s": 1.0,
        "memory_bytes": 1,
        "restarts": 0,
        "address": "",
        "wrong": "",
    }
    status.show(
        {
            "home": "/shop [a]",
            "services": [service],
            "running": True,
            "links": {"Logs": "/shop [a]/logs"},
            "dags": [],
            "registry": ["MLflow's champion of risk is version 1, but version 2 serves"],
            "nights": [],
            "disk": {},
        }
    )
    printed = capsys.readouterr().out
    assert "/shop [a]/logs" in printed
    assert "MLflow differs:       MLflow's champion of risk is version 1, but version 2 serves" in printed
