"""How do plain words become AutoMix?  The constructor behind the catalogue's row: presets, a site,
single changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from mixlib.automix.features import Features
from mixlib.automix.objective import AutoMix, AutoMixSpec
from mixlib.automix.presets import PRESETS
from mixlib.automix.schedules import Momentum
from mixlib.labels import LabelRule
from mixlib.laws.base import Beta
from mixlib.net import Net, inference
from mixlib.words import nearest


def probe(net: Net, site: str, image: int = 64) -> Features:
    """The channels of a site, found by one forward pass of a blank image of ``image`` pixels."""
    layout, prefix = net.layout, 1 if net.layout == "tokens" else 0
    device = next(net.parameters()).device
    with inference(net):
        z = net.features(torch.zeros(1, 3, image, image, device=device), site)
    channels = z.shape[1] if layout == "channels_first" else z.shape[-1]
    return Features(site, channels, layout, prefix)


def automix(
    net: Net,
    *,
    steps: int,
    seed: int = 0,
    rule: LabelRule | None = None,
    preset: str = "paper",
    site: str = "stage3",
    alpha: float = 2.0,
    momentum: float | None = None,
    image: int = 64,
) -> AutoMix:
    """AutoMix from a preset.

    Args:
        net: the classifier.
        steps: optimizer steps of the run.
        seed: initialises the Mix Block.
        rule: the classification loss.
        preset: a row of ``mixlib.automix.presets.PRESETS``.
        site: where the block looks; the paper's l = 3 is "stage3".
        alpha: lambda ~ Beta(alpha, alpha).
        momentum: m at the start; None keeps the preset's 0.999, which suits runs of many thousand
            steps.
        image: side of a valid input image (networks with a fixed input size need theirs).

    Raises:
        KeyError: no such preset; the message names the nearest one.
    """
    if preset not in PRESETS:
        raise KeyError(nearest("AutoMix preset", preset, PRESETS))
    spec: AutoMixSpec = PRESETS[preset]
    changes: dict[str, Any] = {"lam": Beta(alpha)}
    if rule is not None:
        changes["rule"] = rule
    if momentum is not None:
        changes["momentum"] = replace(spec.momentum, start=momentum)
    return AutoMix(net, probe(net, site, image), replace(spec, **changes), steps=steps, seed=seed)


def constant(momentum: float) -> Momentum:
    """The same momentum throughout: a plain exponential moving average."""
    return Momentum(start=momentum, end=momentum)
