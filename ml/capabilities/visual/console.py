"""Find by a picture: the version that serves reads it, ``ml.search_by_vector`` answers."""

from __future__ import annotations

from pathlib import Path

from ml.core.console import ByPicture, Console, Reading

_SELECT = """
SELECT r.rank, r.product_id, r.score, r.category_of AS category, v.image::text AS image
FROM ml.search_by_vector(%(vector)s, 24) AS r JOIN ml.product_vector AS v USING (product_id) ORDER BY r.rank
"""


def _read(folder: Path, version: int, content: bytes) -> Reading:
    from ml.capabilities.visual.shown import read

    return read(folder, version, content)


CONSOLE = Console(by_picture=ByPicture("product_vector", _SELECT, _read))
