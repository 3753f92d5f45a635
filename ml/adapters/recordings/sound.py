"""Sound files from outside: read without trust, as one channel of 16,000 samples a second."""

from __future__ import annotations

import wave
from importlib.util import find_spec
from math import gcd
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.adapters.given import placed
from ml.core.pictures import Unreadable

Samples = npt.NDArray[np.float32]
RATE = 16_000
LARGEST_FILE, LARGEST_PACKED = 120 * 2**20, 20 * 2**20
"""Bytes of a WAV file, and of one that unpacks to more."""
LONGEST_S = 600
"""Longer recordings are no question but a conversation: people listen to them."""
_SHORTEST_S = 0.2


def tag(uri: str, folder: Path) -> str:
    """What changes when the recording does: its file's size and time; empty where there is none."""
    try:
        found = placed(uri, folder, "recordings", "NIGHTSHIFT_RECORDINGS").stat()
    except (OSError, Unreadable, ValueError):
        return ""
    return f"{found.st_size}-{found.st_mtime_ns}"


def samples(uri: str, folder: Path) -> Samples:
    """Read a recording.

    WAV files of 16-bit samples are read as they are, other formats (MP3, Ogg, M4A …) by the libraries of the engines.

    Raises
    ------
    Unreadable
        Why, in words.
    """
    path = placed(uri, folder, "recordings", "NIGHTSHIFT_RECORDINGS")
    try:
        size = path.stat().st_size
    except (OSError, ValueError):
        raise Unreadable(f"there is no file {uri[:200]} in the folder of recordings") from None
    if size > LARGEST_FILE:
        raise Unreadable(f"the recording has {size:,} bytes, at most {LARGEST_FILE:,} are read")
    found = _wave(path)
    found = _other(path) if found is None else found
    if len(found) > LONGEST_S * RATE:
        raise Unreadable(f"the recording takes more than {LONGEST_S // 60} minutes; no longer ones are read")
    if len(found) < _SHORTEST_S * RATE or np.abs(found).max() < 1e-3:
        raise Unreadable("there is no sound in the recording")
    return found


def _wave(path: Path) -> Samples | None:
    """A WAV file of 16-bit samples; None where it is of another kind."""
    try:
        with wave.open(str(path)) as file:
            rate, channels = file.getframerate(), file.getnchannels()
            if file.getsampwidth() != 2 or not 1000 <= rate <= 200_000 or not channels:
                return None
            raw = file.readframes(min(file.getnframes(), (LONGEST_S + 1) * rate))
    except (wave.Error, EOFError):
        return None
    except OSError as error:
        raise Unreadable(f"the file cannot be opened: {error.strerror or error}") from None
    whole = np.frombuffer(raw[: len(raw) // (2 * channels) * 2 * channels], "<i2").reshape(-1, channels)
    one: Samples = (whole.mean(axis=1) / 32768).astype(np.float32)
    if rate == RATE or not len(one):
        return one
    from scipy.signal import resample_poly

    common = gcd(RATE, rate)
    found: Samples = resample_poly(one, RATE // common, rate // common)
    return np.clip(found, -1, 1).astype(np.float32)


def _other(path: Path) -> Samples:
    if path.stat().st_size > LARGEST_PACKED:
        raise Unreadable(f"the recording has more than {LARGEST_PACKED:,} bytes; no larger ones are read")
    if find_spec("av") is None or find_spec("faster_whisper") is None:
        raise Unreadable("the file is no WAV file of 16-bit samples; others need pip install -r requirements-voice.txt")
    from faster_whisper import decode_audio

    try:
        return np.asarray(decode_audio(str(path), sampling_rate=RATE), np.float32)
    except (OSError, ValueError, IndexError):  # PyAV's errors are among these
        raise Unreadable("the file is no recording that can be read, or is damaged") from None
