"""Decoupled mixup: a label rule that also scores each mixed label as if the other were not there.

Liu et al., "Harnessing Hard Mixed Samples with Decoupled Regularizer", NeurIPS 2023, eq. (5)-(6):
added to the mixed cross-entropy, each of the two labels is scored by a softmax that leaves the
other's class out, whatever lambda.  The rule goes with any method of pairs; the word
mixes as Mixup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.hyperparameters import same
from mixlib.core.labels import CrossEntropy, LabelRule, soft_targets
from mixlib.core.method import Method
from mixlib.core.mix import Mix
from mixlib.core.net import Net


@dataclass(frozen=True)
class Decoupled(LabelRule):
    """Another rule plus ``weight`` times the decoupled regularizer, for mixes of two sources; a
    batch that is not mixed has the other rule alone.

    OpenMixup finds the two labels in the mixed target, which fails with a NaN at lambda = 1/2; here
    they are known.  A pair of the same class has nothing to leave out.

    Example:
        >>> from mixlib.methods.mixup import mixup
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = mixup().draw(images, labels, None, rng)
        >>> Decoupled()(mix, torch.zeros(4, 10), {}, labels).shape
        torch.Size([])
    """

    rule: LabelRule = field(default_factory=CrossEntropy)
    weight: float = 0.1

    @property
    def taps(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.rule.taps

    def bound(self, net: Net) -> Decoupled:
        return replace(self, rule=self.rule.bound(net))

    def __call__(
        self,
        mix: Mix,
        logits: Float[Tensor, "B Y"],
        seen: Mapping[str, Tensor],
        y: Int[Tensor, " B"],
    ) -> Float[Tensor, ""]:
        if mix.source.shape[1] == 1:
            return self.rule(mix, logits, seen, y)
        if mix.source.shape[1] != 2:
            raise ValueError(f"decoupled mixup needs pairs, got {mix.source.shape[1]} sources")
        if mix.labels is not None:
            raise ValueError("decoupled mixup needs class indices, this mix brings soft labels")
        logits = logits.float()
        labels = y[mix.source]
        same = labels[:, :1] == labels[:, 1:]
        total = torch.zeros_like(logits[:, 0])
        for own, other in (labels.unbind(1), labels.flip(1).unbind(1)):
            out = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, other[:, None], ~same)
            rest = logits.masked_fill(out, -torch.inf).logsumexp(1)
            total = total + rest - logits.gather(1, own[:, None])[:, 0]
        return self.rule(mix, logits, seen, y) + self.weight * total.mean()


@dataclass(frozen=True)
class DecoupledBinary(LabelRule):
    """One sigmoid per class, with targets that grow faster than the label shares: min(1, w / t)^p
    for a class of share w.  The paper's counterpart of :class:`Decoupled` for binary cross-entropy,
    where classes do not compete: both sources of a pair are asked for more than their shares.

    Args:
        threshold: share t from which on a class is asked for in full.
        power: p; 1 with a threshold of 1 leaves the shares as they are.
        reduction: "mean" over samples and classes, or "sum" over classes and mean over samples.

    Raises:
        ValueError: a threshold outside (0, 1], or a power that is not above 0.

    Example:
        >>> from mixlib.core.mix import pair
        >>> mix = pair(torch.tensor([1, 0]), None, torch.tensor([0.25, 0.25]))
        >>> rule = DecoupledBinary(threshold=0.5, power=1)
        >>> rule.targets(mix, torch.tensor([0, 1]), 3).tolist()
        [[0.5, 1.0, 0.0], [1.0, 0.5, 0.0]]
    """

    threshold: float = 1.0
    power: float = 0.8
    reduction: Literal["mean", "sum"] = "mean"

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1 or not self.power > 0:
            raise ValueError(
                "expected a threshold in (0, 1] and a power above 0, found "
                f"{self.threshold} and {self.power}"
            )

    def __call__(
        self,
        mix: Mix,
        logits: Float[Tensor, "B Y"],
        seen: Mapping[str, Tensor],
        y: Int[Tensor, " B"],
    ) -> Float[Tensor, ""]:
        rows = self.targets(mix, y, logits.shape[1])
        loss = F.binary_cross_entropy_with_logits(logits.float(), rows)
        return loss if self.reduction == "mean" else loss * logits.shape[1]

    def targets(self, mix: Mix, y: Int[Tensor, " B"], classes: int) -> Float[Tensor, "B Y"]:
        """The rescaled shares of all classes."""
        rows = soft_targets(mix, y, classes)
        return (rows / self.threshold).clamp(0, 1).pow(self.power)


ROW = Method(
    "decoupledmix",
    "DecoupleMix",
    "mixlib.methods.mixup:mixup",
    "Liu et al., Harnessing Hard Mixed Samples with Decoupled Regularizer, NeurIPS 2023, "
    "arXiv:2203.10761",
    2023,
    same(alpha=1.0, weight=0.1),
    rule="Decoupled",
    rule_params=("weight",),
)
