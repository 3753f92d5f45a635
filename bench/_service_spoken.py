"""What is understood of spoken tickets: word error rate of each engine and voice, and the intents of what was understood."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench import Options, Row
from ml.adapters.recordings.engine import Transcriber, Transcript, engine, missing
from ml.adapters.recordings.sound import samples
from ml.adapters.recordings.speaking import speak, voices
from ml.capabilities.service.spec import SPEC
from ml.capabilities.service.starter import ANSWERS
from ml.core.errors import NightshiftError
from ml.settings import PROJECT, SPEECH
from ml.text import intents
from ml.text.intents import Classifier
from ml.text.mail import written

LEAST = 0.8
"""Share of the intents that are right of the written text which are to be right of the better voice's."""
_WORDS = PROJECT / "ml" / "shop" / "sources" / "demo" / "words"


class _Asked(NamedTuple):
    """Texts with their intents, the intents' names, and what the shop's answers teach of them."""

    texts: list[str]
    truth: list[str]
    names: list[str]
    model: Classifier

    def right(self, texts: list[str]) -> npt.NDArray[np.bool_]:
        """Whether the intent is that of the text, of each."""
        best = self.model.scores(_cleaned(texts)).argmax(axis=1)
        return np.array([self.names[k] == intent for k, intent in zip(best, self.truth, strict=True)])


def rows(options: Options) -> Iterator[Row]:
    """By voice: word errors of Whisper beside PocketSphinx; then intents of the transcript beside those of the written text."""
    task = _shop(8 if options.quick else 1)
    engines = {name: engine(name) for name in SPEECH if not missing(name)}
    if not engines or not voices():
        raise NightshiftError(
            "There is nothing that speaks, or nothing that listens.",
            came=f"voices {voices()}, engines {sorted(engines)}",
            do="pip install -r requirements-voice.txt and apt-get install flite espeak-ng",
        )
    written_right, chance = float(task.right(task.texts).mean()), 1 / len(task.names)
    note = f"{len(task.texts)} texts of the demo; the questions that come along are taught, none of them is among these"
    yield Row("intents, as written", "share", written_right, "chance", chance, written_right / chance, None, note)
    for voice in voices():
        yield from _voice(voice, task, engines, written_right)


def _voice(voice: str, task: _Asked, engines: Mapping[str, Transcriber], as_written: float) -> Iterator[Row]:
    heard = _heard(voice, task.texts, engines)
    rates = {name: _error_rate(task.texts, [part.text for part in found]) for name, found in heard.items()}
    ours, *others = heard
    peer = others[0] if others else ours
    note = "lower is better; the ratio is the other engine's rate over ours"
    yield Row(
        f"word error rate, {voice}",
        "share",
        rates[ours],
        peer,
        rates[peer],
        rates[peer] / max(rates[ours], 1e-9),
        None,
        note,
    )
    for name, found in heard.items():
        good = task.right([part.text for part in found])
        clear = np.array([part.confidence >= SPEC.params.least_heard for part in found])
        note = f"{clear.mean():.0%} are clear: right in {_mean(good[clear]):.3f} of these, in {_mean(good[~clear]):.3f} of the others"
        least = LEAST * as_written
        value = float(good.mean())
        yield Row(
            f"intents by {name}, {voice}",
            "share",
            value,
            f"{LEAST:.0%} of as written",
            least,
            value / least,
            None,
            note,
        )


def _mean(values: npt.NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _shop(step: int) -> _Asked:
    """English texts of the demo's tickets with their intents, and what the answers that come along teach."""
    plain = json.loads((_WORDS / "en.json").read_text(encoding="utf-8"))["tickets"]
    more = json.loads((_WORDS / "service.json").read_text(encoding="utf-8"))["en"]["more"]
    pairs = [(text, intent) for intent in plain for text in [*plain[intent], *more[intent]]]
    examples = [
        (line, str(row["intent"]))
        for row in ANSWERS
        if row["language"] == "en"
        for line in str(row["questions"]).splitlines()
    ]
    examples = [(line, intent) for line, intent in examples if line not in {text for text, _ in pairs}]
    names = sorted({intent for _, intent in examples})
    labels = np.array([names.index(intent) for _, intent in examples])
    fitted = intents.learn(_cleaned([line for line, _ in examples]), labels, len(names), SPEC.params, 7)
    pairs = pairs[::step]
    return _Asked([text for text, _ in pairs], [intent for _, intent in pairs], names, fitted)


def _cleaned(texts: list[str]) -> pa.Array:
    return written(pa.nulls(len(texts), pa.string()), pa.array(texts, pa.string()))


def _heard(voice: str, texts: list[str], engines: Mapping[str, Transcriber]) -> dict[str, list[Transcript]]:
    found: dict[str, list[Transcript]] = {name: [] for name in engines}
    with TemporaryDirectory() as folder:
        for i, text in enumerate(texts):
            speak(text, Path(folder) / f"{i}.wav", voice)
            sound = samples(f"{i}.wav", Path(folder))
            for name, model in engines.items():
                found[name].append(model.transcribe(sound))
    return found


def _error_rate(reference: list[str], understood: list[str]) -> float:
    """Words put in, left out or taken for others, over the words that were said."""
    pairs = [(_words(one), _words(other)) for one, other in zip(reference, understood, strict=True)]
    return sum(_distance(one, other) for one, other in pairs) / sum(len(one) for one, _ in pairs)


def _words(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]", "", text.lower().replace("-", " ")).split()


def _distance(one: list[str], other: list[str]) -> int:
    """Levenshtein 1966, over words."""
    row = list(range(len(other) + 1))
    for i, word in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, heard in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != heard))
    return row[-1]
