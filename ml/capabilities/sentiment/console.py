"""What a change of the staff's words and labels does: nothing at once, the night reads by them."""

from __future__ import annotations

from ml.core.console import Console

CONSOLE = Console(
    later={
        "aspect_word": "The next night reads the reviews by these words.",
        "review_label": "The next night publishes the review with this label, and the next training learns from it.",
    }
)
