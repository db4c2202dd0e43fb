"""Families of masks that the tables and plots of the theory compare, one entry per line."""

from __future__ import annotations

from typing import NamedTuple

from mixlib.core.lam import Beta, Fixed, LamLaw
from mixlib.core.mask import MaskLaw
from mixlib.masks.designed import Mixture
from mixlib.methods.cutmix import Box
from mixlib.methods.fmix import FMix
from mixlib.methods.gmix import GMix
from mixlib.methods.gridmix import CoinCells, Holes
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from mixlib.methods.random_tokens import CountedCells
from mixlib.methods.smoothmix import Smooth
from mixlib.methods.token_blocks import Blocks
from theory.moments.lam import UniformSide


class Family(NamedTuple):
    """A mask law with its law of lambda; ``exact`` where its moments have a closed form."""

    law: MaskLaw
    lam: LamLaw
    exact: bool = True


def families(alpha: float = 1.0, cells: int = 4) -> dict[str, Family]:
    """Every family at lambda ~ Beta(alpha, alpha), cells on a grid of cells x cells.

    The clipped boxes have the released geometry, on which training and fixtures agree; TokenMix's
    masks have its fixed lambda = 1/2 and its extra tokens in proportion (14 of 196).
    """
    lam = Beta(alpha)
    grid, extra = (cells, cells), round(14 * cells**2 / 196)
    box = Box(odd="drop")
    return {
        "Mixup": Family(Flat(), lam),
        "CutMix": Family(box, lam),
        "CutMix, torus": Family(Box("wrap", label="drawn"), lam),
        "Mixup & CutMix": Family(Mixture((Flat(), box), (0.5, 0.5)), lam),
        "HMix, r = 0.5": Family(HMix(0.5), lam),
        "HMix, torus": Family(HMix(0.5, "wrap"), lam),
        "GMix": Family(GMix(), lam),
        "SmoothMix": Family(Smooth(), lam, exact=False),
        "FMix": Family(FMix(), lam, exact=False),
        "FMix, released": Family(FMix(released=True), lam, exact=False),
        "ResizeMix, place": Family(box, UniformSide()),
        "Cells, coins": Family(CoinCells(grid), lam),
        "TokenMix, random": Family(CountedCells(grid, extra), Fixed(0.5)),
        "Holes (public GridMix)": Family(Holes(), lam, exact=False),
        "TokenMix, blocks": Family(Blocks(grid, extra), Fixed(0.5), exact=False),
    }
