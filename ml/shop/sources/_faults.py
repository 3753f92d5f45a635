"""Faults of files, gathered by kind: each with three examples and a count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ml.core.errors import ContractError

EXAMPLES = 3
WIDEST = 60
"""Characters of a value that are quoted."""


@dataclass
class _Kind:
    count: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Faults:
    """What is wrong, by file, column and problem."""

    what: str = "The folder does not fit the contract."
    do: str = "correct the files; ./nightshift shop template FOLDER writes empty ones that fit"
    kinds: dict[tuple[str, str, str], _Kind] = field(default_factory=dict)

    def add(self, file: str, problem: str, *, column: str = "", where: str = "", came: str = "") -> None:
        """Add one fault; ``where`` is its line or row, ``came`` what stands there."""
        kind = self.kinds.setdefault((file, column, problem), _Kind())
        kind.count += 1
        if where and len(kind.examples) < EXAMPLES:
            kind.examples.append((where, came))

    def has(self, file: str) -> bool:
        """Whether a file has a fault already."""
        return any(of == file for of, _, _ in self.kinds)

    def wanted(self, file: str, column: str, problem: str) -> int:
        """How many more examples of a kind would be shown."""
        kind = self.kinds.get((file, column, problem))
        return EXAMPLES - len(kind.examples) if kind else EXAMPLES

    def more(self, file: str, column: str, problem: str, count: int) -> None:
        """Count further faults of a kind without an example."""
        self.kinds[file, column, problem].count += count

    def check(self, folder: Path) -> None:
        """Raise if there is any.

        Raises
        ------
        ContractError
            With all of them.
        """
        if self.kinds:
            raise ContractError(
                self.what,
                came="\n".join([str(folder), *self._lines()]),
                do=self.do,
            )

    def _lines(self) -> Iterator[str]:
        for (file, column, problem), kind in self.kinds.items():
            head = f"{file}: " if file else ""
            if not kind.examples:
                yield head + problem
                continue
            noun = f"column {column}: {kind.count:,} value" if column else f"{kind.count:,} row"
            shown = ", ".join(f"{where} {_quoted(came)}" for where, came in kind.examples)
            rest = " …" if kind.count > len(kind.examples) else ""
            yield f"{head}{noun}{'' if kind.count == 1 else 's'}, {problem}: {shown}{rest}"


def _quoted(value: str) -> str:
    value = value.rstrip("\r\n")
    return repr(value if len(value) <= WIDEST else value[: WIDEST - 3] + "...")
