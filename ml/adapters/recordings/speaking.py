"""Texts spoken to a WAV file by a synthesiser of this machine: espeak-ng, which has many languages, or flite, clearer, in English."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ml.core.errors import NightshiftError

FLITE = ("awb", "slt", "rms", "kal16")
"""Its voices that are used."""
_PATIENCE_S = 60


def voices() -> list[str]:
    """English voices of what is installed, as :func:`speak` takes them; empty: no synthesiser is."""
    flite = [f"flite {name}" for name in FLITE] if shutil.which("flite") else []
    return [*flite, *(["espeak-ng en-us"] if shutil.which("espeak-ng") else [])]


def speak(text: str, path: Path, voice: str) -> None:
    """Say ``text`` into the WAV file ``path``.

    Parameters
    ----------
    voice : str
        ``flite NAME`` or ``espeak-ng LANGUAGE``.

    Raises
    ------
    NightshiftError
        The synthesiser is not installed, or does not know the voice.
    """
    program, _, name = voice.partition(" ")
    lines = {
        "flite": ["flite", "-voice", name, "-f", "/dev/stdin", "-o", str(path)],
        "espeak-ng": ["espeak-ng", "-v", name, "-s", "150", "-w", str(path), "--stdin"],
    }
    found = _run(lines[program], text) if shutil.which(program) else "it is not installed"
    if found or not path.is_file():
        raise NightshiftError(
            "A text cannot be spoken.",
            came=f"{voice}: {found or 'no file was written'}",
            do=f"apt-get install {program}",
        )


def speaks(language: str) -> bool:
    """Whether espeak-ng is installed and speaks a language of ISO 639-1."""
    return bool(re.fullmatch(r"[a-z]{2}", language)) and language in _languages()


@cache
def _languages() -> frozenset[str]:
    if not shutil.which("espeak-ng"):
        return frozenset()
    listing = subprocess.run(
        ["espeak-ng", "--voices"], capture_output=True, text=True, check=False, timeout=_PATIENCE_S
    )
    return frozenset(line.split()[1][:2] for line in listing.stdout.splitlines()[1:] if len(line.split()) > 1)


def _run(line: Sequence[str], text: str) -> str:
    """What went wrong; empty: nothing."""
    try:
        ended = subprocess.run(line, input=text.encode(), capture_output=True, check=False, timeout=_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if not ended.returncode else ended.stderr.decode(errors="replace").strip()[:200] or "it failed"
