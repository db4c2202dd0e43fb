"""AutoMix as a training objective: two networks, two draws, four loss terms.

AutoMix (Liu et al., ECCV 2022), eq. (8) and Algorithm 1.  One step on a batch x, y:

    z      = features of x in k, without gradient
    mask_k = block(z, lambda_k)  ->  x_k = blend(mask_k, x)  ->  MCE of k, plus the lambda loss
    mask_q = block(z, lambda_q), detached  ->  x_q = blend(mask_q, x)  ->  MCE of q
    and the CE of q on x itself

The generation loss passes through k, whose weights are frozen, to the block and nowhere else; q's
losses reach q only; k follows q in :meth:`AutoMix.update_teacher`.  Which line is the paper's and
which the release's: ``docs/automix.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from mixlib.core.arguments import Count, Positive, Share, check_fields
from mixlib.core.labels import CrossEntropy, LabelRule
from mixlib.core.lam import Beta
from mixlib.core.mix import Mix, blend, identity
from mixlib.core.net import Net
from mixlib.core.objective import Step
from mixlib.core.policy import Pairing, Scope
from mixlib.methods.automix.draws import Draw, draw_at, draws
from mixlib.methods.automix.features import Features
from mixlib.methods.automix.lambda_loss import LamLoss
from mixlib.methods.automix.learned_masks import LearnedMasks, spent
from mixlib.methods.automix.mix_block import BlockSpec, MixBlock
from mixlib.methods.automix.schedules import LamWeight, Momentum
from mixlib.methods.automix.teacher import Head, Pair, Report, Statistics
from mixlib.seed import generator


@dataclass(frozen=True)
class AutoMixSpec:
    """Every choice of AutoMix; the defaults are the paper's, ``presets.py`` holds the others.

    Args:
        block: the Mix Block.
        site: where the block looks; the paper's l = 3 is "stage3".
        image: side in pixels of an image with which the site's channels are found out; networks
            with a fixed input size need theirs.
        alpha: lambda ~ Beta(alpha, alpha); 2 in all experiments (Figure 9).
        scope: one lambda per "batch" (released) or per "sample".
        pairing: how partners are drawn.
        lam_margin: where lambda_q or 1 - lambda_q is at most this, q sees plain mixup (released:
            0.08, which is 3.6 % of the draws; not in the paper).
        lam_loss: the lambda loss, eq. (7).
        lam_weight: its weight gamma over training.
        momentum: m of eq. (12) over training.
        statistics: where k's normalization statistics come from.
        one_hot: the CE of q on clean samples with a head of its own (Table 10, "CE").
        every: the block is trained at every n-th step only (1 in paper and release).  At the other
            steps its gradient is zero, not absent, so that DDP finds every parameter used.
        skip: probability that a step leaves the generation loss out and keeps the lambda loss
            (released ViT configs "switch_off": 0.8 on ImageNet, 1 on CIFAR).
        full_pass: run k to its end on the clean batch although the map of an inner stage is all
            that is used (released).  It costs 24 % of a forward for ResNet-18 and changes one
            thing: the batch-norm statistics of k's last stage then see clean and mixed batches,
            without it mixed ones only.
        report: the network to evaluate and keep.
        rule: the classification loss of all terms.

    Example:
        >>> AutoMixSpec(block=BlockSpec(embed_lam=False), alpha=1.0).site
        'stage3'
    """

    block: BlockSpec = field(default_factory=BlockSpec)
    site: str = "stage3"
    image: Count = 64
    alpha: Positive = 2.0
    scope: Scope = "batch"
    pairing: Pairing = "permute"
    lam_margin: Share = 0.0
    lam_loss: LamLoss = field(default_factory=LamLoss)
    lam_weight: LamWeight = field(default_factory=LamWeight)
    momentum: Momentum = field(default_factory=Momentum)
    statistics: Statistics = "own"
    one_hot: bool = True
    every: Count = 1
    skip: Share = 0.0
    full_pass: bool = False
    report: Report = field(default_factory=Report)
    rule: LabelRule = field(default_factory=CrossEntropy)

    def __post_init__(self) -> None:
        check_fields(self)
        if self.report.head == "one" and not self.one_hot:
            raise ValueError("without the one-hot loss there is no one-hot head: report 'mix'")
        if self.rule.taps:
            raise ValueError(f"a rule that taps {self.rule.taps} does not work with AutoMix")

    def heads(self) -> Sequence[Head]:
        """The heads that receive a loss."""
        return ("one", "mix") if self.one_hot else ("mix",)


class AutoMix(LearnedMasks):
    """The momentum pipeline with a Mix Block.

    Args:
        net: the classifier; what is shared with it: :class:`mixlib.methods.automix.teacher.Pair`.
        features: the site that the block reads.
        spec: all choices; ``mixlib.methods.automix.presets.PRESETS`` holds the named ones.  Its
            ``site`` and ``image`` are :func:`mixlib.methods.automix.build.automix`'s to read.
        steps: optimizer steps of the whole run, for the schedules.
        seed: initializes the block.

    Example:
        >>> from mixlib.methods.automix import automix
        >>> from mixlib.catalog.build import net
        >>> objective = automix(net("resnet10_w16", 4, seed=0), steps=10)
        >>> rng = torch.Generator().manual_seed(0)
        >>> step = objective(torch.randn(4, 3, 32, 32, generator=rng), torch.arange(4), rng)
        >>> step.loss.backward()
        >>> objective.update_teacher(0)
        >>> sorted(step.terms)
        ['generate', 'lam', 'mix', 'one']
    """

    optional_terms = ("lam", "generate")

    def __init__(
        self,
        net: Net,
        features: Features,
        spec: AutoMixSpec | None = None,
        *,
        steps: int,
        seed: int = 0,
    ) -> None:
        spec = spec or AutoMixSpec()
        pair = Pair(net, spec.heads(), spec.momentum, steps, spec.statistics)
        block = MixBlock(features.channels, spec.block, generator(seed, "automix", "block"))
        super().__init__(features, pair, block, spec.report)
        self.spec = spec
        self.lam_weight = spec.lam_weight.values(steps)

    def forward(
        self, x: Float[Tensor, "B C H W"], y: Shaped[Tensor, "B *Y"], rng: torch.Generator
    ) -> Step:
        spec = self.spec
        for_k, for_q = draws(2, len(x), Beta(spec.alpha), spec.scope, spec.pairing, rng, x.device)
        skipped = spec.skip > 0 and bool(
            torch.rand((), generator=rng, device=rng.device) < spec.skip
        )
        return self._summed(*self.terms(x, y, for_k, for_q, generate=not skipped))

    def step(
        self,
        x: Float[Tensor, "B C H W"],
        y: Shaped[Tensor, "B *Y"],
        for_k: Draw,
        for_q: Draw,
        generate: bool = True,
    ) -> Step:
        """One step with given draws: :meth:`forward` without its randomness."""
        return self._summed(*self.terms(x, y, for_k, for_q, generate))

    def _summed(self, terms: dict[str, Tensor], seen: Mix) -> Step:
        summed = list(terms.values())
        if "lam" not in terms:  # the block rests: see ``every``
            summed.append(torch.stack([p.sum() for p in self.block.parameters()]).sum() * 0)
        loss = torch.stack(summed).sum()
        return Step(loss, {name: term.detach() for name, term in terms.items()}, seen)

    def terms(
        self,
        x: Float[Tensor, "B C H W"],
        y: Shaped[Tensor, "B *Y"],
        for_k: Draw,
        for_q: Draw,
        generate: bool = True,
    ) -> tuple[dict[str, Tensor], Mix]:
        """The terms of eq. (8), each with its graph, and the mix that q saw.

        "one" is the CE of q, "mix" the MCE of q, "generate" the MCE of k and "lam" the weighted
        lambda loss; those that this step leaves out are absent.
        """
        z = self.look(x)
        seen = self.mix_for_q(z, for_q, x)
        terms: dict[str, Tensor] = {}
        # k before q: its activations are gone (see spent) before q's are made
        if self.pair.step % self.spec.every == 0:
            own = self.block(z, for_k.partner, for_k.lam, (x.shape[-2], x.shape[-1]))
            weight = float(self.lam_weight[min(self.pair.step, len(self.lam_weight) - 1)])
            terms["lam"] = weight * self.spec.lam_loss(own, for_k.lam)
            if generate:
                mix = for_k.mix(own)
                logits = self.pair.logits("k", "mix", blend(mix, x))
                terms["generate"] = spent(self.spec.rule(mix, logits, {}, y), own)
        if self.spec.one_hot:
            clean = identity(len(x), x.device)
            terms["one"] = self.spec.rule(clean, self.pair.logits("q", "one", x), {}, y)
        terms["mix"] = self.spec.rule(seen, self.pair.logits("q", "mix", blend(seen, x)), {}, y)
        return terms, seen

    @torch.no_grad()
    def look(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """The block's features: k on the clean batch, in whatever mode k is."""
        site = self.features.site
        k = self.pair.k
        z = k(x, tap=(site,))[1][site] if self.spec.full_pass else k.features(x, site)
        return self.features.as_map(z, (x.shape[-2], x.shape[-1]))

    @torch.no_grad()
    def mix_for_q(
        self, z: Float[Tensor, "B D h w"], draw: Draw, x: Float[Tensor, "B C H W"]
    ) -> Mix:
        """The mix that trains the classifier: detached, and plain mixup within the margin."""
        own = self.block(z, draw.partner, draw.lam, (x.shape[-2], x.shape[-1]))
        if self.spec.lam_margin > 0:
            lam = draw.lam[:, None, None].to(own.dtype)
            near = torch.minimum(lam, 1 - lam) <= self.spec.lam_margin
            own = torch.where(near, lam, own)
        return draw.mix(own)

    def mix_with(self, x: Float[Tensor, "B C H W"], draw: Draw) -> Mix:
        """The mix that the classifier would see of a batch with a given draw."""
        return self.mix_for_q(self.look(x), draw, x)

    def mix_at(
        self,
        x: Float[Tensor, "B C H W"],
        y: Shaped[Tensor, "B *Y"],
        lam: float,
        rng: torch.Generator,
    ) -> Mix:
        return self.mix_with(x, draw_at(lam, len(x), x.device))
