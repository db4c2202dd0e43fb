"""Constructors of AutoMix: from a dataclass of its choices and a training pipeline.

Every ablation of the paper (Liu et al., ECCV 2022) is one field of :class:`AutoMixSpec`: ``site``
(Table 11, Figure 10), ``alpha`` (Figure 9), ``block.embed_lam`` and ``lam_weight.start`` (Table 9);
Table 10 is the argument ``pipeline``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mixlib.core.hyperparameters import changed
from mixlib.core.labels import LabelRule
from mixlib.core.net import Net
from mixlib.core.policy import Policy
from mixlib.core.training_pipeline import TRAINING_PIPELINES, PipelineName
from mixlib.methods.automix.features import probe
from mixlib.methods.automix.joint import JointMix
from mixlib.methods.automix.momentum_mix import MomentumMix
from mixlib.methods.automix.objective import AutoMix, AutoMixSpec
from mixlib.methods.automix.presets import PRESETS
from mixlib.methods.automix.schedules import Momentum, constant
from mixlib.methods.automix.teacher import Report


def automix_spec(params: Mapping[str, Any], rule: LabelRule | None = None) -> AutoMixSpec:
    """A preset with some fields changed, as a declaration says it.

    Args:
        params: ``preset`` (a row of ``PRESETS``, default "paper") and any field of
            :class:`AutoMixSpec`; a mapping changes fields of the dataclass inside.
        rule: the classification loss.

    Raises:
        KeyError: no such preset.
        TypeError: no such field.
        ValueError: fields that contradict each other.

    Example:
        >>> spec = automix_spec({"preset": "lean", "block": {"embed_lam": False}})
        >>> spec.every, spec.block.embed_lam
        (2, False)
    """
    changes = {key: value for key, value in params.items() if key != "preset"}
    if rule is not None:
        changes["rule"] = rule
    preset = PRESETS[params.get("preset", "paper")]
    if changes.get("one_hot") is False and "report" not in changes:
        changes["report"] = Report(preset.spec.report.network, "mix")
    return changed(preset.spec, changes)


def automix(
    net: Net,
    spec: AutoMixSpec | None = None,
    *,
    steps: int,
    seed: int = 0,
    pipeline: PipelineName = "mp_ce",
) -> AutoMix | JointMix:
    """AutoMix around a classifier.

    Args:
        net: the classifier; what is shared with it: :class:`Pair`.
        spec: all choices; None is the paper's.
        steps: optimizer steps of the whole run, for the schedules.
        seed: initializes the Mix Block.
        pipeline: "mp_ce" as in the paper; "mp" without the cross-entropy on clean samples; "mp0"
            with a copy instead of an average besides; "none": block and classifier minimize one
            loss together, without a second network (Table 10).

    Raises:
        ValueError: a pipeline that AutoMix has not.

    Example:
        >>> import timm
        >>> from mixlib.models.wrap import wrap
        >>> model = timm.create_model("resnet10t", num_classes=10)
        >>> automix(wrap(model), automix_spec({"preset": "lean"}), steps=100).features.channels
        256
    """
    spec = spec or AutoMixSpec()
    if pipeline in ("mp", "mp0"):
        spec = replace(spec, one_hot=False, report=Report(spec.report.network, "mix"))
    if pipeline == "mp0":
        spec = replace(spec, momentum=constant(0.0))
    features = probe(net, spec.site, spec.image)
    if pipeline == "none":
        return JointMix(net, features, spec, steps=steps, seed=seed)
    if pipeline not in ("mp", "mp0", "mp_ce"):
        raise ValueError(f"AutoMix' pipelines are none, mp0, mp and mp_ce, got {pipeline!r}")
    return AutoMix(net, features, spec, steps=steps, seed=seed)


def in_pipeline(
    net: Net,
    policy: Policy,
    pipeline: PipelineName,
    momentum: Momentum | None = None,
    *,
    steps: int,
    rule: LabelRule | None = None,
    clean_rule: LabelRule | None = None,
) -> MomentumMix:
    """Any policy in AutoMix's momentum pipeline (Table 10, "+ MP", "+ CE"), or averaged.

    Args:
        net: the classifier.
        policy: decides the mixes.
        pipeline: "mp" or "mp_ce"; "ema": plain weight averaging.
        momentum: m of eq. (12).
        steps: optimizer steps of the run.
        rule: the loss of mixed samples.
        clean_rule: that of the clean ones of "mp_ce", see :class:`MomentumMix`.

    Raises:
        KeyError, ValueError: a pipeline without an average.

    Example:
        >>> from mixlib.catalog.build import net
        >>> from mixlib.methods.mixup import mixup
        >>> objective = in_pipeline(net("resnet10_w16", 4, seed=0), mixup(), "mp_ce", steps=10)
        >>> objective.report
        Report(network='k', head='one')
    """
    row = TRAINING_PIPELINES[pipeline]
    if not row.averaged:
        raise ValueError(f"pipeline {pipeline!r} has no average: use ema, mp or mp_ce")
    return MomentumMix(
        net,
        policy,
        momentum or Momentum(),
        steps=steps,
        one_hot=row.one_hot,
        statistics="ema" if pipeline == "ema" else "own",
        rule=rule,
        clean_rule=clean_rule,
    )
