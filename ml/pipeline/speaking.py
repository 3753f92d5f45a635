"""The answers to tickets that came by phone, spoken to files."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from ml.adapters import postgres
from ml.adapters.recordings import speaking
from ml.core.errors import NightshiftError
from ml.settings import Settings

INDEX = "answers.csv"
_ANSWERS = """
SELECT a.ticket_id, a.decision, a.language, a.answer FROM ml.ticket_answer a JOIN ml.ticket_triage t USING (ticket_id)
WHERE t.channel = 'phone' AND a.answer <> '' AND a.decision <> 'person' ORDER BY a.ticket_id
"""


class Spoken(NamedTuple):
    """What was written: tickets in the index, files that are new, and languages that are not spoken."""

    tickets: int
    files: int
    unspoken: tuple[str, ...]


def speak_answers(settings: Settings, folder: Path) -> Spoken:
    """Write ``<hash>.wav`` for each answer to a ticket by phone that may be sent or suggested, and ``answers.csv``.

    The index has ``ticket_id``, ``decision``, ``language`` and ``file``. An answer that stands there already is not spoken again,
    one that no ticket has any more is removed.

    Raises
    ------
    NightshiftError
        espeak-ng is not installed, or no night has published answers yet.
    """
    if not speaking.speaks("en"):
        raise NightshiftError(
            "Answers cannot be spoken.", came="espeak-ng does not run", do="apt-get install espeak-ng"
        )
    if not postgres.query(settings.database_url, "SELECT to_regclass('ml.ticket_answer') IS NOT NULL AS there")[0][
        "there"
    ]:
        raise NightshiftError(
            "There are no answers yet.", came="no table ml.ticket_answer", do="run a night of a shop with tickets"
        )
    folder.mkdir(parents=True, exist_ok=True)
    index, new, unspoken = [], 0, set()
    for row in postgres.query(settings.database_url, _ANSWERS):
        if not speaking.speaks(row["language"]):
            unspoken.add(row["language"])
            continue
        digest = hashlib.sha256(f"{row['language']} {row['answer']}".encode()).hexdigest()[:32]
        path = folder / f"{digest}.wav"
        if not path.exists():
            speaking.speak(row["answer"], path, f"espeak-ng {row['language']}")
            new += 1
        index.append((row["ticket_id"], row["decision"], row["language"], path.name))
    with (folder / INDEX).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("ticket_id", "decision", "language", "file"), *index])
    kept = {name for *_, name in index}
    for path in folder.glob("*.wav"):
        if re.fullmatch(r"[0-9a-f]{32}\.wav", path.name) and path.name not in kept:
            path.unlink()
    return Spoken(len(index), new, tuple(sorted(unspoken)))
