"""Families of masks that the tables and plots of the theory compare: every law exactly as the
methods of mixlib build it for training, and next to it the unbiased variants that the theorem
assumes."""

from __future__ import annotations

from typing import NamedTuple

from mixlib.catalog.methods import method
from mixlib.core.lam import Beta, Fixed, LamLaw
from mixlib.core.mask import MaskLaw
from mixlib.core.policy import ByLaw, Policy
from mixlib.masks.designed import Mixture
from mixlib.methods.cutmix import Box
from mixlib.methods.gridmix import CoinCells
from mixlib.methods.hmix import HMix
from mixlib.methods.mixup import Flat
from mixlib.methods.token_blocks import Blocks

from .moments.lam import UniformSide

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


def training(name: str, exact: bool = True, released: bool = False, **changes: float) -> Family:
    """The masks that a method of the catalog trains with, some parameters changed."""
    return family_of(method(name).make(changes=changes, released=released), exact)


def families(alpha: float = 1.0, cells: int = 4) -> dict[str, Family]:
    """Every family at lambda ~ Beta(alpha, alpha), cells on a grid of cells x cells.

    SmoothMix, ResizeMix and the released TokenMix have laws of lambda of their own.  TokenMix'
    released extra tokens are in proportion (14 of 196).
    """
    lam, extra = Beta(alpha), round(14 * cells**2 / 196)
    cutmix = training("cutmix", alpha=alpha)
    return {
        "Mixup": training("mixup", alpha=alpha),
        "CutMix": cutmix,
        "CutMix, unbiased (torus)": Family(Box("wrap", label="drawn"), lam),
        "Mixup & CutMix": Family(Mixture((Flat(), cutmix.law), (0.5, 0.5)), lam),
        "HMix": training("hmix", alpha=alpha),
        "HMix, unbiased (torus)": Family(HMix(0.5, "wrap"), lam),
        "GMix": training("gmix", alpha=alpha),
        "SmoothMix": training("smoothmix", exact=False),
        "FMix": training("fmix", exact=False, alpha=alpha),
        "FMix, released": training("fmix", exact=False, released=True, alpha=alpha),
        "ResizeMix, place": Family(cutmix.law, UniformSide()),
        "GridMix": training("gridmix", alpha=alpha, grid=cells),
        "GridMix, unbiased label": Family(CoinCells((cells, cells)), lam),
        "GridMix, released": training("gridmix", exact=False, released=True, alpha=alpha),
        "Random tokens": training("random_tokens", alpha=alpha, grid=cells),
        "TokenMix": training("token_blocks", exact=False, alpha=alpha, grid=cells),
        "TokenMix, released": Family(Blocks((cells, cells), extra=extra), Fixed(0.5), exact=False),
    }
