"""The lambda loss: a mask should have the mean that was asked for.

AutoMix, eq. (7): max(|lambda - mean_hw s_i| - epsilon, 0), epsilon = 0.1.  The weight gamma is a
schedule (:class:`mixlib.methods.automix.schedules.LamWeight`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from mixlib.core.arguments import NotNegative, check_fields


@dataclass(frozen=True)
class LamLoss:
    """The lambda loss and its released variants.

    Args:
        kind: "l1" (eq. 7); "l2": max((lambda - mean)^2 - epsilon^2, 0); "sparsity":
            max(mean(s (1 - s)) - epsilon, 0), which does not see lambda.
        scope: the mean of each "sample"'s mask (eq. 7) or of all masks of the "batch" together
            (released): there the masks of a batch may err as long as their errors cancel.
        margin: epsilon.
        variance: weight of - Var(s), which rewards masks that commit themselves: 2 in the released
            "L1+Variance" and "L2+Variance" (SAMix, CUB), 0 in the paper.

    Example:
        >>> import torch
        >>> round(float(LamLoss()(torch.full((2, 4, 4), 0.5), torch.tensor([0.8]))), 3)
        0.2
    """

    kind: Literal["l1", "l2", "sparsity"] = "l1"
    scope: Literal["sample", "batch"] = "sample"
    margin: NotNegative = 0.1
    variance: NotNegative = 0.0

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, own: Float[Tensor, "B H W"], lam: Float[Tensor, " n"]) -> Float[Tensor, ""]:
        """The unweighted loss of a batch.

        Args:
            own: [B, H, W], weight of the own image at every pixel.
            lam: [B] or [1], the share asked for.
        """
        over = (1, 2) if self.scope == "sample" else (0, 1, 2)
        mean = own.mean(over)
        if self.kind == "sparsity":
            gap, slack = (own * (1 - own)).mean(over), self.margin
        else:
            target = lam.to(own.dtype)
            gap = (mean - (target if self.scope == "sample" else target.mean())).abs()
            gap, slack = (gap, self.margin) if self.kind == "l1" else (gap**2, self.margin**2)
        loss = (gap - slack).clamp(min=0).mean()
        if self.variance:
            loss = loss - self.variance * own.var(over, correction=0).mean()
        return loss
