"""What happens without the momentum pipeline?  Mask and classifier minimize one loss together.

AutoMix, eq. (3) and Table 10, first row: theta and phi both descend the same mixup loss, on one
mixed batch, with no second network.  The paper reports that the block then tends to the trivial
mask of Mixup (Figure 6).  Features are read without gradient, as from k; the paper does not say.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mixlib.core.labels import CrossEntropy, LabelRule
from mixlib.core.lam import Beta, LamLaw
from mixlib.core.mix import Mix, blend
from mixlib.core.net import Net
from mixlib.core.objective import Objective, Step
from mixlib.methods.automix.draws import Draw, draws
from mixlib.methods.automix.features import Features
from mixlib.methods.automix.lambda_loss import LamLoss
from mixlib.methods.automix.mix_block import BlockSpec, MixBlock
from mixlib.methods.automix.schedules import LamWeight
from mixlib.seed import generator


class JointMix(Objective):
    """A Mix Block trained jointly with the classifier.

    Args:
        net: the classifier.
        features: the site that the block reads.
        block: the Mix Block.
        lam: law of lambda, one draw per batch; Beta(2, 2) when omitted.
        lam_loss: the lambda loss, eq. (7).
        lam_weight: its weight.
        rule: the loss of mixed samples.
        steps: optimizer steps of the run.
        seed: initializes the block.
    """

    def __init__(
        self,
        net: Net,
        features: Features,
        block: BlockSpec | None = None,
        *,
        steps: int,
        lam: LamLaw | None = None,
        lam_loss: LamLoss | None = None,
        lam_weight: LamWeight | None = None,
        rule: LabelRule | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.net = net
        self.features = features
        rng = generator(seed, "automix", "block")
        self.block = MixBlock(features.channels, block or BlockSpec(), rng)
        self.lam = lam or Beta(2.0)
        self.lam_loss = lam_loss or LamLoss()
        self.lam_weight = (lam_weight or LamWeight()).values(steps)
        self.rule = rule or CrossEntropy()
        self._step = 0

    def forward(
        self, x: Float[Tensor, "B C H W"], y: Int[Tensor, " B"], rng: torch.Generator
    ) -> Step:
        (draw,) = draws(1, len(x), self.lam, "batch", "permute", rng, x.device)
        own = self._masks(x, draw)
        mix = draw.mix(own)
        logits, seen = self.net(blend(mix, x), tap=self.rule.taps)
        weight = float(self.lam_weight[min(self._step, len(self.lam_weight) - 1)])
        terms = {
            "mix": self.rule(mix, logits, seen, y),
            "lam": weight * self.lam_loss(own, draw.lam),
        }
        return Step(
            terms["mix"] + terms["lam"], {name: term.detach() for name, term in terms.items()}, mix
        )

    @torch.no_grad()
    def mix_with(self, x: Float[Tensor, "B C H W"], draw: Draw) -> Mix:
        """The mix that the classifier would see of a batch with a given draw."""
        return draw.mix(self._masks(x, draw))

    def _masks(self, x: Tensor, draw: Draw) -> Tensor:
        """Weight of the own image at every pixel [B, H, W]."""
        size = (x.shape[-2], x.shape[-1])
        with torch.no_grad():
            z = self.features.as_map(self.net.features(x, self.features.site), size)
        return self.block(z, draw.partner, draw.lam, size)

    def after_step(self, i: int) -> None:
        self._step = i + 1

    def get_extra_state(self) -> Tensor:
        """The step, so that a resumed run finds its place in the schedule."""
        return torch.tensor(self._step)

    def set_extra_state(self, state: Tensor) -> None:
        """Restores what :meth:`get_extra_state` saved."""
        self._step = int(state)

    def predictor(self) -> nn.Module:
        return self.net.model

    def groups(self) -> dict[str, list[nn.Parameter]]:
        net = [p for p in self.net.parameters() if p.requires_grad]
        return {"net": net, "block": list(self.block.parameters())}
