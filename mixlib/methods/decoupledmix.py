"""Decoupled mixup: a label rule that also scores each mixed label as if the other were not there.

Liu et al., "Harnessing Hard Mixed Samples with Decoupled Regularizer", NeurIPS 2023, eq. (5)-(6):
added to the mixed cross-entropy, each of the two labels is scored by a softmax that leaves the
other's class out, whatever lambda.  The rule goes with any method of pairs; the word
mixes as Mixup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.hyperparameters import same
from mixlib.core.labels import CrossEntropy, LabelRule
from mixlib.core.method import Method
from mixlib.core.mix import Mix
from mixlib.core.net import Net


@dataclass(frozen=True)
class Decoupled(LabelRule):
    """Another rule plus ``weight`` times the decoupled regularizer; mixes of two sources only.

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
