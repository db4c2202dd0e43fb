"""Student q and teacher k: q learns by gradient, k follows q as a moving average.

AutoMix, section 3.2, eq. (10)-(12), Figure 11.  Both networks are the wrapped classifier without
its last linear layer; each has a linear head for mixed samples and, where the one-hot loss is used,
a second one for clean samples.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixlib.core.arguments import check_fields
from mixlib.core.net import Net
from mixlib.methods.automix.schedules import Momentum

Head = Literal["one", "mix"]
Which = Literal["q", "k"]
Statistics = Literal["own", "ema"]


@dataclass(frozen=True)
class Report:
    """Which network is reported: "q" or "k", with the "one"-hot or the "mix"up head.

    AutoMix reports k ("we use the encoder k for inference", A.3), released with its one-hot head.

    Example:
        >>> Report("k", "one")
        Report(network='k', head='one')
    """

    network: Which = "k"
    head: Head = "one"

    def __post_init__(self) -> None:
        check_fields(self)


class Pair(nn.Module):
    """q and k with their heads.

    Args:
        net: the classifier.  q shares its parameters (so training q trains ``net.model``, whose
            own last layer is the first of ``heads``); k starts as a copy.
        heads: which heads exist.  All start as the classifier's own last layer: the initialization
            stays the model's affair and pretrained heads survive (released: N(0, 0.01) each).
        momentum: m over training.
        steps: optimizer steps of the run.
        statistics: where k's normalization statistics come from: "own" forward passes in training
            mode (released), or "ema", averaged like the weights (the usual weight EMA, for
            pipelines in which k sees no data).
    """

    def __init__(
        self,
        net: Net,
        heads: Sequence[Head],
        momentum: Momentum,
        steps: int,
        statistics: Statistics = "own",
    ) -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f"steps must be the length of the run, got {steps}")
        last = net.last_linear()
        self.q = net.with_head(nn.Identity())
        self.q_heads = nn.ModuleDict()
        for i, name in enumerate(heads):
            self.q_heads[name] = copy.deepcopy(last) if i else last
        self.k = copy.deepcopy(self.q).requires_grad_(False)
        self.k_heads = copy.deepcopy(self.q_heads).requires_grad_(False)
        self.statistics = statistics
        self.momentum = momentum.values(steps)
        self.step = 0

    def logits(self, which: Which, head: Head, x: Float[Tensor, "B C H W"]) -> Tensor:
        """[B, Y] of one network and head, recorded for gradients."""
        net, heads = (self.q, self.q_heads) if which == "q" else (self.k, self.k_heads)
        return heads[head](net(x)[0])

    def classifier(self, report: Report) -> Net:
        """One network with one head in place: of the class of the wrapped model, sharing its
        parameters and the names of its state_dict."""
        if report.network == "q":
            return self.q.with_head(self.q_heads[report.head])
        return self.k.with_head(self.k_heads[report.head])

    def trained(self) -> list[nn.Parameter]:
        """q's parameters and its heads'."""
        both = (*self.q.parameters(), *self.q_heads.parameters())
        return [p for p in both if p.requires_grad]

    @torch.no_grad()
    def follow(self, i: int) -> None:
        """eq. (12) after optimizer step i, in one fused call; statistics by ``statistics``."""
        weight = 1 - float(self.momentum[min(i, len(self.momentum) - 1)])
        slow: list[Tensor] = [*self.k.parameters(), *self.k_heads.parameters()]
        fast: list[Tensor] = [*self.q.parameters(), *self.q_heads.parameters()]
        if self.statistics == "ema":
            for old, new in zip(self.k.buffers(), self.q.buffers(), strict=True):
                if old.is_floating_point():
                    slow.append(old)
                    fast.append(new)
                else:
                    old.copy_(new)
        # 3.1 ms against 13.1 ms for a loop over the 62 tensors of a ResNet-18 (one CPU core)
        torch._foreach_lerp_(slow, fast, weight)
        self.step = i + 1

    def get_extra_state(self) -> Tensor:
        """The step, so that a resumed run finds its place in the schedules."""
        return torch.tensor(self.step)

    def set_extra_state(self, state: Tensor) -> None:
        """Restores what :meth:`get_extra_state` saved."""
        self.step = int(state)
