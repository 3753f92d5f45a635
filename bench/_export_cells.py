"""Cells of fuzzed exports: what a shop writes in a column of each kind, and what it should not."""

from __future__ import annotations

from hypothesis import strategies as st

IDS = st.sampled_from(["1", "007", "p-1", "A#1001", "9007199254740993", "x y", "é", "c_2", "202.0", "NULL", "1e5"])

WORDS = st.sampled_from(
    [
        "Thing",
        "Thing, big",
        'say "hi"',
        '12" pipe',
        "two\nlines",
        "two\r\nlines",
        "a;b\tc|d",
        " led by a blank",
        "blank ",
        "🎁 é ß",
        "'; DROP TABLE shop.customer; --",
        "<script>alert(1)</script>",
        "=1+1",
        "N/A",
        "\\N",
        "nul\0inside",
        "\u2028sep",
        "x" * 300,
        "café\u0301",
        "经典款",
        "\x1b[31mred",
        "Dear all,\nthanks, a lot, yes",
        "-",
        "0",
        "%s {} %(a)s",
        "\ufeffmark",
    ]
)

GOOD: dict[str, st.SearchStrategy[str]] = {
    "text": WORDS,
    "integer": st.sampled_from(
        ["1", "12", "+3", "-4", "5.0", "6.", " 7 ", "9223372036854775807", "-9223372036854775808", "007"]
    ),
    "number": st.sampled_from(
        ["1", "1.5", "+2.25", "-3", ".5", "6.", "1e3", "2E-2", " 4.75 ", "0.1", "123456789.125", "-0.0", "1e308"]
    ),
    "boolean": st.sampled_from(["true", "False", "T", "f", "YES", "no", "y", "N", "1", "0"]),
    "timestamp": st.sampled_from(
        [
            "2026-01-31",
            "2026-01-31 18:05",
            "2026-01-31T18:05:00",
            "2026-01-31 18:05:00.123456",
            "2026-01-31T18:05:00Z",
            "2026-01-31 18:05:00 +0000",
            "2026-01-31 18:05:00 -0500",
            "2026-01-31T18:05:00+05:30",
            "2026-01-31 18:05:00+01",
            "2024-02-29",
            " 2026-07-01 12:00:00 ",
            "2026-01-31 18:05:00 UTC",
            "1970-01-01 00:00:00+14:00",
            "0002-01-02",
        ]
    ),
}

BAD: dict[str, st.SearchStrategy[str]] = {
    "integer": st.sampled_from(
        ["1.5", "x", "NaN", "1e30", "9223372036854775808", "1,000", "0x10", "1_000", "١٢", "--1", "true", "inf"]
    ),
    "number": st.sampled_from(
        [
            "1,5",
            "nan",
            "inf",
            "-Infinity",
            "12 EUR",
            "1.234,5",
            "1 000",
            "1_000",
            "0x1p3",
            "1e999",
            "١٢",
            "x",
            "€3",
            "1.2.3",
            "+-1",
        ]
    ),
    "boolean": st.sampled_from(["maybe", "2", "-1", "NaN", "wahr?", "1.0.", "tru"]),
    "timestamp": st.sampled_from(
        [
            "31/12/2026",
            "2026-13-01",
            "2026-02-30",
            "0000-00-00 00:00:00",
            "now",
            "infinity",
            "1767225600",
            "2026-01-31 24:00:00",
            "2026-01-31 18:05:00 BST",
            "2026-01-31 18:05:00+99:00",
            "20260131",
            "2026-1-3",
            "44000-01-01",
            "2026-01-31 BC",
            "9999-12-31",
            "2026-01-31T18:05:00[Europe/Paris]",
            "epoch",
            "２０２６-01-01",
        ]
    ),
}
