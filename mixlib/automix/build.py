"""How do plain words and numbers become one of AutoMix's objectives?  For declarations of tables.

Every ablation of the paper is one argument: layer (Table 11, Figure 10), alpha (Figure 9),
embed_lam and gamma (Table 9), momentum and one_hot (Table 10).  None keeps what the preset says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch

from mixlib.automix.features import Features, Layout
from mixlib.automix.joint import JointMix
from mixlib.automix.momentum import MomentumMix
from mixlib.automix.objective import AutoMix, AutoMixSpec
from mixlib.automix.pair import Report, Statistics
from mixlib.automix.presets import PRESETS
from mixlib.automix.schedules import Momentum
from mixlib.labels import LabelRule
from mixlib.laws.base import Beta
from mixlib.net import Net, inference
from mixlib.policies.base import Policy, Scope
from mixlib.policies.by_law import cutmix, mixup

ReportWord = Literal["q-one", "q-mix", "k-one", "k-mix"]
REPORTS: dict[str, Report] = {
    "q-one": Report("q", "one"),
    "q-mix": Report("q", "mix"),
    "k-one": Report("k", "one"),
    "k-mix": Report("k", "mix"),
}


def measure(net: Net, site: str, side: int = 224) -> Features:
    """The channels and layout at a site, from one square black image.

    Args:
        net: the network.
        site: a named site or module path.
        side: of the image; only networks of a fixed image size care.

    Raises:
        ValueError: the tensor's shape does not tell its layout; state a :class:`Features` then.
    """
    device = next(net.parameters()).device
    with inference(net):
        shape = tuple(net.features(torch.zeros(1, 3, side, side, device=device), site).shape)
    layout: Layout
    if len(shape) == 3:
        # the grid is square as the image is; what is left over comes first
        return Features(site, shape[2], "tokens", shape[1] - int(shape[1] ** 0.5) ** 2)
    if len(shape) == 4 and shape[1] == shape[2] != shape[3]:
        layout = "channels_last"
    elif len(shape) == 4 and shape[2] == shape[3] != shape[1]:
        layout = "channels_first"
    else:
        raise ValueError(f"cannot tell the layout of {shape} at {site!r}: state Features")
    return Features(site, shape[3 if layout == "channels_last" else 1], layout)


def automix_spec(
    preset: str = "paper",
    *,
    alpha: float = 2.0,
    scope: Scope = "batch",
    embed_lam: bool | None = None,
    separate: bool | None = None,
    upsample: Literal["nearest", "bilinear", "bicubic"] | None = None,
    gamma: float | None = None,
    lam_margin: float | None = None,
    momentum: float | None = None,
    one_hot: bool | None = None,
    every: int | None = None,
    full_pass: bool | None = None,
    report: ReportWord | None = None,
    rule: LabelRule | None = None,
) -> AutoMixSpec:
    """A preset with some choices changed.

    Args:
        preset: a name of ``PRESETS``.
        alpha: of lambda's law Beta(alpha, alpha).
        scope: see :class:`AutoMixSpec`.
        embed_lam: see :class:`mixlib.automix.block.BlockSpec`, as ``separate`` and ``upsample``.
        separate: one projection each for query and key.
        upsample: how the mask is enlarged.
        gamma: start of the lambda loss' weight; 0 drops that loss.
        lam_margin: see :class:`AutoMixSpec`, as ``one_hot``, ``every`` and ``full_pass``.
        momentum: a constant momentum; 0 makes k a copy of q.
        one_hot: the CE on clean samples; without it the mixup head is reported.
        every: train the block at every n-th step.
        full_pass: run k to its end on clean batches.
        report: network and head to report.
        rule: the loss.

    Raises:
        ValueError: no such preset, or choices that contradict each other.
    """
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}")
    spec = PRESETS[preset]
    block = {"embed_lam": embed_lam, "separate": separate, "upsample": upsample}
    changes = {
        "lam_margin": lam_margin,
        "one_hot": one_hot,
        "every": every,
        "full_pass": full_pass,
        "rule": rule,
    }
    if report is not None:
        changes["report"] = REPORTS[report]
    elif one_hot is False:
        changes["report"] = Report(spec.report.network, "mix")
    if gamma is not None:
        changes["lam_weight"] = replace(spec.lam_weight, start=gamma)
    if momentum is not None:
        changes["momentum"] = Momentum(momentum, momentum)
    return replace(
        spec,
        block=replace(spec.block, **{k: v for k, v in block.items() if v is not None}),
        lam=Beta(alpha),
        scope=scope,
        **{k: v for k, v in changes.items() if v is not None},
    )


def automix(
    network: Net,
    *,
    steps: int,
    rule: LabelRule | None = None,
    layer: str = "stage3",
    side: int = 224,
    seed: int = 0,
    preset: str = "paper",
    alpha: float = 2.0,
    scope: Scope = "batch",
    embed_lam: bool | None = None,
    separate: bool | None = None,
    upsample: Literal["nearest", "bilinear", "bicubic"] | None = None,
    gamma: float | None = None,
    lam_margin: float | None = None,
    momentum: float | None = None,
    one_hot: bool | None = None,
    every: int | None = None,
    full_pass: bool | None = None,
    report: ReportWord | None = None,
) -> AutoMix:
    """AutoMix by words; see :func:`automix_spec`, and :func:`measure` for ``layer``, ``side``."""
    spec = automix_spec(
        preset,
        alpha=alpha,
        scope=scope,
        embed_lam=embed_lam,
        separate=separate,
        upsample=upsample,
        gamma=gamma,
        lam_margin=lam_margin,
        momentum=momentum,
        one_hot=one_hot,
        every=every,
        full_pass=full_pass,
        report=report,
        rule=rule,
    )
    return AutoMix(network, measure(network, layer, side), spec, steps=steps, seed=seed)


def joint(
    network: Net,
    *,
    steps: int,
    rule: LabelRule | None = None,
    layer: str = "stage3",
    side: int = 224,
    seed: int = 0,
    preset: str = "paper",
    alpha: float = 2.0,
) -> JointMix:
    """The Mix Block without the momentum pipeline (Table 10, first row)."""
    spec = automix_spec(preset, alpha=alpha, rule=rule)
    return JointMix(
        network,
        measure(network, layer, side),
        spec.block,
        steps=steps,
        lam=spec.lam,
        lam_loss=spec.lam_loss,
        lam_weight=spec.lam_weight,
        rule=spec.rule,
        seed=seed,
    )


def _in_pipeline(
    network: Net,
    policy: Policy,
    steps: int,
    rule: LabelRule | None,
    one_hot: bool,
    statistics: Statistics,
    report: ReportWord,
) -> MomentumMix:
    return MomentumMix(
        network,
        policy,
        Momentum(),
        steps=steps,
        one_hot=one_hot,
        statistics=statistics,
        report=REPORTS[report],
        rule=rule,
    )


def mixup_momentum(
    network: Net,
    *,
    steps: int,
    rule: LabelRule | None = None,
    alpha: float = 1.0,
    scope: Scope = "batch",
    one_hot: bool = False,
    statistics: Statistics = "own",
    report: ReportWord = "k-mix",
) -> MomentumMix:
    """Mixup in AutoMix's pipeline (Table 10); statistics="ema" makes it plain weight averaging."""
    policy = mixup(alpha, scope, "permute")
    return _in_pipeline(network, policy, steps, rule, one_hot, statistics, report)


def cutmix_momentum(
    network: Net,
    *,
    steps: int,
    rule: LabelRule | None = None,
    alpha: float = 1.0,
    scope: Scope = "batch",
    one_hot: bool = False,
    statistics: Statistics = "own",
    report: ReportWord = "k-mix",
) -> MomentumMix:
    """CutMix in AutoMix's pipeline (Table 10)."""
    policy = cutmix(alpha, scope, "permute")
    return _in_pipeline(network, policy, steps, rule, one_hot, statistics, report)
