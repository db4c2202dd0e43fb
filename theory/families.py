"""Families of masks that the tables and plots of the theory compare: every law exactly as the
methods of mixlib build it for training, and next to it the unbiased variants that the theorem
assumes."""

from __future__ import annotations

from typing import NamedTuple

from mixlib.core import policy as by_law
from mixlib.core.lam import Beta, Fixed, LamLaw
from mixlib.core.mask import MaskLaw
from mixlib.core.policy import ByLaw, Policy
from mixlib.masks.designed import Mixture
from mixlib.methods.cutmix import Box
from mixlib.methods.gridmix import CoinCells
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from mixlib.methods.token_blocks import Blocks
from theory.moments.lam import UniformSide

# of the methods' published settings: CIFAR and ImageNet CutMix and Mixup lie between 0.2 and 1, the
# appendix of AutoMix (Table A2) goes up to 2
ALPHAS = (0.2, 0.5, 1.0, 2.0)


class Family(NamedTuple):
    """A mask law with its law of lambda; ``exact`` where its moments have a closed form."""

    law: MaskLaw
    lam: LamLaw
    exact: bool = True


def family_of(policy: Policy, exact: bool = True) -> Family:
    """The mask law and the law of lambda that a method trains with.

    Raises:
        TypeError: a policy whose masks look at images, so that it has no mask law.
    """
    if not isinstance(policy, ByLaw):
        raise TypeError(
            f"the theorem assumes a mask law that ignores the images, {type(policy).__name__} has "
            "none: measure its displacements with theory.expansion.displacements.by_policy"
        )
    return Family(policy.law, policy.lam, exact)


def families(alpha: float = 1.0, cells: int = 4) -> dict[str, Family]:
    """Every family at lambda ~ Beta(alpha, alpha), cells on a grid of cells x cells.

    SmoothMix, ResizeMix and the released TokenMix have laws of lambda of their own.  TokenMix'
    released extra tokens are in proportion (14 of 196).
    """
    lam, extra = Beta(alpha), round(14 * cells**2 / 196)
    cutmix = family_of(by_law.cutmix(alpha))
    return {
        "Mixup": family_of(by_law.mixup(alpha)),
        "CutMix": cutmix,
        "CutMix, unbiased (torus)": Family(Box("wrap", label="drawn"), lam),
        "Mixup & CutMix": Family(Mixture((Flat(), cutmix.law), (0.5, 0.5)), lam),
        "HMix": family_of(by_law.hmix(alpha)),
        "HMix, unbiased (torus)": Family(HMix(0.5, "wrap"), lam),
        "GMix": family_of(by_law.gmix(alpha)),
        "SmoothMix": family_of(by_law.smoothmix(), exact=False),
        "FMix": family_of(by_law.fmix(alpha), exact=False),
        "FMix, released": family_of(by_law.fmix(alpha, released=True), exact=False),
        "ResizeMix, place": Family(cutmix.law, UniformSide()),
        "GridMix": family_of(by_law.gridmix(alpha, cells)),
        "GridMix, unbiased label": Family(CoinCells((cells, cells)), lam),
        "GridMix, released": family_of(by_law.gridmix(alpha, released=True), exact=False),
        "Random tokens": family_of(by_law.random_tokens(alpha, cells)),
        "TokenMix": family_of(by_law.token_blocks(alpha, cells), exact=False),
        "TokenMix, released": Family(Blocks((cells, cells), extra=extra), Fixed(0.5), exact=False),
    }
