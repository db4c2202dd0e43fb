"""What every objective of the momentum pipeline is beside its step: a student q that is trained
and a teacher k that follows it (AutoMix, Liu et al., ECCV 2022, eq. 12)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from mixlib.core.objective import Objective
from mixlib.methods.automix.teacher import Head, Pair, Report


class MomentumObjective(Objective):
    """Student and teacher; the step is the subclass's.

    Args:
        pair: q and k.
        report: the network to evaluate and keep.

    Example:
        >>> from mixlib.catalog.build import net
        >>> from mixlib.methods.automix import automix
        >>> isinstance(automix(net("resnet10_w16", 4, seed=0), steps=10), MomentumObjective)
        True
    """

    def __init__(self, pair: Pair, report: Report) -> None:
        super().__init__()
        self.pair = pair
        self.report = report

    def clean_logits(self, x: Float[Tensor, "B C H W"]) -> list[Float[Tensor, "B Y"]]:
        heads: tuple[Head, ...] = tuple(self.pair.q_heads)  # type: ignore[arg-type]
        return [self.pair.logits("q", head, x) for head in heads]

    def update_teacher(self, i: int) -> None:
        self.pair.follow(i)

    def predictor(self) -> nn.Module:
        return self.pair.classifier(self.report).model

    def groups(self) -> dict[str, list[nn.Parameter]]:
        return {"net": self.pair.trained()}
