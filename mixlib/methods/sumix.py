"""SUMix: CutMix whose label follows what the network takes the mixed image for.

Qin et al., "SUMix: Mixup with Semantic and Uncertain Information", ECCV 2024: with the predictions
p of the clean and p^ of the mixed image, without gradient, the semantic distance of source k is

    d_k = s normalize(softmax(p^ - p_k without the other's class)),

normalize to length one, and its label share w_k is proportional to lambda_k exp(-d_k[y_k]).  A
second linear layer on the same representation estimates uncertainty u = normalize(softmax(.)), and
gamma times the cross-entropy of exp(-(d_k + u_k + u^)) is added.  Written from the authors' code
where the paper leaves room: s is the batch size there.  Both images of a pair of one class keep it.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from mixlib.core.arguments import NotNegative, Positive, checked
from mixlib.core.hyperparameters import alphas
from mixlib.core.labels import CrossEntropy, LabelRule, check_indices
from mixlib.core.method import Method
from mixlib.core.mix import Mix, blend
from mixlib.core.net import Net
from mixlib.core.objective import Objective, Step, images_mixed_at
from mixlib.core.policy import Pairing, Policy, Scope
from mixlib.methods.cutmix import cutmix
from mixlib.seed import derive


def semantic_distances(
    mix: Mix,
    mixed: Float[Tensor, "B Y"],
    clean: Float[Tensor, "B Y"],
    y: Int[Tensor, " B"],
    sharpness: float,
) -> Float[Tensor, "B 2 Y"]:
    """The distance of each mixed image to both of its sources, class by class.

    Args:
        mix: of two sources.
        mixed, clean: logits of the mixed and of the clean images.
        y: labels of the clean images.
        sharpness: s.
    """
    p = clean.detach().float().softmax(1)[mix.source]
    labels = y[mix.source]
    other = F.one_hot(labels.flip(1), p.shape[2]).bool()
    other &= (labels[:, :1] != labels[:, 1:])[:, :, None]
    apart = mixed.detach().float().softmax(1)[:, None] - p.masked_fill(other, 0)
    return sharpness * F.normalize(apart.softmax(2), dim=2)


def semantic_shares(
    mix: Mix, distances: Float[Tensor, "B 2 Y"], y: Int[Tensor, " B"]
) -> Float[Tensor, "B 2"]:
    """Label shares proportional to lambda exp(-distance at the source's class).

    Example:
        >>> from mixlib.core.mix import pair
        >>> mix = pair(torch.tensor([1, 0]), None, torch.tensor([0.25]))
        >>> shares = semantic_shares(mix, torch.zeros(2, 2, 3), torch.tensor([0, 1]))
        >>> [round(share, 4) for share in shares[0].tolist()]
        [0.25, 0.75]
    """
    at = distances.gather(2, y[mix.source][:, :, None])[..., 0]
    return (mix.weight.clamp(min=0).log() - at).softmax(1)


class SuMix(Objective):
    """SUMix around a classifier.

    Args:
        net: the network; its last linear layer reads the representation.
        policy: draws pairs at the input.
        rule: the loss.
        gamma: weight of the term on uncertainty.
        sharpness: s; None: the number of samples, as released.
        seed: initializes the layer that estimates uncertainty.
    """

    def __init__(
        self,
        net: Net,
        policy: Policy,
        rule: LabelRule | None = None,
        gamma: float = 0.5,
        sharpness: float | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.net = net
        self.policy: Policy = policy
        self.rule = (rule or CrossEntropy()).bound(net)
        self.gamma, self.sharpness = gamma, sharpness
        head = net.last_linear()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "weights", "sumix"))
            made = nn.Linear(head.in_features, head.out_features)
        self.uncertainty = made.to(head.weight)

    def forward(
        self, x: Float[Tensor, "B C H W"], y: Shaped[Tensor, "B *Y"], rng: torch.Generator
    ) -> Step:
        if y.ndim != 1:
            raise ValueError(
                f"SUMix compares the classes of two images: it needs class indices [B], got rows "
                f"{tuple(y.shape)}"
            )
        mix = self.policy.choose(rng).draw(x, y, self.net, rng)
        if mix.source.shape[1] == 1:
            return self._unmixed(mix, x, y)
        body, head = self.net.with_head(nn.Identity()), self.net.last_linear()
        check_indices(y, head.out_features)
        clean, _ = body(x)
        mixed, seen = body(blend(mix, x), tap=self.rule.taps)
        logits = head(mixed)
        distances = semantic_distances(
            mix, logits, head(clean), y, len(x) if self.sharpness is None else self.sharpness
        )
        weight = semantic_shares(mix, distances, y).to(mix.weight.dtype)
        loss = self.rule(replace(mix, weight=weight), logits, seen, y)
        unsure = [
            F.normalize(self.uncertainty(h).float().softmax(1), dim=1) for h in (clean, mixed)
        ]
        adapted = (-(distances + unsure[0][mix.source] + unsure[1][:, None])).exp()
        log_p = adapted.log_softmax(2).gather(2, y[mix.source][:, :, None])[..., 0]
        extra = -(mix.weight * log_p).sum(1).mean()
        terms = {"loss": loss.detach(), "uncertainty": extra.detach()}
        return Step(loss + self.gamma * extra, terms, replace(mix, weight=weight))

    def _unmixed(self, mix: Mix, x: Float[Tensor, "B C H W"], y: Int[Tensor, " B"]) -> Step:
        """The loss alone; the layer of uncertainty gets a gradient of zero, which DDP asks for."""
        logits, seen = self.net(x, tap=self.rule.taps)
        loss = self.rule(mix, logits, seen, y)
        none = torch.stack([p.sum() for p in self.uncertainty.parameters()]).sum() * 0
        return Step(loss + none, {"loss": loss.detach(), "uncertainty": none.detach()}, mix, logits)

    def mix_at(
        self, x: Float[Tensor, "B C H W"], y: Int[Tensor, " B"], lam: float, rng: torch.Generator
    ) -> Mix:
        return images_mixed_at(self.net, self.policy, x, y, lam, rng)

    def predictor(self) -> nn.Module:
        return self.net.model


@checked
def sumix(
    net: Net,
    *,
    rule: LabelRule | None = None,
    steps: int = 0,
    seed: int = 0,
    alpha: Positive = 1.0,
    gamma: NotNegative = 0.5,
    sharpness: Positive | None = None,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
) -> SuMix:
    """SUMix with CutMix (Qin et al., ECCV 2024); ``steps`` is every objective's, unused.

    Args:
        net: the network.
        rule: the loss.
        seed: of the layer that estimates uncertainty.
        alpha: lambda ~ Beta(alpha, alpha).
        gamma: weight of the term on uncertainty.
        sharpness: of the semantic distance; None: the number of samples.
        scope, pairing: of CutMix.

    Example:
        >>> import timm
        >>> from mixlib.models.wrap import wrap
        >>> net = wrap(timm.create_model("resnet10t", num_classes=4))
        >>> images, labels = torch.zeros(4, 3, 32, 32), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> sorted(sumix(net)(images, labels, rng).terms)
        ['loss', 'uncertainty']
    """
    return SuMix(net, cutmix(alpha, scope, pairing), rule, gamma, sharpness, seed)


ROW = Method(
    "sumix",
    "SUMix",
    "sumix",
    "Qin et al., SUMix: Mixup with Semantic and Uncertain Information, ECCV 2024, arXiv:2407.07805",
    2024,
    alphas(1.0, cifar=0.2, large=0.2, fine=0.2),
    objective="sumix",
    pipelines=("none",),
    status="defined",
)
