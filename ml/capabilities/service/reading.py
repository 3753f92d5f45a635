"""What each ticket asks for: the intent of the whole, a second wish, and wishes that the writer says not to have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.service.model import Service
from ml.capabilities.service.spec import UNKNOWN, Params
from ml.text import language
from ml.text.intents import Judged
from ml.text.mail import written
from ml.text.tokens import HEADLINE
from ml.text.wishes import names, not_wanted, sentences

HALF = 0.5
_FEWEST_WORDS = 2


@dataclass(frozen=True)
class Read:
    """What was understood of texts, row by row.

    Parameters
    ----------
    texts : list of str
        Cleaned.
    languages : list of str
    order : list of list of int
        The up to three likeliest intents, best first.
    chances : list of list of float
        Of these.
    known : list of float
        Chance that it asks for one of the intents.
    also : list of str
        A second wish; empty: none.
    refused : list of str
        The intent that the writer says not to want; empty: none.
    """

    texts: list[str]
    languages: list[str]
    order: list[list[int]]
    chances: list[list[float]]
    known: list[float]
    also: list[str]
    refused: list[str]

    def intent(self, i: int, intents: list[str], least: float) -> str:
        """The intent of text ``i``; or that none is known, or none likelier than ``least``."""
        sure = self.known[i] >= HALF and self.known[i] * self.chances[i][0] >= least
        return intents[self.order[i][0]] if sure else UNKNOWN


def read(model: Service, tickets: pa.Table, params: Params) -> Read:
    """Read subject and text of ``tickets``; each row is read the same whichever others it comes with."""
    texts = written(tickets["subject"], tickets["text"])
    codes = _languages(model, tickets, texts)
    plain = [text or "" for text in texts.to_pylist()]
    scores, known = model.judge(texts)
    also, refused = [""] * len(plain), [""] * len(plain)
    if len(model.intents_):
        _by_sentence(model, plain, Judged(scores, known), also, refused, params)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :3]
    chances = np.take_along_axis(model.knowing_.chances(scores), order, axis=1)
    return Read(plain, codes, order.tolist(), chances.tolist(), known.tolist(), also, refused)


def _languages(model: Service, tickets: pa.Table, texts: pa.Array) -> list[str]:
    """As the shop says, else as the words say."""
    codes = tickets["language"].to_pylist()
    open_ = [i for i, code in enumerate(codes) if not code]
    found = language.detect(texts.take(pa.array(open_, pa.int64())), model.languages_)
    for i, code in zip(open_, found, strict=True):
        codes[i] = code
    return [code[:2].lower() if code not in (language.UNKNOWN, language.NO_WORDS) else code for code in codes]


def _by_sentence(
    model: Service, plain: list[str], whole: Judged, also: list[str], refused: list[str], params: Params
) -> None:
    """Look for second and refused wishes, and rewrite what is said of texts that have refused ones."""
    parts = [(i, part) for i, text in enumerate(plain) for part in _parts(text)]
    alone, known = model.judge(pa.array([part for _, part in parts], pa.large_string()))
    chance = model.knowing_.chances(alone)
    by_text: dict[int, list[int]] = {}
    for row, (i, _) in enumerate(parts):
        by_text.setdefault(i, []).append(row)
    again: dict[int, str] = {}
    for i, rows in by_text.items():
        denied = {row: intent for row in rows if (intent := _denied(model, parts[row][1], alone[row]))}
        if denied:
            refused[i] = next(iter(denied.values()))
            again[i] = " ".join(parts[row][1] for row in rows if row not in denied)
    if again:
        rest = model.judge(pa.array(list(again.values()), pa.large_string()))
        whole.scores[list(again)], whole.known[list(again)] = rest
    for i, rows in by_text.items():
        wishes = [
            (chance[row].max(), model.intents_[alone[row].argmax()])
            for row in rows
            if known[row] >= HALF and chance[row].max() >= params.second_wish
        ]
        main = model.intents_[whole.scores[i].argmax()]
        others = [(size, name) for size, name in wishes if name not in (main, refused[i])]
        also[i] = max(others)[1] if others and len(rows) > 1 else ""


def _parts(text: str) -> list[str]:
    """Sentences that can ask for something; the one of a text of one sentence only where it may deny a wish."""
    found = [part for part in sentences(text.replace(HEADLINE, "\n")) if len(part.split()) >= _FEWEST_WORDS]
    return found if len(found) > 1 or (found and not_wanted(text)) else []


def _denied(model: Service, sentence: str, scores: npt.NDArray[np.float64]) -> str:
    """The intent that the sentence says is not wanted: the likeliest whose own words name the verb; empty: none."""
    verb = not_wanted(sentence)
    if not verb:
        return ""
    for k in np.argsort(-scores, kind="stable")[:3]:
        if names(verb, frozenset(model.words_.get(model.intents_[k], ()))):
            return str(model.intents_[k])
    return ""
