"""What a reader of reviews must be able to do in any shop, as cases: an ability is told by the share that it passes.

After CheckList (Ribeiro et al., ACL 2020). An average over reviews does not show that a model cannot read a "not".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from ml.capabilities.sentiment.model import Sentiment

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """Texts of one language that are read, and compared as the ability says."""

    ability: str
    language: str
    texts: tuple[str, ...]


def _one_feeling(score: Floats, label: Labels) -> bool:
    return len(set(label)) == 1 and float(np.ptp(score)) < 0.3


ABILITIES: dict[str, Callable[[Floats, Labels], bool]] = {
    # A 'not' takes a text from the good side to the bad one, or at least well down.
    "negation": lambda score, _: bool(score[0] > 0 and score[1] < score[0] - 0.3),
    # A text with a 'but' is between its two sides.
    "contrast": lambda score, _: bool(abs(score[0]) < 0.7),
    # Swapped letters, missing accents, capitals and stretched words do not change the label.
    "typos": lambda _, label: len(set(label)) == 1,
    # Who writes, and what kind of thing is spoken of, hardly move the score.
    "names": _one_feeling,
    "products": _one_feeling,
}


def _filled(ability: str, language: str, text: str, words: Sequence[str]) -> Case:
    return Case(ability, language, tuple(text.format(word) for word in words))


_NAMES = ("Anna", "João", "Mr. Okafor", "Sieglinde", "Zhang Wei")

CASES = (
    Case("negation", "en", ("The quality is excellent.", "The quality is not good.")),
    Case("negation", "en", ("Delivery was on time.", "Delivery was not on time.")),
    Case("negation", "en", ("Recommended.", "Not recommended.")),
    Case("negation", "en", ("Would buy again.", "Would not buy again.")),
    Case("negation", "pt", ("A qualidade é excelente.", "A qualidade não é boa.")),
    Case("negation", "pt", ("O envio chegou no prazo.", "O envio não chegou no prazo.")),
    Case("negation", "pt", ("Recomendo.", "Não recomendo.")),
    Case("negation", "de", ("Die Qualität ist hervorragend.", "Die Qualität ist nicht gut.")),
    Case("negation", "zh", ("质量很好。", "质量不好。")),
    Case("negation", "zh", ("我很满意，推荐购买。", "我不满意，不推荐购买。")),
    Case("contrast", "en", ("The quality is excellent but delivery was late again.",)),
    Case("contrast", "en", ("Delivery was slow but the fit is perfect.",)),
    Case("contrast", "pt", ("A qualidade é excelente mas a entrega foi muito lenta.",)),
    Case("contrast", "de", ("Die Qualität ist hervorragend aber der Karton war zerdrückt.",)),
    Case("contrast", "zh", ("东西很好，但是物流太慢了，很失望。",)),
    Case("typos", "en", ("Very disappointed. The quality is poor.", "Very dissapointed. The qulaity is poor.")),
    Case("typos", "en", ("Great", "GREAT")),
    Case("typos", "en", ("So goood", "So gooooooooood")),
    Case("typos", "de", ("Sehr zufrieden. Die Lieferung war schnell.", "Sehr zufireden. Die Liefreung war shcnell.")),
    Case("typos", "pt", ("Muito satisfeito. O preço é justo.", "Muito satsifeito. O perço é jsuto.")),
    Case("typos", "pt", ("não recomendo", "nao recomendo")),
    _filled("names", "en", "{} was here. The quality is excellent.", _NAMES),
    _filled("names", "en", "Very disappointed, says {}.", _NAMES),
    _filled("names", "pt", "Meu nome é {}. Muito satisfeito.", _NAMES),
    _filled("names", "de", "Hier schreibt {}. Sehr zufrieden.", _NAMES),
    _filled(
        "products", "en", "This {} is great, very happy with it.", ("dress", "lamp", "phone case", "hose", "blender")
    ),
    _filled("products", "en", "Very disappointed with this {}.", ("dress", "lamp", "phone case", "hose", "blender")),
    _filled("products", "pt", "Muito satisfeito com o {}.", ("vestido", "abajur", "celular", "relógio")),
    _filled("products", "de", "Sehr zufrieden mit {}.", ("dem Kleid", "der Lampe", "dem Handy", "der Uhr")),
)


def passes(model: Sentiment, cases: Sequence[Case]) -> list[bool]:
    """Whether the model passes each case."""
    chance = model.chances(pa.array([text for case in cases for text in case.texts], pa.large_string()))
    score, label = chance[:, -1] - chance[:, 0], model.classifier_.label(chance)
    ends = np.cumsum([0, *(len(case.texts) for case in cases)])
    return [
        ABILITIES[case.ability](score[start:end], label[start:end])
        for case, start, end in zip(cases, ends[:-1], ends[1:], strict=True)
    ]


def shares(model: Sentiment) -> dict[str, float]:
    """``behaviour <ability>``: share of the cases passed in the shop's languages; none there, no figure."""
    cases = [case for case in CASES if case.language in model.languages_]
    passed_cases = passes(model, cases) if cases else []
    found: dict[str, list[bool]] = {}
    for case, passed in zip(cases, passed_cases, strict=True):
        found.setdefault(f"behaviour {case.ability}", []).append(passed)
    return {name: float(np.mean(values)) for name, values in found.items()}
