"""What comes up, whether it grows by more than chance, and what of it nothing answers; and solved tickets like a waiting one.

Tickets whose intent is known are a topic by it. The others are clustered by what sets them apart from the known ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.service.spec import UNKNOWN, Params
from ml.core.units import DAY_US
from ml.text.clusters import clusters, contrast
from ml.text.mail import written
from ml.text.ridge import rows_of
from ml.text.tokens import HEADLINE, Texts
from ml.text.wishes import sentences
from ml.text.words import fold, words

Row = dict[str, Any]
Labels = npt.NDArray[np.int64]

MOST = 4_000
"""At most so many tickets are clustered, and so many solved ones looked at, the youngest."""
_NAMED, _QUOTE = 3, 160
_SHORTEST = 4


class Board:
    """Tickets of the last days with what was understood of them, and their n-grams."""

    def __init__(self, features: Mapping[str, pa.Table], triage: pa.Table, params: Params) -> None:
        tickets = features["ticket"].sort_by("ticket_id").combine_chunks()
        triage = triage.sort_by("ticket_id").combine_chunks()
        youngest = pc.sort_indices(
            pa.table({"at": tickets["opened"], "id": tickets["ticket_id"]}), [("at", "descending"), ("id", "ascending")]
        )
        kept = youngest.slice(0, MOST)
        self.tickets, self.triage, self.params = tickets.take(kept), triage.take(kept), params
        self.texts = [text or "" for text in written(self.tickets["subject"], self.tickets["text"]).to_pylist()]
        self.x = rows_of(Texts.of(pa.array(self.texts, pa.large_string())), params)
        self.intents = self.triage["intent"].to_pylist()
        self.now = int(features["moment"]["as_of"][0].as_py())
        self.replies = dict(
            zip(*(features["history"][name].to_pylist() for name in ("ticket_id", "reply")), strict=True)
        )
        self.young = self.tickets["opened"].to_numpy() >= self.now - params.topic_days * DAY_US

    def topics(self) -> list[Row]:
        """Clusters of at least ``fewest`` tickets, of which some are of the last days."""
        found = []
        for name, members in self.groups:
            n = int(self.young[members].sum())
            if n:
                found.append(
                    {
                        "topic": name,
                        "intent": self.intents[members[0]],
                        "n": n,
                        "n_before": len(members) - n,
                        "growth": self._growth(n, len(members)),
                        "p": self._chance(n, len(members)),
                        "quote": self._quote(members),
                    }
                )
        return _tested(found, self.params)

    def gaps(self) -> list[Row]:
        """Topics whose tickets mostly ask for what is not known, or have no answer."""
        found = []
        for name, members in self.groups:
            rows = self.triage.take(pa.array(members))
            share = float(np.mean([not text for text in rows["answer"].to_pylist()]))
            if share > 0.5:
                draft = self._draft(members)
                source = "the draft is what an agent wrote to one of them" if draft else "no agent's answer is known"
                found.append(
                    {
                        "gap": name,
                        "n": len(members),
                        "customers": len({who for who in rows["customer_id"].to_pylist() if who}),
                        "unanswered": share,
                        "quote": self._quote(members),
                        "draft": draft,
                        "reason": f"{len(members)} tickets, {share:.0%} without an answer; {source}",
                    }
                )
        return _named_once(found, "gap")

    def alike(self, features: Mapping[str, pa.Table]) -> list[Row]:
        """The solved tickets nearest to each waiting one."""
        past = features["history"].filter(pc.is_valid(features["history"]["solved"]))
        past = past.sort_by([("solved", "descending"), ("ticket_id", "ascending")]).slice(0, MOST).combine_chunks()
        waiting = np.flatnonzero([state in ("open", "reopened") for state in self.tickets["state"].to_pylist()])
        if not len(past) or not len(waiting):
            return []
        texts = written(past["subject"], past["text"])
        both = rows_of(
            Texts.of(pa.concat_arrays([texts, pa.array([self.texts[i] for i in waiting], pa.large_string())])),
            self.params,
        )
        near = np.asarray((both[len(past) :] @ both[: len(past)].T).todense())
        rows, ids = past.to_pylist(), self.tickets["ticket_id"].to_pylist()
        plain = texts.to_pylist()
        found = []
        for i, cosines in zip(waiting, near, strict=True):
            best = [
                j for j in np.argsort(-cosines, kind="stable") if rows[j]["ticket_id"] != ids[i] and cosines[j] > 0
            ][: self.params.alike]
            for rank, j in enumerate(best, 1):
                took = (rows[j]["solved"] - rows[j]["opened"]) / DAY_US
                found.append(
                    {
                        "ticket_id": ids[i],
                        "rank": rank,
                        "likeness": float(min(1.0, cosines[j])),
                        "intent": rows[j]["intent"] or UNKNOWN,
                        "solved_at": datetime.fromtimestamp(rows[j]["solved"] / 1e6, UTC),
                        "asked": _quoted(plain[j] or "", rows[j]["text"]),
                        "reply": _short(rows[j]["reply"] or ""),
                        "reason": f"solved after {took:.1f} days",
                    }
                )
        return found

    @cached_property
    def groups(self) -> list[tuple[str, Labels]]:
        """Tickets of each topic with its name, those of at least ``fewest``."""
        known = sorted(set(self.intents) - {UNKNOWN})
        found = [(name, np.flatnonzero([intent == name for intent in self.intents])) for name in known]
        strange = np.flatnonzero([intent == UNKNOWN for intent in self.intents])
        label = clusters(contrast(self.x, strange))
        some = [strange[label == k] for k in range(int(label.max(initial=-1)) + 1)]
        found += [(self._name(members), members) for members in some if len(members) >= self.params.fewest]
        return [(name, members) for name, members in found if len(members) >= self.params.fewest]

    def _name(self, members: Labels) -> str:
        """The words that stand in these tickets more than in others, each in at least ``fewest`` of them."""
        inside = Counter(word for i in members for word in _content(self.texts[i]))
        everywhere = Counter(word for text in self.texts for word in _content(text))
        worth = {
            word: n / len(members) * np.log((len(self.texts) + 1) / everywhere[word])
            for word, n in inside.items()
            if n >= self.params.fewest
        }
        return " ".join(sorted(worth, key=lambda word: (-worth[word], word))[:_NAMED]) or "no common words"

    def _quote(self, members: Labels) -> str:
        i = int(self._middle(members)[0])
        return _quoted(self.texts[i], self.tickets["text"][i].as_py())

    def _middle(self, members: Labels) -> Labels:
        """These tickets, the nearest to their mean first."""
        near = np.asarray(self.x[members] @ np.asarray(self.x[members].mean(axis=0)).ravel()).ravel()
        return np.asarray(members[np.argsort(-np.round(near, 9), kind="stable")])

    def _draft(self, members: Labels) -> str:
        ids, states = self.tickets["ticket_id"].to_pylist(), self.tickets["state"].to_pylist()
        ordered = self._middle(members)
        solved = [i for i in ordered if states[i] == "solved"]
        return next((text for i in [*solved, *ordered] if (text := self.replies.get(ids[i]))), "")

    def _growth(self, n: int, total: int) -> float:
        """Tickets a day in the last days over those before; both with half a ticket more."""
        before = max(1.0, self._days() - self.params.topic_days)
        return float(((n + 0.5) / self.params.topic_days) / ((total - n + 0.5) / before))

    def _days(self) -> float:
        return float((self.now - self.tickets["opened"].to_numpy().min()) / DAY_US) if len(self.tickets) else 1.0

    def _chance(self, n: int, total: int) -> float:
        """Chance that so many of the cluster's tickets are young if its share of all tickets had stayed."""
        from scipy.stats import binom

        return float(binom.sf(n - 1, total, self.young.mean()))


def _tested(found: list[Row], params: Params) -> list[Row]:
    from scipy.stats import false_discovery_control

    for row, q in zip(found, false_discovery_control([row["p"] for row in found]) if found else [], strict=True):
        row["p_value"], row["q_value"] = row.pop("p"), float(q)
        row["grows"] = bool(q <= params.false_alarms)
        row["reason"] = f"{row['n']} tickets in {params.topic_days} days, {row['n_before']} before: " + (
            f"{row['growth']:.1f} times as many a day, more than by chance"
            if row["grows"]
            else "no more than by chance"
        )
    return _named_once(found, "topic")


def _named_once(rows: list[Row], key: str) -> list[Row]:
    """Number those whose names are the same, the larger first."""
    seen: Counter[str] = Counter()
    ordered = sorted(rows, key=lambda row: (-row["n"], row[key], row["quote"]))
    for row in ordered:
        seen[row[key]] += 1
        if seen[row[key]] > 1:
            row[key] = f"{row[key]} ({seen[row[key]]})"
    return sorted(ordered, key=lambda row: str(row[key]))


def _content(text: str) -> set[str]:
    return {word for word in words(fold(text.replace(HEADLINE, " "))) if len(word) >= _SHORTEST}


def _short(text: str) -> str:
    plain = " ".join(text.replace(HEADLINE, " ").split())
    return plain if len(plain) <= _QUOTE else plain[: _QUOTE - 1].rsplit(" ", 1)[0] + "\u2026"


def _quoted(read: str, raw: str | None) -> str:
    """What of a text was read and stands so in what was written: an erasure finds it there. Empty: no sentence does."""
    body = read.rsplit(HEADLINE, maxsplit=1)[-1]
    whole = _letters(raw or "")
    return next((_short(part) for part in (body, *sentences(body)) if _letters(part) in whole and part.strip()), "")


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
