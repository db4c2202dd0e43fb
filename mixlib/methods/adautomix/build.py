"""The constructor of AdAutoMix."""

from __future__ import annotations

from mixlib.core.net import Net
from mixlib.core.training_pipeline import PipelineName
from mixlib.methods.adautomix.objective import AdAutoMix
from mixlib.methods.adautomix.spec import AdAutoMixSpec
from mixlib.methods.automix.features import probe


def adautomix(
    net: Net,
    spec: AdAutoMixSpec | None = None,
    *,
    steps: int,
    seed: int = 0,
    pipeline: PipelineName = "mp_ce",
) -> AdAutoMix:
    """AdAutoMix around a classifier (Qin et al., ICLR 2024): masks over several images, learned to
    be hard for the teacher.

    Args:
        net: the classifier; what is shared with it: :class:`mixlib.methods.automix.teacher.Pair`.
        spec: all choices; None is the paper's.
        steps: optimizer steps of the whole run, for the schedules.
        seed: initializes the block.
        pipeline: "mp_ce", the only one in which it is defined.

    Raises:
        ValueError: another pipeline.

    Example:
        >>> from mixlib.catalog.build import net
        >>> adautomix(net("resnet10_w16", 4, seed=0), steps=10).spec.samples
        3
    """
    if pipeline != "mp_ce":
        raise ValueError(f"AdAutoMix's pipeline is mp_ce, got {pipeline!r}")
    spec = spec or AdAutoMixSpec()
    return AdAutoMix(net, probe(net, spec.site, spec.image), spec, steps=steps, seed=seed)
