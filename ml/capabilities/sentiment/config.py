"""What the shop's staff tells the capability: which words speak of which aspect, and which reviews were read wrongly."""

from __future__ import annotations

from ml.capabilities.sentiment.seeds import ASPECT_BESIDE, ASPECT_HINTS, ASPECT_WORDS
from ml.core.spec import ConfigColumn, ConfigTable
from ml.text.function_words import words


def _rows() -> tuple[dict[str, str | bool], ...]:
    """One row a word: of two aspects the first has it, of several languages all."""
    entries: dict[str, tuple[str, bool, bool, list[str]]] = {}
    for hint, beside, lists in ((False, False, ASPECT_WORDS), (True, False, ASPECT_HINTS), (True, True, ASPECT_BESIDE)):
        for aspect, by_language in lists.items():
            for language, text in by_language.items():
                for word in words(text):
                    row = entries.setdefault(word, (aspect, hint, beside, []))
                    if row[:3] == (aspect, hint, beside):
                        row[3].append(language)
    return tuple(
        {"word": word, "aspect": aspect, "hint": hint, "beside": beside, "language": " ".join(sorted(set(languages)))}
        for word, (aspect, hint, beside, languages) in entries.items()
    )


ASPECT_WORD = ConfigTable(
    "aspect_word",
    "What reviews are about: the words that speak of an aspect. An aspect is there as long as a word names it.",
    ("word",),
    (
        ConfigColumn(
            "word",
            "text",
            "A word, a phrase of up to six, or the beginning of a word with * after it; capitals and accents do not matter.",
        ),
        ConfigColumn("aspect", "text", "What it speaks of, as ml.review_aspect shall name it.", required=True),
        ConfigColumn(
            "hint",
            "boolean",
            "It speaks of the aspect only where a clause has no other word of one: 'late', 'cheap'.",
            required=True,
            default="false",
        ),
        ConfigColumn(
            "beside",
            "boolean",
            "A hint that also needs a word of the order beside it, as 'arrived': 'fast', 'box'.",
            required=True,
            default="false",
        ),
        ConfigColumn(
            "language",
            "text",
            "ISO 639-1 codes with spaces between them: it counts in reviews of these alone; *: in all; null: in all, but for "
            "a word that came with the platform, which counts in its own.",
        ),
        ConfigColumn("note", "text", "Why, and who asked for it."),
    ),
    checks={
        "a word has 1 to 60 letters": "length(trim(word)) BETWEEN 1 AND 60",
        "a word has * only at its end": "replace(word, '*', '') = word OR word = replace(word, '*', '') || '*'",
        "a language is * or codes of two letters": "language ~ '^([*]|[a-z]{2}( [a-z]{2})*)?$'",
        "an aspect has 1 to 40 letters": "length(trim(aspect)) BETWEEN 1 AND 40",
    },
    rows=_rows(),
    examples={
        "A word, and what begins with one, speak of an aspect of our own.": (
            "INSERT INTO ml_config.aspect_word (word, aspect) VALUES ('wick', 'candle'), ('wax*', 'candle')"
        ),
        "Count it only where a clause names nothing else.": (
            "INSERT INTO ml_config.aspect_word (word, aspect, hint) VALUES ('dim', 'candle', true)"
        ),
        "A word speaks of something else in our shop, or of nothing.": (
            "UPDATE ml_config.aspect_word SET aspect = 'candle' WHERE word = 'wick';\n"
            "DELETE FROM ml_config.aspect_word WHERE word = 'dim'"
        ),
    },
)

REVIEW_LABEL = ConfigTable(
    "review_label",
    "Reviews that were read wrongly, with the right label: the next night publishes it, the next training learns from it.",
    ("review_id",),
    (
        ConfigColumn("review_id", "text", "The review, as ml.review_sentiment names it."),
        ConfigColumn("label", "text", "How its writer feels: negative, neutral or positive.", required=True),
        ConfigColumn("note", "text", "Why, and who marked it."),
    ),
    checks={
        "a label is negative, neutral or positive": "label IN ('negative', 'neutral', 'positive')",
        "a review has an id": "trim(review_id) <> ''",
    },
    examples={
        "A review that praises in words of irony is negative.": (
            "INSERT INTO ml_config.review_label (review_id, label, note) VALUES ('r0815', 'negative', 'anna: irony')"
        ),
        "Take it back.": "DELETE FROM ml_config.review_label WHERE review_id = 'r0815'",
    },
)

CONFIG = (ASPECT_WORD, REVIEW_LABEL)
