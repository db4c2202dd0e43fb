"""Presets of AutoMix: the paper's, the two that were released, and a cheaper one of our own.

Every difference, with its source and cost, is listed in ``docs/automix.md``.
"""

from __future__ import annotations

from dataclasses import dataclass

from mixlib.core.catalog import Catalog
from mixlib.methods.automix.lambda_loss import LamLoss
from mixlib.methods.automix.mix_block import BlockSpec
from mixlib.methods.automix.objective import AutoMixSpec
from mixlib.methods.automix.schedules import LamWeight, Momentum
from mixlib.methods.automix.teacher import Report

# AutoMix, sections 3.1-3.2 and A.3-A.4: lambda embedding, value from z_i, sigmoid before the
# upsampling, lambda loss per sample with a weight falling linearly from 0.1, m from 0.999 to 1.
paper = AutoMixSpec()

# What both released families share, whatever the dataset.
_RELEASED_BLOCK = BlockSpec(embed_lam=False, value="partner", squash="after")
_RELEASED_LAM_LOSS = LamLoss(scope="batch")
_RELEASED_MARGIN = 0.08

# CIFAR-10/100 and Tiny-ImageNet, ResNets: the block does not see lambda, gamma stays 0.1.
released_cifar = AutoMixSpec(
    block=_RELEASED_BLOCK,
    lam_margin=_RELEASED_MARGIN,
    lam_loss=_RELEASED_LAM_LOSS,
    lam_weight=LamWeight(shape="constant"),
    momentum=Momentum(end=0.999999, hold=0.1),
    full_pass=True,
)

# ImageNet, CUB, Aircraft, iNaturalist, Places: lambda embedding, gamma gone after about an epoch.
released_imagenet = AutoMixSpec(
    block=BlockSpec(embed_lam=True, value="partner", squash="after"),
    lam_margin=_RELEASED_MARGIN,
    lam_loss=_RELEASED_LAM_LOSS,
    lam_weight=LamWeight(shape="compounding"),
    momentum=Momentum(end=0.99999, hold=0.1),
    full_pass=True,
)

# Not in the paper: no CE on clean samples (Table 10: -0.11 on CIFAR-100, -0.14 on Tiny-ImageNet,
# -0.05 on ImageNet) and the block trained at every other step.  4.76 / 3 of a vanilla step.
lean = AutoMixSpec(one_hot=False, every=2, report=Report("k", "mix"))


@dataclass(frozen=True)
class Preset:
    """A named set of choices."""

    name: str
    spec: AutoMixSpec


PRESETS = Catalog(
    "AutoMix preset",
    (
        Preset("paper", paper),
        Preset("released_cifar", released_cifar),
        Preset("released_imagenet", released_imagenet),
        Preset("lean", lean),
    ),
)
