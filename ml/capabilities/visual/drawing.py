"""Drawn pictures of products: a silhouette for each kind, in a colour, each product a little different."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

COLOURS: dict[str, tuple[int, int, int]] = {
    "black": (35, 35, 38),
    "grey": (128, 130, 132),
    "red": (200, 35, 40),
    "orange": (240, 130, 30),
    "yellow": (235, 205, 50),
    "green": (50, 140, 60),
    "blue": (45, 80, 185),
    "purple": (120, 60, 150),
    "pink": (240, 130, 175),
    "brown": (120, 75, 45),
}
WAVES = 5


def draw(
    kind: int, colour: str, rng: np.random.Generator, size: tuple[int, int] = (120, 160), *, wander: float = 0.06
) -> npt.NDArray[np.uint8]:
    """A picture of shape (height, width, 3) on white.

    Parameters
    ----------
    kind : int
        Its outline and inner pattern follow from this number alone: r(θ) = 1 + Σ a_k cos(k θ + φ_k).
    colour : str
        One of ``COLOURS``.
    rng : numpy.random.Generator
        Where it lies, how large, turned and lit it is: what differs between products of a kind.
    size : tuple of int
        Width and height in pixels.
    wander : float
        Share of the picture by which the middle moves.
    """
    form = np.random.default_rng([kind, 2024])
    waves, phases = form.normal(0, 0.16, WAVES), form.uniform(0, 2 * np.pi, WAVES)
    wide, bands, turn = form.uniform(0.6, 1.5), int(form.integers(0, 5)), form.uniform(0, np.pi)
    width, height = size
    x = (np.arange(width) + 0.5) / width - 0.5 - rng.normal(0, wander)
    y = ((np.arange(height) + 0.5) / height - 0.5 - rng.normal(0, wander)) * (height / width)
    angle, scale = rng.normal(0, 0.12), rng.uniform(0.85, 1.15)
    u = (np.cos(angle) * x[None, :] + np.sin(angle) * y[:, None]) / (0.34 * scale) / np.sqrt(wide)
    v = (-np.sin(angle) * x[None, :] + np.cos(angle) * y[:, None]) / (0.34 * scale) * np.sqrt(wide)
    theta, radius = np.arctan2(v, u), np.hypot(u, v)
    edge = 1 + sum(a * np.cos((k + 1) * theta + p) for k, (a, p) in enumerate(zip(waves, phases, strict=True)))
    inside = np.clip((edge - radius) * 18, 0, 1)[..., None]
    shade = 1 - 0.18 * np.clip(u * 0.5 + v * 0.4 + rng.normal(0, 0.2), -1, 1)
    stripes = np.sin((u * np.cos(turn) + v * np.sin(turn)) * np.pi * bands) > 0.3 if bands else np.zeros_like(u, bool)
    body = np.array(COLOURS[colour]) * shade[..., None] * np.where(stripes, rng.uniform(0.55, 0.75), 1)[..., None]
    hem = np.abs(edge - radius) < rng.uniform(0.05, 0.14)
    body = np.where(hem[..., None] & (inside > 0), body * 0.6, body) + rng.normal(0, 6, 3)
    return np.asarray(np.clip(255 - (255 - body) * inside, 0, 255), np.uint8)


def png(pixels: npt.NDArray[np.uint8]) -> str:
    """The pixels as a PNG file in base64, of 32 colours: one or two kilobytes."""
    kept = io.BytesIO()
    Image.fromarray(pixels).quantize(32, method=Image.Quantize.FASTOCTREE).save(kept, "PNG", optimize=True)
    return base64.b64encode(kept.getvalue()).decode("ascii")
