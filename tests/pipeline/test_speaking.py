"""Answers to tickets by phone become files that a telephone system plays: whose, which, and no other."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from ml.adapters.recordings import speaking
from ml.capabilities.service.tables.tickets import ANSWER, TRIAGE
from ml.core.errors import NightshiftError
from ml.pipeline.speaking import Spoken, speak_answers
from ml.settings import Settings
from tests.small_shop import execute

ESPEAK = """#!/bin/sh
if [ "$1" = --voices ]; then printf 'Pty Language\\n 5 en-gb M English\\n 5 de M German\\n'; exit; fi
while [ "$1" != -w ]; do [ "$1" = -v ] && voice=$2; shift; done
{ printf '%s: ' "$voice"; cat; } > "$2"
"""
ROWS = (
    ("t1", "phone", "send", "en", "It is on its way."),
    ("t2", "phone", "suggest", "de", "Sie ist unterwegs."),
    ("t3", "phone", "person", "en", "Somebody has to read this first."),
    ("t4", "mail", "send", "en", "By mail."),
    ("t5", "phone", "send", "en", "It is on its way."),
    ("t6", "phone", "send", "tlh", "nuqneH"),
    ("t7", "phone", "suggest", "en", ""),
)


@pytest.fixture
def espeak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An espeak-ng that speaks English and German and writes down what it was asked to say."""
    path = tmp_path / "bin" / "espeak-ng"
    path.parent.mkdir()
    path.write_text(ESPEAK)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
    speaking._languages.cache_clear()
    yield path
    speaking._languages.cache_clear()


def publish(settings: Settings) -> None:
    """The columns that are read of what a night publishes."""
    assert {"ticket_id", "decision", "language", "answer"} <= {*ANSWER.column_names, *TRIAGE.column_names}
    answers = ", ".join(f"('{t}', '{decision}', '{language}', '{text}')" for t, _, decision, language, text in ROWS)
    triage = ", ".join(f"('{ticket}', '{channel}')" for ticket, channel, *_ in ROWS)
    execute(
        settings.database_url,
        "CREATE TABLE ml.ticket_answer (ticket_id text, decision text, language text, answer text)",
        "CREATE TABLE ml.ticket_triage (ticket_id text, channel text)",
        f"INSERT INTO ml.ticket_answer VALUES {answers}",
        f"INSERT INTO ml.ticket_triage VALUES {triage}",
    )


def index(folder: Path) -> list[dict[str, str]]:
    """What ``answers.csv`` says."""
    with (folder / "answers.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_answers_by_phone_are_spoken_once_and_go_when_nobody_needs_them(settings, tmp_path, espeak):
    """What may be sent or suggested by phone, each text once, in its language; a language that is not spoken is named."""
    publish(settings)
    folder = tmp_path / "spoken"
    assert speak_answers(settings, folder) == Spoken(tickets=3, files=2, unspoken=("tlh",))
    spoken = {row["ticket_id"]: (folder / row["file"]).read_text() for row in index(folder)}
    assert spoken == {
        "t1": "en: It is on its way.",
        "t2": "de: Sie ist unterwegs.",
        "t5": "en: It is on its way.",
    }
    assert [(row["decision"], row["language"]) for row in index(folder)] == [
        ("send", "en"),
        ("suggest", "de"),
        ("send", "en"),
    ]
    own = folder / "hold music.wav"
    own.write_text("the shop's own")
    execute(settings.database_url, "DELETE FROM ml.ticket_answer WHERE ticket_id <> 't1'")
    assert speak_answers(settings, folder) == Spoken(tickets=1, files=0, unspoken=())
    assert sorted(path.suffix for path in folder.iterdir()) == [".csv", ".wav", ".wav"]
    assert own.exists()


def test_before_a_night_and_without_a_synthesiser_it_says_so(settings, tmp_path, espeak, monkeypatch):
    """Both are said in words, with what to do; no folder is left behind."""
    with pytest.raises(NightshiftError, match="There are no answers yet"):
        speak_answers(settings, tmp_path / "spoken")
    monkeypatch.setenv("PATH", str(tmp_path))
    speaking._languages.cache_clear()
    with pytest.raises(NightshiftError, match="espeak-ng does not run"):
        speak_answers(settings, tmp_path / "spoken")
    assert not (tmp_path / "spoken").exists()
