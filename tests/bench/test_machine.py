"""Figures name the processor that they were measured on."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench._machine import machine


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("flags\t\t: fpu avx avx2 bmi2", ", AVX2"),
        ("flags\t\t: avx2 avx512f avx512_vnni avx_vnni", ", AVX2, AVX-512, VNNI"),
        ("Features\t: fp asimd", ", NEON"),
        ("flags\t\t: fpu", "vector units not known"),
    ],
)
def test_the_vector_units_are_named(tmp_path: Path, flags: str, words: str) -> None:
    """AVX2 alone, AVX-512 with VNNI, an ARM, and none that we know."""
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(
        f"processor\t: 0\nmodel name\t: Some Processor\n{flags}\n\nprocessor\t: 1\nmodel name\t: Other\n"
    )
    described = machine(cpuinfo)
    assert described.startswith("Some Processor, ")
    assert described.endswith(words)


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    """Without /proc/cpuinfo the figure still stands, and says that the units are not known."""
    assert "vector units not known" in machine(tmp_path / "none")
