"""AugMix' Jensen-Shannon objective: agreement of the predictions on an image and two views of it.

Hendrycks et al., "AugMix", ICLR 2020, eq. (1)-(2): cross-entropy on the clean image, plus 12 times
the Jensen-Shannon divergence of the predictions on the image and on two views of it.  One step
costs three forward and backward passes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from mixlib.core.arguments import Finite, NotNegative, Positive, checked
from mixlib.core.labels import CrossEntropy, LabelRule
from mixlib.core.mix import blend, identity
from mixlib.core.net import Net
from mixlib.core.objective import Objective, Step
from mixlib.core.policy import Policy
from mixlib.methods.augmix.chains import augmix

WEIGHT = 12.0  # lambda of eq. (1)
LEAST = 1e-7  # predictions of the mixture are clamped to it from below, as released


def divergence(logits: Float[Tensor, "V B Y"]) -> Float[Tensor, ""]:
    """Jensen-Shannon divergence of V predictions, mean over the batch."""
    log_p = F.log_softmax(logits.float(), dim=2)
    log_mixture = log_p.exp().mean(0).clamp(LEAST, 1).log()
    return (log_p.exp() * (log_p - log_mixture)).sum(2).mean()


class Consistency(Objective):
    """A clean image and two views of it.

    Args:
        net: the network.
        policy: draws a view; labels must stay.
        rule: loss on the clean image.
        weight: of the divergence.
    """

    def __init__(
        self, net: Net, policy: Policy, rule: LabelRule | None = None, weight: float = WEIGHT
    ) -> None:
        super().__init__()
        self.net = net
        self.policy: Policy = policy
        self.rule = rule or CrossEntropy()
        self.weight = weight

    def forward(
        self, x: Float[Tensor, "B C H W"], y: Shaped[Tensor, "B *Y"], rng: torch.Generator
    ) -> Step:
        views = [blend(self.policy.draw(x, y, self.net, rng), x) for _ in range(2)]
        # one pass over all three, as released: batch statistics are joint
        logits, seen = self.net(torch.cat([x, *views]), tap=self.rule.taps)
        clean = identity(len(x), x.device)
        seen = {site: tensor[: len(x)] for site, tensor in seen.items()}
        logits = logits.unflatten(0, (3, len(x)))
        terms = {"clean": self.rule(clean, logits[0], seen, y), "agree": divergence(logits)}
        loss = terms["clean"] + self.weight * terms["agree"]
        return Step(loss, {name: term.detach() for name, term in terms.items()}, clean)

    def predictor(self) -> nn.Module:
        return self.net.model


@checked
def augmix_consistency(
    net: Net,
    *,
    rule: LabelRule | None = None,
    steps: int = 0,
    seed: int = 0,
    mean: Sequence[Finite] = (0.485, 0.456, 0.406),
    std: Sequence[Positive] = (0.229, 0.224, 0.225),
    severity: NotNegative = 3.0,
    weight: NotNegative = WEIGHT,
) -> Consistency:
    """AugMix with its Jensen-Shannon loss; ``steps`` and ``seed`` are every objective's, unused.

    Example:
        >>> import timm
        >>> from mixlib.models.wrap import wrap
        >>> net = wrap(timm.create_model("resnet10t", num_classes=4))
        >>> images, labels = torch.zeros(4, 3, 32, 32), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> step = augmix_consistency(net)(images, labels, rng)
        >>> sorted(step.terms)
        ['agree', 'clean']
    """
    return Consistency(net, augmix(mean, std, severity=severity), rule, weight)
