"""AutoMix's momentum pipeline with any other policy, and plain weight averaging.

AutoMix, Table 10: "Mixup + MP" gains 1.7 of the 2.9 points over Mixup on CIFAR-100 without any
learned mask.  A fair table therefore needs Mixup and CutMix in the same pipeline, and plain weight
averaging beside it:

    "+ MP"          statistics="own": k runs on mixed batches of its own draw, as in AutoMix
    "+ MP + CE"     one_hot=True besides: the loss of clean images, too
    "+ weight EMA"  statistics="ema": k is an average and never runs
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from mixlib.core.labels import CrossEntropy, LabelRule
from mixlib.core.mix import Mix, identity
from mixlib.core.net import Net
from mixlib.core.objective import Step, images_mixed_at, mixed_forward
from mixlib.core.policy import Policy
from mixlib.methods.automix.momentum_objective import MomentumObjective
from mixlib.methods.automix.schedules import Momentum
from mixlib.methods.automix.teacher import Head, Pair, Report, Statistics, Which


class MomentumMix(MomentumObjective):
    """The momentum pipeline without a learned mask.

    Args:
        net: the classifier; see :class:`mixlib.methods.automix.teacher.Pair`.
        policy: decides the mixes; where it looks into a network, that is q with its mixup head.
        momentum: m of eq. (12).
        steps: optimizer steps of the run.
        one_hot: add the CE of q on clean samples with a head of its own.
        statistics: where k's normalization statistics come from; "own" costs one forward of k.
        report: the network to evaluate and keep.
        rule: the loss of mixed samples.
        clean_rule: that of clean ones, where ``one_hot`` asks for it; None: the same, or the
            cross-entropy where that reads more than the logits.

    Example:
        >>> from mixlib.catalog.build import net
        >>> from mixlib.methods.mixup import mixup
        >>> objective = MomentumMix(net("resnet10_w16", 4, seed=0), mixup(), steps=10)
        >>> rng = torch.Generator().manual_seed(0)
        >>> objective(torch.zeros(4, 3, 32, 32), torch.arange(4), rng).loss.backward()
        >>> objective.update_teacher(0)
    """

    def __init__(
        self,
        net: Net,
        policy: Policy,
        momentum: Momentum | None = None,
        *,
        steps: int,
        one_hot: bool = False,
        statistics: Statistics = "own",
        report: Report | None = None,
        rule: LabelRule | None = None,
        clean_rule: LabelRule | None = None,
    ) -> None:
        policy.check_net(net)
        report = report or Report("k", "one" if one_hot else "mix")
        if report.head == "one" and not one_hot:
            raise ValueError("without the one-hot loss there is no one-hot head: report 'mix'")
        heads: tuple[Head, ...] = ("one", "mix") if one_hot else ("mix",)
        super().__init__(Pair(net, heads, momentum or Momentum(), steps, statistics), report)
        self.policy: Policy = policy
        self.one_hot = one_hot
        self.rule = (rule or CrossEntropy()).bound(net)
        self.clean_rule = clean_rule or (CrossEntropy() if self.rule.taps else self.rule)

    def forward(
        self, x: Float[Tensor, "B C H W"], y: Shaped[Tensor, "B *Y"], rng: torch.Generator
    ) -> Step:
        mix, logits, seen = self._mixed("q", x, y, rng)
        terms = {"mix": self.rule(mix, logits, seen, y)}
        if self.one_hot:
            clean = identity(len(x), x.device)
            terms["one"] = self.clean_rule(clean, self.pair.logits("q", "one", x), {}, y)
        if self.pair.statistics == "own":
            with torch.no_grad():  # k learns nothing here but its normalization statistics
                self._mixed("k", x, y, rng)
        loss = torch.stack(list(terms.values())).sum()
        return Step(loss, {name: term.detach() for name, term in terms.items()}, mix)

    def _mixed(
        self, which: Which, x: Tensor, y: Tensor, rng: torch.Generator
    ) -> tuple[Mix, Tensor, dict[str, Tensor]]:
        net = self.pair.classifier(Report(which, "mix"))
        return mixed_forward(net, self.policy, x, y, rng, self.rule.taps)

    def mix_at(
        self,
        x: Float[Tensor, "B C H W"],
        y: Shaped[Tensor, "B *Y"],
        lam: float,
        rng: torch.Generator,
    ) -> Mix:
        net = self.pair.classifier(Report("q", "mix"))
        return images_mixed_at(net, self.policy, x, y, lam, rng)
