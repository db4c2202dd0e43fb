"""How do plain words become AutoMix?  The constructors behind catalog rows: presets, a site,
single changes.

Every ablation of the paper is one word: site (Table 11, Figure 10), alpha (Figure 9), embed_lam and
gamma (Table 9), momentum and one_hot (Table 10); :func:`joint` is Table 10's row without the
momentum pipeline, :func:`mixup_momentum` and :func:`cutmix_momentum` its columns without a learned
mask.  None keeps what the preset says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

import torch

from mixlib.core.catalog import nearest
from mixlib.core.labels import LabelRule
from mixlib.core.lam import Beta
from mixlib.core.net import Net, inference
from mixlib.core.policy import Policy, Scope
from mixlib.methods.automix.features import Features
from mixlib.methods.automix.joint import JointMix
from mixlib.methods.automix.mix_block import BlockSpec
from mixlib.methods.automix.momentum_mix import MomentumMix
from mixlib.methods.automix.momentum_pair import Report, Statistics
from mixlib.methods.automix.objective import AutoMix, AutoMixSpec
from mixlib.methods.automix.presets import PRESETS
from mixlib.methods.automix.schedules import Momentum
from mixlib.methods.cutmix import cutmix
from mixlib.methods.mixup import mixup

GammaShape = Literal["linear", "constant", "cosine", "compounding"]
ReportWord = Literal["q-one", "q-mix", "k-one", "k-mix"]
REPORTS: dict[str, Report] = {
    "q-one": Report("q", "one"),
    "q-mix": Report("q", "mix"),
    "k-one": Report("k", "one"),
    "k-mix": Report("k", "mix"),
}


def probe(net: Net, site: str, image: int = 64) -> Features:
    """The channels of a site, found by one forward pass of a blank image of ``image`` pixels."""
    layout, prefix = net.layout, 1 if net.layout == "tokens" else 0
    device = next(net.parameters()).device
    with inference(net):
        z = net.features(torch.zeros(1, 3, image, image, device=device), site)
    channels = z.shape[1] if layout == "channels_first" else z.shape[-1]
    return Features(site, channels, layout, prefix)


def constant(momentum: float) -> Momentum:
    """The same momentum throughout: a plain exponential moving average."""
    return Momentum(start=momentum, end=momentum)


def preset_spec(preset: str) -> AutoMixSpec:
    """A row of ``mixlib.methods.automix.presets.PRESETS``.

    Raises:
        KeyError: no such preset; the message names the nearest one.
    """
    if preset not in PRESETS:
        raise KeyError(nearest("AutoMix preset", preset, PRESETS))
    return PRESETS[preset]


def _said(words: Mapping[str, Any]) -> dict[str, Any]:
    """The words that say something."""
    return {word: value for word, value in words.items() if value is not None}


def _headless(spec: AutoMixSpec, one_hot: bool | None) -> Report | None:
    """What is reported where the one-hot head is taken away."""
    return Report(spec.report.network, "mix") if one_hot is False else None


def _lam_terms(
    spec: AutoMixSpec, gamma: float | None, shape: GammaShape | None, variance: float | None
) -> dict[str, Any]:
    """A preset's lambda loss and its weight, with the words that say something."""
    return {
        "lam_loss": replace(spec.lam_loss, **_said({"variance": variance})),
        "lam_weight": replace(spec.lam_weight, **_said({"start": gamma, "shape": shape})),
    }


def automix(
    net: Net,
    *,
    steps: int,
    seed: int = 0,
    rule: LabelRule | None = None,
    preset: str = "paper",
    site: str = "stage3",
    image: int = 64,
    alpha: float = 2.0,
    scope: Scope = "batch",
    momentum: float | None = None,
    momentum_end: float | None = None,
    gamma: float | None = None,
    gamma_shape: GammaShape | None = None,
    variance: float | None = None,
    lam_margin: float | None = None,
    one_hot: bool | None = None,
    every: int | None = None,
    full_pass: bool | None = None,
    report: ReportWord | None = None,
    embed_lam: bool | None = None,
    separate: bool | None = None,
    upsample: Literal["nearest", "bilinear", "bicubic"] | None = None,
    init: float | None = None,
    init_value: float | None = None,
) -> AutoMix:
    """AutoMix from a preset with some words changed.

    Args:
        net, steps, seed: see :class:`mixlib.methods.automix.objective.AutoMix`.
        preset, alpha: a row of ``PRESETS``; lambda ~ Beta(alpha, alpha).
        site: where the block looks; the paper's l = 3 is "stage3".
        image: side of a valid input image (networks with a fixed input size need theirs).
        momentum, momentum_end: m at the start and the end; 0 and 0 make k a copy of q.
        gamma: the lambda loss' weight at the start; 0 drops that loss.
        gamma_shape, variance: see ``LamWeight.shape``, ``LamLoss.variance``.
        rule, scope, lam_margin, every, full_pass, report: see :class:`AutoMixSpec`.
        one_hot: the CE on clean samples; without it the mixup head is reported.
        embed_lam, separate, upsample, init ...: see :class:`mixlib.methods.automix.mix_block.BlockSpec`.

    Raises:
        KeyError, ValueError: no such preset; words that contradict each other.
    """
    spec = preset_spec(preset)
    block: dict[str, Any] = {"embed_lam": embed_lam, "separate": separate, "upsample": upsample}
    block |= {"init": init, "init_value": init_value}
    words: dict[str, Any] = {"rule": rule, "lam_margin": lam_margin, "one_hot": one_hot}
    reported = REPORTS[report] if report else _headless(spec, one_hot)
    words |= {"every": every, "full_pass": full_pass, "report": reported}
    spec = replace(
        spec,
        block=replace(spec.block, **_said(block)),
        momentum=replace(spec.momentum, **_said({"start": momentum, "end": momentum_end})),
        **_lam_terms(spec, gamma, gamma_shape, variance),
        lam=Beta(alpha),
        scope=scope,
        **_said(words),
    )
    return AutoMix(net, probe(net, site, image), spec, steps=steps, seed=seed)


def joint(
    net: Net,
    *,
    steps: int,
    seed: int = 0,
    rule: LabelRule | None = None,
    preset: str = "paper",
    site: str = "stage3",
    image: int = 64,
    alpha: float = 2.0,
    gamma: float | None = None,
    gamma_shape: GammaShape | None = None,
    variance: float | None = None,
    embed_lam: bool | None = None,
    init: float | None = None,
    init_value: float | None = None,
) -> JointMix:
    """The Mix Block without the momentum pipeline (Table 10, first row); words as in
    :func:`automix`."""
    spec = preset_spec(preset)
    words = {"embed_lam": embed_lam, "init": init, "init_value": init_value}
    block: BlockSpec = replace(spec.block, **_said(words))
    return JointMix(
        net,
        probe(net, site, image),
        block,
        steps=steps,
        lam=Beta(alpha),
        **_lam_terms(spec, gamma, gamma_shape, variance),
        rule=rule,
        seed=seed,
    )


def _in_pipeline(mixing: Callable[[float, Scope], Policy]) -> Callable[..., MomentumMix]:
    """The constructor of a policy in AutoMix's momentum pipeline (Table 10, "+ MP").

    ``statistics="ema"`` makes it plain weight averaging; see :class:`MomentumMix`.  ``seed`` is
    accepted as everywhere; nothing here is initialized.
    """

    def make(
        net: Net,
        *,
        steps: int,
        seed: int = 0,
        rule: LabelRule | None = None,
        alpha: float = 1.0,
        scope: Scope = "sample",
        momentum: float = 0.999,
        one_hot: bool = False,
        statistics: Statistics = "own",
        report: ReportWord = "k-mix",
    ) -> MomentumMix:
        return MomentumMix(
            net,
            mixing(alpha, scope),
            Momentum(momentum),
            steps=steps,
            one_hot=one_hot,
            statistics=statistics,
            report=REPORTS[report],
            rule=rule,
        )

    return make


mixup_momentum = _in_pipeline(mixup)
cutmix_momentum = _in_pipeline(cutmix)
