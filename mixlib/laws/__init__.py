"""Mask laws, conditional on lambda: torch only, no model, no labels.  One law per module."""

from mixlib.laws.base import Beta, Fixed, LamLaw, MaskLaw, Redrawn, Uniform
from mixlib.laws.box import Box
from mixlib.laws.flat import Flat

__all__ = ["Beta", "Box", "Fixed", "Flat", "LamLaw", "MaskLaw", "Redrawn", "Uniform"]
