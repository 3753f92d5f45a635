"""Experiments as the staff wrote them: arms, shares, population, and what is wrong with them in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

Shows = Literal["champion", "version", "baseline", "rules", "nothing"]
CANARY_START = 8
"""A canary begins with an eighth of its share and doubles each night."""


@dataclass(frozen=True)
class Arm:
    """What some customers see: the champion, a version, the baseline, the champion by a set of rules, or nothing."""

    name: str
    shows: Shows
    share: float
    version: int | None = None
    rule_set: str | None = None


@dataclass(frozen=True)
class Experiment:
    """Arms of one capability from ``starts`` on; see ``ml_config.experiment``."""

    name: str
    capability: str
    mode: str
    population: str | None
    starts: date
    ends: date | None
    arms: tuple[Arm, ...]

    @property
    def control(self) -> str:
        """The arm that others are compared with; '': the customers in no arm."""
        return next((arm.name for arm in self.arms if arm.shows == "champion"), "")

    def runs(self, night: date) -> bool:
        """Whether customers see its arms in this night."""
        return self.starts <= night and (self.ends is None or night < self.ends)


def read(rows: Sequence[Mapping[str, Any]]) -> list[Experiment]:
    """The experiments of the rows of ``ml_config.experiment``, by name."""
    found = []
    for name in sorted({row["name"] for row in rows}):
        arm_rows = sorted((row for row in rows if row["name"] == name), key=lambda row: str(row["arm"]))
        arms = tuple(
            Arm(row["arm"], row["shows"], float(row["share"]), row["version"], row.get("rule_set")) for row in arm_rows
        )
        first = arm_rows[0]
        found.append(
            Experiment(
                name,
                first["capability"],
                first["mode"],
                first["population"],
                first["starts_on"],
                first["ends_on"],
                arms,
            )
        )
    return found


def faults(
    rows: Sequence[Mapping[str, Any]],
    night: date,
    known: Mapping[str, Collection[int]],
    begun: Mapping[tuple[str, str], Any],
    sets: Mapping[str, Collection[str]] | None = None,
) -> dict[str, list[str]]:
    """Why an experiment is not run (or not as it is written now), by its name.

    Parameters
    ----------
    known : mapping of str to collection of int
        By capability, the versions that can still be loaded.
    begun : mapping
        By experiment and arm, the row with which it began.
    sets : mapping of str to collection of str, optional
        By capability, the sets of rules that there are; not asked if not given.
    """
    found: dict[str, list[str]] = {}
    running = [one for one in read(rows) if one.runs(night)]
    for one in running:
        arms = [row for row in rows if row["name"] == one.name]
        words = found.setdefault(one.name, [])
        for column in ("capability", "mode", "population", "starts_on", "ends_on"):
            if len({str(row[column]) for row in arms}) > 1:
                words.append(f"its arms differ in {column}")
        if (total := sum(arm.share for arm in one.arms)) > 1 + 1e-9:
            words.append(f"its shares add up to {total:.0%}, above 100 %")
        if one.capability not in known:
            words.append(f"there is no capability {one.capability}")
        words += [
            f"arm {arm.name} shows version {arm.version}, which was deleted or never was"
            for arm in one.arms
            if arm.shows == "version" and arm.version not in known.get(one.capability, ())
        ]
        words += [
            f"arm {arm.name} shows the rules of {arm.rule_set}, and no rule is of that set"
            for arm in one.arms
            if arm.shows == "rules" and sets is not None and arm.rule_set not in sets.get(one.capability, ())
        ]
        if changed := [
            row["arm"] for row in arms if (one.name, row["arm"]) in begun and _differs(row, begun[one.name, row["arm"]])
        ]:
            words.append(
                f"{', '.join(changed)} changed after its start, which would mix what was shown before and after: "
                "it goes on as it began; end it and begin another under a new name"
            )
    for at, one in enumerate(running):
        for other in running[:at]:
            both = None in (one.population, other.population) or one.population == other.population
            if one.capability == other.capability and both and "shadow" not in (one.mode, other.mode):
                later = max((one, other), key=lambda e: (e.starts, e.name))
                first = other if later is one else one
                found[later.name].append(
                    f"{first.name} runs on the same customers of {one.capability}; one of them must wait, or each take its own "
                    "population"
                )
    return {name: words for name, words in found.items() if words}


def _differs(row: Mapping[str, Any], began: Mapping[str, Any]) -> bool:
    return any(
        str(row.get(name)) != str(began.get(name))
        for name in ("shows", "version", "rule_set", "share", "mode", "population", "starts_on")
    )
