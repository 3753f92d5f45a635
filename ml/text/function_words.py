"""Small words that shape a text in any subject: what turns a word round, what begins a clause; in eight languages.

Words are written without capitals and accents. A word of Chinese is a phrase of its characters.
"""

from __future__ import annotations

CONTRAST = (
    "but, however, although, though, yet, except, unfortunately, "
    "mas, porem, contudo, entretanto, todavia, embora, infelizmente, so que, "
    "aber, jedoch, allerdings, obwohl, leider, doch, "
    "pero, aunque, sin embargo, desafortunadamente, "
    "mais, cependant, malheureusement, pourtant, ma, pero, tuttavia, purtroppo, sebbene, "
    "但, 但是, 不过, 可是, 然而"
)
"""A new clause begins with each of these words."""

AND = "and, e, und, y, et, also, alem disso, ausserdem, 而且, 还有"
"""A new clause may begin with each of these."""


NEGATORS = (
    "not", "never", "cannot", "without", "nao", "nunca", "jamais", "nem", "sem", "nicht", "nie", "niemals", "kein", "keine",
    "keinen", "keinem", "ohne", "pas", "sans", "non", "sin", "senza", "不", "没", "沒", "无", "無", "未",
)  # fmt: skip
"""Words that turn round what follows. Not among them: 'no', which is 'in the' in Portuguese."""


def words(text: str) -> tuple[str, ...]:
    """The words and phrases of one of these texts, each once, in order."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
