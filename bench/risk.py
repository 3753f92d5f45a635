"""Order risk on the demo shop's planted rings beside an oracle and simpler models, and on BNP's real baskets (--shop bnp)."""

from __future__ import annotations

from collections.abc import Iterator

from bench import Options, Row
from bench import _risk_as_read as as_read
from bench import _risk_bnp as bnp
from bench import _risk_demo as demo
from bench import _risk_variants as chosen


def run(options: Options) -> Iterator[Row]:
    """Measure on the shop named by ``--shop``: demo (the default), cards (a simulated card network) or bnp, which needs ``--data`` with its folder; what SQL returns with ``--as-read``."""
    if options.as_read:
        yield from as_read.run(options)
        return
    yield from {"bnp": bnp.run, "cards": chosen.run}.get(options.shop, demo.run)(options)
