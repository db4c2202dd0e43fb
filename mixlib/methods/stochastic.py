"""Stochastic Mixup & CutMix: one of several mask laws for every sample, pair or batch.

timm's ``Mixup`` in its modes elem, pair and batch, as DeiT (Touvron et al., ICML 2021) and RSB
(Wightman et al., 2021) train; the "stochastic" rows of Park et al., NeurIPS 2022.  Choosing between
policies of any kind: :mod:`mixlib.core.choice`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.arguments import Positive, Share, checked
from mixlib.core.choice import certain, check_odds, draw_choices
from mixlib.core.lam import Beta, Fixed, LamLaw
from mixlib.core.mask import MaskLaw, as_dense, label_share
from mixlib.core.method import Method
from mixlib.core.mix import Boxes, Mix, pair
from mixlib.core.net import Net
from mixlib.core.policy import Pairing, Policy, grid_of, partners
from mixlib.methods.cutmix import Box
from mixlib.methods.mixup import Flat

Mode = Literal["sample", "pair", "batch"]


@dataclass(frozen=True)
class Stochastic(Policy):
    """One of several mask laws for every sample, pair of partners or batch.

    Args:
        laws: mask laws with their laws of lambda.
        odds: their probabilities; what is missing to 1 leaves samples as they are.
        mode: for whom a choice is made.  In mode "pair" two partners share mask and lambda, each
            keeping of itself what the other gives: it needs partners in reverse.
        pairing: see :func:`mixlib.core.policy.partners`.

    Raises:
        ValueError: bad probabilities, or pairs that are not each other's partners.
    """

    laws: tuple[tuple[MaskLaw, LamLaw], ...]
    odds: tuple[float, ...]
    mode: Mode = "sample"
    pairing: Pairing = "roll"

    def __post_init__(self) -> None:
        check_odds(self.odds, len(self.laws))
        if self.mode == "pair" and self.pairing != "reverse":
            raise ValueError(f"mode pair needs pairing reverse, got {self.pairing!r}")

    def at(self, lam: float) -> Policy:
        odds = certain(self.odds)
        for law, _ in self.laws:
            if not law.follows_lambda:
                raise ValueError(f"{type(law).__name__}: its masks do not follow lambda")
        laws = tuple((law, Fixed(lam)) for law, _ in self.laws)
        return Stochastic(laws, odds, "batch", "reverse")

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        batch, size = len(z), grid_of(z)
        partner, shift = partners(batch, self.pairing, rng)
        n = {"sample": batch, "pair": (batch + 1) // 2, "batch": 1}[self.mode]
        which = draw_choices(self.odds, n, rng)
        if self.mode == "batch" and int(which) < len(self.laws):
            # nothing to choose between within the batch: boxes stay boxes, mixup stays flat
            law, lams = self.laws[int(which)]
            lam = lams.sample(1, rng)
            own = law.draw(lam, size, rng)
            share = label_share(law, lam, own)
        else:
            drawn = [(law, lams.sample(n, rng)) for law, lams in self.laws]
            owns = [law.draw(lam, size, rng) for law, lam in drawn]
            shares = [
                label_share(law, lam, own) for (law, lam), own in zip(drawn, owns, strict=True)
            ]
            own, share = assemble(which, owns, shares, size)
            if self.mode == "pair":
                own, share = mirrored(own, batch), mirrored(share, batch)
        own = own.float() if isinstance(own, Tensor) else own
        return pair(partner, own, share, shift=shift).to(z.device)


def assemble(
    which: Int[Tensor, " n"],
    owns: Sequence[Tensor | Boxes],
    shares: Sequence[Float[Tensor, " n"]],
    size: tuple[int, int],
) -> tuple[Float[Tensor, "n h w"], Float[Tensor, " n"]]:
    """Every sample's mask and label share from the law that was chosen for it; 1 from none."""
    mask = torch.ones(len(which), *size, dtype=torch.float32, device=which.device)
    share = torch.ones(len(which), dtype=torch.float64, device=which.device)
    for k, (own, part) in enumerate(zip(owns, shares, strict=True)):
        chosen = which == k
        mask = torch.where(chosen[:, None, None], as_dense(own, size, torch.float32), mask)
        share = torch.where(chosen, part.double(), share)
    return mask, share


def mirrored(values: Tensor, batch: int) -> Tensor:
    """Values of the first half of a batch for the whole of it, the second half backwards.

    The sample in the middle of an odd batch is its own partner.
    """
    return torch.cat([values, values[: batch // 2].flip(0)])


@checked
def stochastic(
    mixup: Positive = 0.8,
    cutmix: Positive = 1.0,
    switch: Share = 0.5,
    prob: Share = 1.0,
    mode: Mode = "sample",
    pairing: Pairing = "roll",
) -> Policy:
    """Stochastic Mixup & CutMix.

    Released: timm's default mode, one choice per batch, with the batch backwards as partners (its
    box rule is that of ``Box(odd="keep")`` since 1.0.31).

    Args:
        mixup, cutmix: their alphas (DeiT 0.8 and 1.0; RSB A1/A2/A3 0.2/0.1/0.1 and 1.0).
        switch: probability of CutMix instead of Mixup.
        prob: probability of mixing at all.
        mode: for whom a choice is made.
        pairing: who mixes with whom; mode "pair" always takes the batch backwards.

    Example:
        >>> policy = stochastic(mixup=0.8, cutmix=1.0, switch=0.5, mode="batch")
        >>> policy.odds
        (0.5, 0.5)
    """
    laws = ((Flat(), Beta(mixup)), (Box(), Beta(cutmix)))
    odds = (prob * (1 - switch), prob * switch)
    return Stochastic(laws, odds, mode, "reverse" if mode == "pair" else pairing)


ROW = Method(
    "stochastic",
    "Stochastic Mixup & CutMix",
    "stochastic",
    "Mixup or CutMix at random, as in timm, DeiT (arXiv:2012.12877) and RSB (arXiv:2110.00476)",
    2021,
    {
        "default": {"mixup": 1.0, "cutmix": 1.0, "mode": "batch"},
        "deit": {"mixup": 0.8, "cutmix": 1.0, "mode": "batch"},
        "rsb": {"mixup": 0.1, "cutmix": 1.0, "mode": "batch"},
    },
    released={"mode": "batch", "pairing": "reverse"},
)
