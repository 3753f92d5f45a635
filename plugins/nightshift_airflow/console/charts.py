"""Small pictures of figures as SVG: made here, coloured by the style sheet, said in words to who cannot see them."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

WIDTH = 640.0


def timeline(bars: Sequence[tuple[str, float, float, str]], total: float, label: str) -> Markup:
    """Steps as bars on one axis of time.

    Parameters
    ----------
    bars : sequence of (name, start, seconds, state)
        Seconds since the beginning; the state is the bar's class.
    total : float
        Seconds of the axis.
    """
    high, scale = 20, (WIDTH - 210) / max(total, 1e-9)
    lines = []
    for number, (name, start, seconds, state) in enumerate(bars):
        y = number * high
        lines.append(
            Markup('<text x="200" y="{y}" text-anchor="end">{name}</text>').format(y=y + 14, name=name)
            + Markup('<rect class="{state}" x="{x:.1f}" y="{y}" width="{w:.1f}" height="12" rx="3"/>').format(
                state=state, x=206 + start * scale, y=y + 4, w=max(2.0, seconds * scale)
            )
        )
    return _svg(lines, WIDTH, len(bars) * high + 4, label)


def line(
    values: Sequence[float | None], label: str, *, low: Sequence[float | None] = (), high: Sequence[float | None] = ()
) -> Markup:
    """A line over equal steps, with a band between ``low`` and ``high`` if they are given; gaps where nothing is known."""
    known = [v for v in (*values, *low, *high) if v is not None]
    if not known:
        return Markup("")
    least, most = min(known), max(known)
    width, tall = 180.0, 40.0
    step = width / max(1, len(values) - 1)

    def place(index: int, value: float) -> str:
        return f"{index * step:.1f},{tall - 4 - (value - least) / ((most - least) or 1) * (tall - 8):.1f}"

    parts = []
    band = [(i, a, b) for i, (a, b) in enumerate(zip(low, high, strict=True)) if a is not None and b is not None]
    if band:
        edge = [place(i, b) for i, _, b in band] + [place(i, a) for i, a, _ in reversed(band)]
        parts.append(Markup('<polygon class="band" points="{}"/>').format(" ".join(edge)))
    points = [place(i, v) for i, v in enumerate(values) if v is not None]
    parts.append(Markup('<polyline class="line" points="{}"/>').format(" ".join(points)))
    x, y = points[-1].split(",")
    parts.append(Markup('<circle class="dot" cx="{}" cy="{}" r="3"/>').format(x, y))
    return _svg(parts, width + 4, tall, label, "spark")


def links(centre: str, others: Sequence[tuple[str, str]], label: str) -> Markup:
    """What hangs together with an order: the order in the middle, ``(what, why)`` around it."""
    parts = []
    for number, (name, why) in enumerate(others):
        y = 24 + number * 34
        middle = 12 + 17 * len(others)
        parts.append(
            Markup('<path class="edge" d="M150 {m} C 230 {m}, 230 {y}, 320 {y}"/>').format(m=middle, y=y)
            + Markup('<text x="236" y="{}" class="why">{}</text>').format(y - 4, why)
            + Markup('<rect class="node" x="320" y="{}" width="300" height="26" rx="6"/>').format(y - 13)
            + Markup('<text x="330" y="{}">{}</text>').format(y + 5, name)
        )
    middle = 12 + 17 * len(others)
    parts.append(
        Markup('<rect class="node main" x="2" y="{}" width="148" height="26" rx="6"/>').format(middle - 13)
        + Markup('<text x="12" y="{}">{}</text>').format(middle + 5, centre[:18])
    )
    return _svg(parts, WIDTH, 34 * len(others) + 24, label)


def _svg(parts: Sequence[Markup], width: float, height: float, label: str, kind: str = "chart") -> Markup:
    return Markup('<svg class="{}" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        kind, width, height, label, Markup("").join(parts)
    )
