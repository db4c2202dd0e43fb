"""AutoMix: a mixing mask learned beside the classifier (Liu et al., ECCV 2022)."""

from mixlib.methods.automix.features import Features
from mixlib.methods.automix.joint import JointMix
from mixlib.methods.automix.lambda_loss import LamLoss
from mixlib.methods.automix.mix_block import BlockSpec, MixBlock
from mixlib.methods.automix.momentum_mix import MomentumMix
from mixlib.methods.automix.momentum_pair import Report
from mixlib.methods.automix.objective import AutoMix, AutoMixSpec
from mixlib.methods.automix.presets import PRESETS
from mixlib.methods.automix.schedules import LamWeight, Momentum

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
