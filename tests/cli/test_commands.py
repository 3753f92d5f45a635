"""The command line as scripts see it: exit codes, standard output, standard error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import main, nights, reference
from cli.output import seconds, size
from ml.settings import PROJECT

COMMANDS = """
demo,encoder,test,check,up,down,status,help,night,train,promote,rollback,bench,sql,psql,erase,docs,lock,new capability,database check,shop load,shop restore,shop check,shop template,shop connect,shop export-lists,shop speak-answers,serve,backup,restore,upgrade,dags
""".strip().split(",")


def run(home: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command with the state folder ``home``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTSHIFT_")}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        env=kept | {"NIGHTSHIFT_HOME": str(home)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_help_names_every_command_and_the_exit_codes(tmp_path: Path) -> None:
    """Help is whole and makes no state folder."""
    code, out, _ = run(tmp_path / "home", "--help")
    assert code == 0
    for command in {name.split()[0] for name in COMMANDS}:
        assert f" {command} " in out
    assert "Exit codes:" in out
    assert not (tmp_path / "home").exists()


def test_every_command_says_what_it_does() -> None:
    """Each command has a help text of a whole sentence."""
    import typer.main

    group = typer.main.get_command(main.app)
    help_texts = {}
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        for inner, sub in getattr(command, "commands", {"": command}).items():
            help_texts[f"{name} {inner}".strip()] = (sub.help or "").strip()
    assert set(help_texts) == set(COMMANDS)
    assert [name for name, text in help_texts.items() if not text.split("\n")[0].endswith((".", "]."))] == []


def test_the_page_of_commands_is_current() -> None:
    """docs/commands.md is what the commands say of themselves; `python -m cli.reference` writes it."""
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page()


def test_help_and_version_are_commands(tmp_path: Path) -> None:
    """``help night`` prints what ``night --help`` does; the version is the project's."""
    assert run(tmp_path, "help", "shop", "load") == run(tmp_path, "shop", "load", "--help")
    assert "Usage: ./nightshift test" in run(tmp_path, "test", "--help")[1]
    code, out, _ = run(tmp_path, "--version")
    assert (code, f'version = "{out.split()[1]}"' in (PROJECT / "pyproject.toml").read_text()) == (0, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["night", "--date", "tomorrow"],
        ["promote", "recommender", "0"],
        ["shop", "load", "tables"],
        ["shop", "load", "olist", "--data", "/no/such"],
        ["shop", "load", "olist", "--data", "/", "--seed", "1"],
        ["demo", "--shop", "online_retail"],
    ],
)
def test_wrong_use_is_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    """Wrong arguments are refused before anything starts."""
    code, _, err = run(tmp_path / "home", *arguments)
    assert code == 2
    assert "Traceback" not in err
    assert not (tmp_path / "home").exists()


def test_status_of_nothing(tmp_path: Path) -> None:
    """Without a stack status says so and ends with 1, as text and as JSON; down has nothing to do."""
    code, out, _ = run(tmp_path / "home", "status")
    assert (code, "./nightshift up" in out) == (1, True)
    code, out, _ = run(tmp_path / "home", "status", "--json")
    assert (code, json.loads(out)["running"]) == (1, False)
    assert run(tmp_path / "home", "down")[0] == 0


def test_an_error_is_text_for_a_person(tmp_path: Path) -> None:
    """A foreseen error goes to standard error, says what to do, shows no traceback."""
    code, out, err = run(tmp_path / "home", "sql", "SELECT 1")
    assert (code, out) == (1, "")
    assert "./nightshift up" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["train", "recomender"], "recommender"),
        (["night", "-c", "risk", "-c", "Sentimant"], "sentiment"),
        (["promote", "rissk", "1"], "risk"),
        (["rollback", "ml.recomendation"], "recommendation"),
        (["shop", "load", "olst"], "olist"),
        (["demo", "--shop", "online-retail"], "online_retail"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(tmp_path: Path, arguments: list[str], nearest: str) -> None:
    """A misspelt capability or table is wrong use, and is refused before anything starts."""
    code, _, err = run(tmp_path / "home", *arguments)
    assert code == 2
    assert f"the nearest is {nearest}\n" in err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("NIGHTSHIFT_TIMEZONE", "Europe/Pariss"), ("NIGHTSHIFT_TIMEZONE", "Europe"), ("NIGHTSHIFT_DATABASE_URL", "x")],
)
def test_a_setting_that_cannot_be_is_wrong_use(tmp_path: Path, name: str, value: str) -> None:
    """A zone or a URL that nobody knows is refused by its name, with exit code 2 and no traceback."""
    environ = {"NIGHTSHIFT_HOME": str(tmp_path / "home"), name: value}
    line = [sys.executable, "-m", "cli", "night", "--date", "2026-01-01"]
    done = subprocess.run(line, env=os.environ | environ, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, name in done.stderr) == (2, True)
    assert "did not foresee" not in done.stderr


@pytest.mark.parametrize("command", [["night"], ["night", "--local"], ["train", "risk"], ["demo"]])
def test_a_night_of_the_future_is_refused(tmp_path: Path, command: list[str]) -> None:
    """A date that has not come is wrong use, and is refused before anything starts."""
    code, _, err = run(tmp_path / "home", *command, "--date", "2127-11-27")
    assert code == 2
    assert "lies in the future" in err
    assert not (tmp_path / "home").exists()


def test_what_a_training_decided_is_in_words() -> None:
    """Version and outcome; of a replay nothing says that it is served."""
    decisions = {
        status: nights.decision({"status": status, "version": 3, "why": "Because."})
        for status in ("promote", "baseline", "refuse", "replay", "champion")
    }
    assert all("version 3" in words and words.endswith("Because.") for words in decisions.values())
    assert [status for status, words in decisions.items() if "next night serves it" in words] == ["promote", "baseline"]


def test_an_unforeseen_error_goes_to_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The traceback is kept, the person reads two lines."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NIGHTSHIFT_DEBUG", raising=False)
    monkeypatch.setattr(main, "app", lambda **_: 1 // 0)
    with pytest.raises(SystemExit) as caught:
        main.run()
    assert caught.value.code == 1
    printed = capsys.readouterr().err
    assert "ZeroDivisionError: " in printed
    assert "Traceback" not in printed
    assert "Traceback" in (tmp_path / "home" / "logs" / "cli.log").read_text()


def test_starting_is_light() -> None:
    """Help and errors do not wait for the libraries of the pipeline."""
    code = "import sys, cli.main; print(*(m for m in ('pandas', 'pyarrow', 'mlflow', 'airflow') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_durations_and_sizes_are_for_people() -> None:
    """The doctests' edge cases."""
    assert [seconds(value) for value in (3.21, 75, 7320, 200_000)] == ["3.2 s", "1 min 15 s", "2 h 2 min", "2 d 7 h"]
    assert [size(value) for value in (512, 1536, 3 * 2**30)] == ["512 B", "1.5 KiB", "3.0 GiB"]
