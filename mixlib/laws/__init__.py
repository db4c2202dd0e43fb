"""Mask laws, conditional on lambda: torch only, no model, no labels.  One law per module."""

from mixlib.laws.base import Beta, Fixed, LamLaw, MaskLaw, Redrawn, Uniform
from mixlib.laws.bell import GMix
from mixlib.laws.blocks import Blocks
from mixlib.laws.box import Box
from mixlib.laws.cells import CoinCells, CountedCells
from mixlib.laws.designed import Cosines, Field, Mixture, Modes
from mixlib.laws.flat import Flat
from mixlib.laws.fourier import FMix
from mixlib.laws.hybrid import HMix
from mixlib.laws.lattice import Holes
from mixlib.laws.smooth import Smooth

__all__ = [
    "Beta",
    "Blocks",
    "Box",
    "CoinCells",
    "Cosines",
    "CountedCells",
    "FMix",
    "Field",
    "Fixed",
    "Flat",
    "GMix",
    "HMix",
    "Holes",
    "LamLaw",
    "MaskLaw",
    "Mixture",
    "Modes",
    "Redrawn",
    "Smooth",
    "Uniform",
]
