"""Tilted second moments of mask laws: exact, measured, and what follows from them.

Importing the package registers the exact moments of every law.
"""

from ..moments import cells, cutmix, designed, gmix, hmix, torus
from .assumptions import check_theorem, key_identity
from .exact import Moments, Share, center, exact_moments
from .monte_carlo import monte_carlo_moments

__all__ = [
    "Moments",
    "Share",
    "cells",
    "center",
    "check_theorem",
    "cutmix",
    "designed",
    "exact_moments",
    "gmix",
    "hmix",
    "key_identity",
    "monte_carlo_moments",
    "torus",
]
