"""ml.search on Icecat's rated queries (--shop icecat, --data its folder), the demo's planted log (the default), or its speed (--shop live).

Every list comes from the SQL function over the published tables, beside BM25F, a sentence model and Postgres' own full-text
search on the same products in the same run.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench import Options, Row
from bench import _search_demo as demo
from bench import _search_icecat as icecat
from bench import _search_live as live


def run(options: Options) -> Iterator[Row]:
    """Measure on the shop named by ``--shop``."""
    yield from {"icecat": icecat, "live": live}.get(options.shop, demo).run(options)
