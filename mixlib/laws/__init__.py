"""Mask laws, conditional on lambda: torch only, no model, no labels.  One law per module."""

from mixlib.laws.base import Beta, Fixed, LamLaw, MaskLaw, Redrawn, Uniform
from mixlib.laws.bell import Bell, Smooth
from mixlib.laws.blocks import Blocks
from mixlib.laws.box import Box
from mixlib.laws.flat import Flat
from mixlib.laws.fourier import Fourier
from mixlib.laws.grid import Cells, Holes
from mixlib.laws.hybrid import Hybrid

__all__ = [
    "Bell",
    "Beta",
    "Blocks",
    "Box",
    "Cells",
    "Fixed",
    "Flat",
    "Fourier",
    "Holes",
    "Hybrid",
    "LamLaw",
    "MaskLaw",
    "Redrawn",
    "Smooth",
    "Uniform",
]
