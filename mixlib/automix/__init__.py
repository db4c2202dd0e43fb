"""AutoMix: a mixing mask learned beside the classifier (Liu et al., ECCV 2022)."""

from mixlib.automix.block import BlockSpec, MixBlock
from mixlib.automix.features import Features
from mixlib.automix.joint import JointMix
from mixlib.automix.losses import LamLoss
from mixlib.automix.momentum import MomentumMix
from mixlib.automix.objective import AutoMix, AutoMixSpec
from mixlib.automix.pair import Report
from mixlib.automix.presets import PRESETS
from mixlib.automix.schedules import LamWeight, Momentum

__all__ = [
    "PRESETS",
    "AutoMix",
    "AutoMixSpec",
    "BlockSpec",
    "Features",
    "JointMix",
    "LamLoss",
    "LamWeight",
    "MixBlock",
    "Momentum",
    "MomentumMix",
    "Report",
]
