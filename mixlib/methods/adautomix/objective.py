"""AdAutoMix as a training objective: a block that is adversarial at every second step."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.lam import Beta
from mixlib.core.mix import Mix, blend, identity
from mixlib.core.net import Net
from mixlib.core.objective import Step
from mixlib.methods.adautomix.several import SeveralMixBlock, Together, draw_shares, draw_sources
from mixlib.methods.adautomix.spec import AdAutoMixSpec
from mixlib.methods.automix.features import Features
from mixlib.methods.automix.learned_masks import LearnedMasks, spent
from mixlib.methods.automix.teacher import Pair
from mixlib.seed import generator


class AdAutoMix(LearnedMasks):
    """AdAutoMix as a training objective.

    Args:
        net: the classifier; what is shared with it: :class:`mixlib.methods.automix.teacher.Pair`.
        features: the site that the block reads.
        spec: all choices.
        steps: optimizer steps of the whole run, for the schedules.
        seed: initializes the block.

    Example:
        >>> from mixlib.catalog.build import net
        >>> from mixlib.methods.adautomix import adautomix
        >>> objective = adautomix(net("resnet10_w16", 4, seed=0), steps=10)
        >>> rng = torch.Generator().manual_seed(0)
        >>> x, y = torch.randn(4, 3, 32, 32, generator=rng), torch.arange(4)
        >>> sorted(objective(x, y, rng).terms)
        ['cosine', 'flat', 'harder', 'mix', 'one']
        >>> objective.update_teacher(0)
        >>> sorted(objective(x, y, rng).terms)
        ['flat', 'generate', 'mix', 'one']
    """

    optional_terms = ("generate", "harder", "cosine")

    def __init__(
        self,
        net: Net,
        features: Features,
        spec: AdAutoMixSpec | None = None,
        *,
        steps: int,
        seed: int = 0,
    ) -> None:
        spec = spec or AdAutoMixSpec()
        pair = Pair(net, ("one", "mix"), spec.momentum, steps, spec.statistics)
        rng = generator(seed, "adautomix", "block")
        super().__init__(
            features, pair, SeveralMixBlock(features.channels, spec.block, rng), spec.report
        )
        self.spec = spec

    def forward(
        self, x: Float[Tensor, "B C H W"], y: Shaped[Tensor, "B *Y"], rng: torch.Generator
    ) -> Step:
        spec, batch = self.spec, len(x)
        shares = draw_shares(Beta(spec.alpha), batch, spec.samples, spec.scope, rng).float()
        shares = shares.to(x.device, non_blocking=True)
        for_k, for_q = (
            Together(
                draw_sources(batch, spec.samples, spec.pairing, rng).to(
                    x.device, non_blocking=True
                ),
                shares,
            )
            for _ in range(2)
        )
        return self.step(x, y, for_k, for_q)

    def step(
        self,
        x: Float[Tensor, "B C H W"],
        y: Shaped[Tensor, "B *Y"],
        for_k: Together,
        for_q: Together,
    ) -> Step:
        """One step with given draws: :meth:`forward` without its randomness."""
        z, clean = self.look(x)
        seen = self.mix_for_q(z, for_q, x)
        # k before q: its activations are gone (see spent) before q's are made
        summed, terms = self.of_block(x, y, z, clean, for_k)
        spec, pair, plain = self.spec, self.pair, for_q.mix()
        own = identity(len(x), x.device)
        of_q = {
            "one": (1 - spec.flat) * spec.rule(own, pair.logits("q", "one", x), {}, y),
            "flat": spec.flat * spec.rule(plain, pair.logits("q", "mix", blend(plain, x)), {}, y),
            "mix": spec.rule(seen, pair.logits("q", "mix", blend(seen, x)), {}, y),
        }
        loss = torch.stack([summed, *of_q.values()]).sum()
        terms |= {name: term.detach() for name, term in of_q.items()}
        return Step(loss, terms, seen)

    def of_block(
        self,
        x: Float[Tensor, "B C H W"],
        y: Shaped[Tensor, "B *Y"],
        z: Float[Tensor, "B D h w"],
        clean: Float[Tensor, "B Y"],
        draw: Together,
    ) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
        """The block's loss, and its terms: of k on the images that the block mixes.

        Args:
            x, y: the batch.
            z, clean: what k makes of it, see :meth:`look`.
            draw: what is mixed.
        """
        spec = self.spec
        masks = self.block.masks(z, draw, (x.shape[-2], x.shape[-1]))  # type: ignore[operator]
        mix = draw.mix(masks)
        logits = self.pair.logits("k", "mix", blend(mix, x))
        cost = spec.rule(mix, logits, {}, y)
        if self.pair.step % spec.every != 0:
            return spent(cost, masks), {"generate": cost.detach()}
        alike = likeness(logits, clean[draw.source], draw.shares)
        sign = -1.0 if spec.cosine == "kept" else 1.0
        terms = {"harder": -spec.beta * cost, "cosine": sign * (1 - spec.beta) * alike}
        summed = spent(terms["harder"] + terms["cosine"], masks)
        return summed, {name: term.detach() for name, term in terms.items()}

    @torch.no_grad()
    def look(
        self, x: Float[Tensor, "B C H W"]
    ) -> tuple[Float[Tensor, "B D h w"], Float[Tensor, "B Y"]]:
        """The block's features and k's logits of the clean batch, in whatever mode k is."""
        site = self.features.site
        deep, seen = self.pair.k(x, tap=(site,))
        z = self.features.as_map(seen[site], (x.shape[-2], x.shape[-1]))
        return z, self.pair.k_heads["mix"](deep)

    @torch.no_grad()
    def mix_for_q(
        self, z: Float[Tensor, "B D h w"], draw: Together, x: Float[Tensor, "B C H W"]
    ) -> Mix:
        """The mix that trains the classifier: detached, and flat within the margin."""
        if not self.spec.learned:
            return draw.mix()
        masks = self.block.masks(z, draw, (x.shape[-2], x.shape[-1]))  # type: ignore[operator]
        if self.spec.lam_margin > 0:
            near = draw.shares.amax(1) >= 1 - self.spec.lam_margin
            flat = draw.shares[:, :, None, None].to(masks.dtype)
            masks = torch.where(near[:, None, None, None], flat, masks)
        return draw.mix(masks)

    def mix_at(
        self,
        x: Float[Tensor, "B C H W"],
        y: Shaped[Tensor, "B *Y"],
        lam: float,
        rng: torch.Generator,
    ) -> Mix:
        """Of two images, whatever ``samples``."""
        own = torch.arange(len(x), device=x.device)
        shares = torch.tensor([[lam, 1 - lam]], device=x.device).expand(len(x), 2)
        draw = Together(torch.stack([own, own.flip(0)], 1), shares)
        return self.mix_for_q(self.look(x)[0], draw, x)


def likeness(
    mixed: Float[Tensor, "B Y"], sources: Float[Tensor, "B K Y"], shares: Float[Tensor, "B K"]
) -> Float[Tensor, ""]:
    """sum_i lambda_i cos(mixed, source i), mean over the batch.

    Example:
        >>> one = torch.eye(2)[:1]
        >>> float(likeness(one, torch.eye(2)[None], torch.tensor([[0.75, 0.25]])))
        0.75
    """
    cosine = F.cosine_similarity(mixed.float()[:, None], sources.float(), dim=2)
    return (shares * cosine).sum(1).mean()
