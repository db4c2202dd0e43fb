"""What objectives share that learn their masks in the momentum pipeline: student, teacher, block.

AutoMix (Liu et al., ECCV 2022), section 3.2: a block beside the classifier makes the masks from the
teacher's features, the generation loss reaches it through the frozen teacher, and the teacher
follows the student.  Which draws, masks and losses make a step is the objective's own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mixlib.methods.automix.features import Features
from mixlib.methods.automix.momentum_objective import MomentumObjective
from mixlib.methods.automix.teacher import Pair, Report


class LearnedMasks(MomentumObjective):
    """Student q, teacher k and a block; what is left to write is the step.

    Args:
        features: the site that the block reads.
        pair: q and k.
        block: makes the masks.
        report: the network to evaluate and keep.

    Example:
        >>> from mixlib.catalog.build import net
        >>> from mixlib.methods.automix import automix
        >>> objective = automix(net("resnet10_w16", 4, seed=0), steps=10)
        >>> isinstance(objective, LearnedMasks), sorted(objective.groups())
        (True, ['block', 'net'])
    """

    def __init__(self, features: Features, pair: Pair, block: nn.Module, report: Report) -> None:
        super().__init__(pair, report)
        self.features = features
        self.block = block

    def groups(self) -> dict[str, list[nn.Parameter]]:
        return {**super().groups(), "block": list(self.block.parameters())}


def spent(loss: Tensor, mask: Tensor) -> Tensor:
    """A loss with the same value and the same gradient for the mask, without the graph between.

    k is frozen, so the mask is all that its graph serves: differentiated at once, that graph does
    not wait for q's two.  A third less peak memory, and on the CPU fewer page faults; to first
    order (which is all that training uses) nothing else changes.  A loss that is scaled for float16
    is scaled behind this: inside k it is not, where small gradients are lost.  bfloat16 needs none.

    Example:
        >>> mask = torch.tensor([0.5], requires_grad=True)
        >>> loss = spent((mask * 3).square().sum(), mask)
        >>> loss.backward()
        >>> float(loss.detach()), mask.grad
        (2.25, tensor([9.]))
    """
    if not loss.requires_grad:
        return loss
    (gradient,) = torch.autograd.grad(loss, mask)
    return loss.detach() + ((mask - mask.detach()) * gradient).sum()
