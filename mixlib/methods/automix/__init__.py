"""AutoMix: a mixing mask learned beside the classifier (Liu et al., ECCV 2022)."""

from mixlib.core.method import Method
from mixlib.methods.automix.build import automix, automix_spec, in_pipeline
from mixlib.methods.automix.features import Features
from mixlib.methods.automix.joint import JointMix
from mixlib.methods.automix.lambda_loss import LamLoss
from mixlib.methods.automix.mix_block import BlockSpec, MixBlock
from mixlib.methods.automix.momentum_mix import MomentumMix
from mixlib.methods.automix.objective import AutoMix, AutoMixSpec
from mixlib.methods.automix.presets import PRESETS
from mixlib.methods.automix.schedules import LamWeight, Momentum
from mixlib.methods.automix.teacher import Report

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
    "automix",
    "automix_spec",
    "in_pipeline",
]

_PAPER = {"preset": "paper", "site": "stage3", "alpha": 2.0}
# Algorithm 1 runs k to its logits on the clean batch, so that the statistics of its last stage see
# clean batches, too; the preset stops at the layer that is read
_ALGORITHM_1 = {**_PAPER, "full_pass": True}

ROW = Method(
    "automix",
    "AutoMix",
    "automix",
    "Liu et al., AutoMix: Unveiling the Power of Mixup for Stronger Classifiers, ECCV 2022, "
    "arXiv:2103.13027",
    2022,
    {
        "default": _ALGORITHM_1,
        # a map of 8 x 8 cells with 32 channels, and a few hundred steps: see docs/automix.md
        "generated": {
            **_PAPER,
            "site": "stage2",
            "block": {"init": 1.0, "init_value": 0.4},
            "lam_weight": {"start": 20.0, "shape": "constant"},
            "lam_loss": {"variance": 0.18},
            "momentum": {"start": 0.98},
        },
    },
    objective="automix",
    settings="automix_spec",
    pipeline="mp_ce",
    pipelines=("none", "mp0", "mp", "mp_ce"),
)
