"""Whatever is wrong with a model's files is one error that says which capability to train again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.core import artifacts
from ml.core.errors import ArtifactError


@pytest.mark.parametrize(
    ("text", "came"),
    [
        (None, "FileNotFoundError"),
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", "KeyError: 'format'"),
        ('{"format": 1}', "format 1, this code reads 2"),
        ('{"format": 2}', "KeyError: 'weights'"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str | None, came: str) -> None:
    """Missing, torn, of another kind or format, or without what the model needs."""
    if text is not None:
        (tmp_path / "model.json").write_text(text)
    with (
        pytest.raises(ArtifactError, match="The files of the model of cart cannot be read") as raised,
        artifacts.reading(tmp_path, "cart", 2) as kept,
    ):
        kept["weights"]
    assert came in str(raised.value)
    assert "./nightshift train cart" in str(raised.value)


def test_a_librarys_own_error_is_taken_only_where_it_is_named(tmp_path: Path) -> None:
    """Anything else that is raised in the block stays what it is."""
    (tmp_path / "model.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(ArtifactError), artifacts.reading(tmp_path, "cart", 2, ArithmeticError):
        raise ArithmeticError
    with pytest.raises(ArithmeticError), artifacts.reading(tmp_path, "cart", 2):
        raise ArithmeticError
