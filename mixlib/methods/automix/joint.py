"""AutoMix without the momentum pipeline: mask and classifier minimize one loss together.

AutoMix, eq. (3) and Table 10, first row: theta and phi both descend the same mixup loss, on one
mixed batch, with no second network.  The paper reports that the block then tends to the trivial
mask of Mixup (Figure 6).  Features are read without gradient, as from k; the paper does not say.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from mixlib.core.lam import Beta
from mixlib.core.mix import Mix, blend
from mixlib.core.net import Net
from mixlib.core.objective import Objective, Step
from mixlib.methods.automix.draws import Draw, draw_at, draws
from mixlib.methods.automix.features import Features
from mixlib.methods.automix.mix_block import MixBlock
from mixlib.methods.automix.objective import AutoMixSpec
from mixlib.seed import generator


class JointMix(Objective):
    """A Mix Block trained jointly with the classifier.

    Args:
        net: the classifier.
        features: the site that the block reads.
        spec: its ``block``, ``alpha``, ``scope``, ``pairing``, ``lam_loss``, ``lam_weight`` and
            ``rule`` are read; what belongs to the momentum pipeline has no meaning here.
        steps: optimizer steps of the run.
        seed: initializes the block.

    Example:
        >>> from mixlib.catalog.build import net
        >>> from mixlib.methods.automix.features import probe
        >>> network = net("resnet10_w16", 4, seed=0)
        >>> objective = JointMix(network, probe(network, "stage3", 32), steps=10)
        >>> rng = torch.Generator().manual_seed(0)
        >>> step = objective(torch.randn(4, 3, 32, 32, generator=rng), torch.arange(4), rng)
        >>> step.loss.backward()
    """

    def __init__(
        self,
        net: Net,
        features: Features,
        spec: AutoMixSpec | None = None,
        *,
        steps: int,
        seed: int = 0,
    ) -> None:
        super().__init__()
        spec = spec or AutoMixSpec()
        self.net = net
        self.features = features
        self.block = MixBlock(features.channels, spec.block, generator(seed, "automix", "block"))
        self.lam, self.scope, self.pairing = Beta(spec.alpha), spec.scope, spec.pairing
        self.lam_loss = spec.lam_loss
        self.lam_weight = spec.lam_weight.values(steps)
        self.rule = spec.rule
        self._step = 0

    def forward(
        self, x: Float[Tensor, "B C H W"], y: Shaped[Tensor, "B *Y"], rng: torch.Generator
    ) -> Step:
        (draw,) = draws(1, len(x), self.lam, self.scope, self.pairing, rng, x.device)
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

    def mix_at(
        self,
        x: Float[Tensor, "B C H W"],
        y: Shaped[Tensor, "B *Y"],
        lam: float,
        rng: torch.Generator,
    ) -> Mix:
        return self.mix_with(x, draw_at(lam, len(x), x.device))

    def update_teacher(self, i: int) -> None:
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
