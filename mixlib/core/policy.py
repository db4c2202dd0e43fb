"""Policies: tensors at a site of the network in, a :class:`~mixlib.core.mix.Mix` out.

A policy decides who is mixed with whom (:func:`partners`), in which shares (a law of lambda, see
:func:`draw_pairs`) and where in the image (a mask law, a search or a network).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Literal, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.catalog import nearest
from mixlib.core.full_precision import full_precision, under_autocast
from mixlib.core.lam import Fixed, LamLaw
from mixlib.core.mask import MaskLaw, label_share
from mixlib.core.mix import Mix, identity, pair, rolled
from mixlib.core.net import Net

Scope = Literal["sample", "batch"]
Pairing = Literal["roll", "permute", "reverse"]


class Policy(ABC):
    """Decides how a batch is mixed.

    ``needs`` names what it looks at beyond the tensor itself ("input_grad", "features",
    "attention", "teacher"): the extra cost of a step follows from it.  ``site`` is where the mix is
    applied: "input" or a site of the net (ManifoldMix, AlignMix); a policy receives the tensor at
    its site. Who runs the network asks :meth:`choose` first, see
    :func:`mixlib.core.objective.mixed_forward`.

    Example:
        >>> class Halves(Policy):  # the left half stays, the right half is the next image's
        ...     def draw(self, z, y, net, rng):
        ...         left = torch.arange(z.shape[3]) < z.shape[3] / 2
        ...         own = left.float().expand(1, *z.shape[2:])
        ...         return pair(rolled(len(z), 1, z.device), own, own.mean((1, 2)), shift=1)
        >>> mix = Halves().draw(torch.zeros(3, 1, 2, 4), torch.arange(3), None, torch.Generator())
        >>> mix.source.tolist(), mix.weight[0].tolist()
        ([[0, 1], [1, 2], [2, 0]], [0.5, 0.5])
    """

    needs: frozenset[str] = frozenset()
    site: str = "input"

    def __init_subclass__(cls, **words: Any) -> None:
        """Every draw of every policy runs with autocast off, whoever calls it: masks and label
        shares are the same in a training of mixed precision as in one of single precision.  Of
        labels that are rows over the classes it sees the largest."""
        super().__init_subclass__(**words)
        if "draw" in cls.__dict__ and not getattr(cls.draw, "__isabstractmethod__", False):
            cls.draw = _prepared(cls.draw)  # type: ignore[method-assign, assignment]

    @property
    def places(self) -> tuple[str, ...]:
        """Every site where :meth:`choose` may decide to mix."""
        return (self.site,)

    def check_net(self, net: Net) -> None:
        """Refuses a network in which this cannot mix; asked when an objective is built, not at the
        first step that happens to draw the missing site.

        Raises:
            KeyError: the network has not all of :attr:`places`; names what would do.
            ValueError: the tensor there is none that can be mixed like this.
        """
        for site in self.places:
            if site != "input":
                net.place(site)

    def choose(self, rng: torch.Generator) -> Policy:
        """The policy of the next batch: decides what must be known before the forward pass, which
        of several policies it is and where it mixes.  Most have nothing to decide."""
        return self

    def without_mixing(self) -> Policy:
        """The same with nothing mixed: what a recipe asks for after its last mixed epoch."""
        return Keep()

    def at(self, lam: float) -> Policy:
        """The same policy at a fixed lambda, one for the batch, with the batch backwards as
        partners; where it is a matter of chance whether a batch is mixed at all, it is.

        Raises:
            ValueError: the method's masks do not follow lambda.
        """
        raise _without_lambda(self)

    @final
    def draw_at(
        self,
        z: Tensor,
        y: Int[Tensor, " B"],
        net: Net | None,
        lam: float,
        rng: torch.Generator,
    ) -> Mix:
        """Mixes these samples at this lambda: a batch of two mixes both with each other.

        Args:
            z, y, net, rng: as of :meth:`draw`; a policy that may mix at several sites, the input
                among them, does so at the input.
            lam: share of a sample's own image, in [0, 1].

        Raises:
            ValueError: the method's masks do not follow lambda; names the policy.

        Example:
            >>> from mixlib.core.lam import Beta
            >>> from mixlib.methods.mixup import Flat
            >>> images, rng = torch.zeros(2, 3, 8, 8), torch.Generator().manual_seed(0)
            >>> mix = ByLaw(Flat(), Beta(1.0)).draw_at(images, torch.arange(2), None, 0.25, rng)
            >>> mix.source.tolist(), mix.weight.tolist()
            ([[0, 1], [1, 0]], [[0.25, 0.75], [0.25, 0.75]])
        """
        fixed = self.at(lam)
        site = "input" if "input" in fixed.places else fixed.places[0]
        now = fixed.choose(rng)
        while now.site != site:
            now = fixed.choose(rng)
        return now.draw(z, y, net, rng)

    @abstractmethod
    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        """Draws one mix for the batch.

        Args:
            z: [B, C, H, W] (or tokens [B, N, C]), the tensor at ``site``.
            y: int64 [B], labels.
            net: the network in training, for policies that look into it; others ignore it.
            rng: the only source of randomness.
        """


HALVES = (torch.bfloat16, torch.float16)
Draw = Callable[[Any, Tensor, Tensor, "Net | None", torch.Generator], Mix]


def _prepared(draw: Draw) -> Draw:
    """The same draw with autocast off for the device of its tensor, with class indices, and in
    single precision where it looks into a network."""

    @wraps(draw)
    def drawn(self: Policy, z: Tensor, y: Tensor, net: Net | None, rng: torch.Generator) -> Mix:
        y = y.argmax(1) if y.ndim == 2 else y
        kind = z.device.type
        # trainers of mixed precision hand over halved images, and with autocast off a network of
        # single precision takes none
        if self.needs and z.dtype in HALVES and under_autocast(kind):
            z = z.float()
        with full_precision(kind):
            return draw(self, z, y, net, rng)

    return drawn


def _without_lambda(what: object) -> ValueError:
    return ValueError(
        f"{type(what).__name__}: its masks do not follow lambda, so it cannot mix at a given one; "
        "use draw(), which draws from its own law"
    )


def partners(
    n: int, pairing: Pairing, rng: torch.Generator
) -> tuple[Int[Tensor, " n"], int | None]:
    """Who mixes with whom.

    Args:
        n: batch size.
        pairing: "roll": everyone's partner is ``shift`` places on, shift uniform in 1..n-1: no
            sample meets itself and nothing need be gathered (the loader has shuffled already, so
            the pairs are random); "permute": a random permutation, fixed points and all (mixup,
            CutMix and PuzzleMix as released); "reverse": the batch backwards (timm, DeiT, TokenMix
            as released).

    Returns:
        int64 [n] partners on the generator's device, and the shift where there is one.

    Example:
        >>> partners(4, "reverse", torch.Generator())
        (tensor([3, 2, 1, 0]), None)
    """
    if pairing == "roll":
        unit = torch.rand((), generator=rng, device=rng.device)
        shift = 1 + int(unit.item() * (n - 1)) if n > 1 else 0
        return rolled(n, shift, rng.device), shift
    if pairing == "permute":
        return torch.randperm(n, generator=rng, device=rng.device), None
    if pairing == "reverse":
        return torch.arange(n - 1, -1, -1, device=rng.device), None
    raise ValueError(nearest("pairing", str(pairing), ("roll", "permute", "reverse")))


@dataclass(frozen=True)
class Pairs:
    """Who is mixed with whom in a batch, and with which lambda.

    Attributes:
        partner: int64 [B].
        shares: float64 [n, 2], lambda and 1 - lambda; n = B, or 1 where the batch has one lambda.
        shift: ``partner[b] == (b + shift) % B``, if known.
    """

    partner: Int[Tensor, " B"]
    shares: Float[Tensor, "n 2"]
    shift: int | None = None

    @property
    def lam(self) -> Float[Tensor, " n"]:
        """Lambda as it was drawn: one per sample or one for the batch."""
        return self.shares[:, 0]

    @property
    def lam_each(self) -> Float[Tensor, " B"]:
        """Lambda of every sample."""
        return self.lam.expand(len(self.partner))

    def to(self, device: torch.device) -> Pairs:
        """The same on another device (asynchronous copies of small tensors)."""
        partner, shares = (t.to(device, non_blocking=True) for t in (self.partner, self.shares))
        return Pairs(partner, shares, self.shift)


def draw_pairs(
    batch: int, law: LamLaw, scope: Scope, pairing: Pairing, rng: torch.Generator
) -> Pairs:
    """Partners, then lambda: what every policy of pairs draws first.

    Args:
        batch: number of samples.
        law: of lambda.
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`partners`.
        rng: the only source of randomness; the result lies on its device.

    Example:
        >>> from mixlib.core.lam import Fixed
        >>> rng = torch.Generator().manual_seed(0)
        >>> pairs = draw_pairs(3, Fixed(0.25), "batch", "reverse", rng)
        >>> pairs.partner.tolist(), pairs.shares.tolist()
        ([2, 1, 0], [[0.25, 0.75]])
    """
    if scope not in ("sample", "batch"):
        raise ValueError(nearest("scope", str(scope), ("sample", "batch")))
    partner, shift = partners(batch, pairing, rng)
    return Pairs(partner, law.shares(batch if scope == "sample" else 1, rng), shift)


class PairPolicy(Policy):
    """A policy of pairs that are mixed by a drawn lambda: a dataclass with the fields ``lam``,
    ``scope`` and ``pairing``.  What is left to write is :meth:`draw`, which begins with
    :meth:`draw_pairs`.

    Example:
        >>> from mixlib.core.lam import Beta
        >>> from mixlib.methods.mixup import Flat
        >>> policy = ByLaw(Flat(), Beta(1.0)).at(0.25)
        >>> policy.draw_pairs(2, torch.Generator()).shares.tolist()
        [[0.25, 0.75]]
    """

    lam: LamLaw
    scope: Scope
    pairing: Pairing

    def at(self, lam: float) -> Policy:
        # every subclass is a dataclass with these three fields
        return replace(self, lam=Fixed(lam), scope="batch", pairing="reverse")  # type: ignore[type-var]

    def draw_pairs(self, batch: int, rng: torch.Generator) -> Pairs:
        """Partners and lambda of a batch, see :func:`draw_pairs`."""
        return draw_pairs(batch, self.lam, self.scope, self.pairing, rng)


def grid_of(z: Tensor) -> tuple[int, int]:
    """Height and width of the tensor that a mask must cover; tokens lie on a square grid."""
    if z.ndim == 4:
        return z.shape[-2], z.shape[-1]
    side = round(z.shape[1] ** 0.5)
    if z.ndim != 3 or side * side != z.shape[1]:
        raise ValueError(
            f"expected [B, C, H, W] or a square grid of tokens [B, N, C], got {tuple(z.shape)}"
        )
    return side, side


@dataclass(frozen=True)
class ByLaw(PairPolicy):
    """Mixes by a mask law.

    Args:
        law: the mask law.
        lam: the law of lambda.
        scope: one lambda and mask per "sample" (the definition of every paper here) or one for the
            whole "batch" (most releases: cheaper, and noisier by a factor of the batch size).
        pairing: see :func:`mixlib.core.policy.partners`.
        site: where to mix.

    Example:
        >>> from mixlib.core.lam import Beta
        >>> from mixlib.methods.cutmix import Box
        >>> rng = torch.Generator().manual_seed(0)
        >>> policy = ByLaw(Box(), Beta(1.0), scope="batch", pairing="permute")
        >>> policy.draw(torch.zeros(4, 3, 8, 8), torch.arange(4), None, rng).mask.edges.shape
        torch.Size([1, 4])
    """

    law: MaskLaw
    lam: LamLaw
    scope: Scope = "sample"
    pairing: Pairing = "roll"
    site: str = "input"

    def at(self, lam: float) -> Policy:
        if not self.law.follows_lambda:
            raise _without_lambda(self.law)
        return super().at(lam)

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        pairs = self.draw_pairs(len(z), rng)
        if self.law.flat:
            return pair(pairs.partner, None, pairs.shares, shift=pairs.shift).to(z.device)
        own = self.law.draw(pairs.lam, grid_of(z), rng)
        if isinstance(own, Tensor) and own.ndim != 3:
            raise ValueError(
                f"{type(self.law).__name__}.draw: expected a mask [n, H, W], the weight of the own "
                f"image for each of {len(pairs.lam)} lambdas, found {list(own.shape)}"
            )
        share = label_share(self.law, pairs.lam, own)
        own = own if not isinstance(own, Tensor) else own.float()
        return pair(pairs.partner, own, share, shift=pairs.shift).to(z.device)


@dataclass(frozen=True)
class Keep(Policy):
    """Leaves every sample as it is: the vanilla baseline.

    Example:
        >>> Keep().draw(torch.ones(2, 3, 4, 4), torch.arange(2), None, torch.Generator()).weight
        tensor([[1.],
                [1.]])
    """

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        return identity(z.shape[0], z.device)
