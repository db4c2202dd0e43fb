"""Training objectives: a batch in, a loss with named terms out.

The training loop knows only this interface; what DDP wraps and a checkpoint saves is one objective.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from mixlib.core.batch import check_batch
from mixlib.core.labels import CrossEntropy, LabelRule
from mixlib.core.mix import Mix, blend
from mixlib.core.net import Net
from mixlib.core.policy import Policy


class Step(NamedTuple):
    """One step's outcome: the loss to differentiate, its detached named terms, the mix the
    classifier saw, and the logits [B, Y] where one forward pass made them.

    Example:
        >>> from mixlib.core.mix import identity
        >>> step = Step(torch.tensor(0.5), {"ce": torch.tensor(0.5)}, identity(2))
        >>> float(step.loss), list(step.terms)
        (0.5, ['ce'])
    """

    loss: Tensor
    terms: dict[str, Tensor]
    mix: Mix
    logits: Tensor | None = None


class Objective(nn.Module, ABC):
    """A training objective with its networks.

    Attributes:
        policy: what draws its mixes; None where they come from a network that is trained here.
        optional_terms: terms that a step may leave out.

    Example:
        >>> from mixlib.methods.mixup import mixup
        >>> net = Net(nn.Sequential(nn.Flatten(), nn.Linear(48, 3)))
        >>> objective, rng = MixOnce(net, mixup()), torch.Generator().manual_seed(0)
        >>> objective(torch.ones(2, 3, 4, 4), torch.tensor([0, 1]), rng).loss.requires_grad
        True
    """

    policy: Policy | None = None
    optional_terms: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        # a hook, so that no objective can forget it and none is a frame further from its tensors
        self.register_forward_pre_hook(_look_at_batch)

    @abstractmethod
    def forward(
        self, x: Float[Tensor, "B C H W"], y: Shaped[Tensor, "B *Y"], rng: torch.Generator
    ) -> Step:
        """The loss of one batch; draws everything random from ``rng``."""

    def mix_at(
        self,
        x: Float[Tensor, "B C H W"],
        y: Shaped[Tensor, "B *Y"],
        lam: float,
        rng: torch.Generator,
    ) -> Mix:
        """The mix that the classifier would see of these images at this lambda, the batch backwards
        as partners: two images are mixed with each other.

        Raises:
            ValueError: the objective mixes nothing, or its masks do not follow lambda.
        """
        raise ValueError(f"{type(self).__name__} has no mixes at a given lambda")

    def stop_mixing(self) -> None:
        """Mixes nothing from now on, as a recipe's ``mix_until`` asks for.

        Raises:
            ValueError: the mixes come from a network that is trained here.
        """
        if self.policy is None:
            raise ValueError(
                f"{type(self).__name__} learns its masks to the end: mix_until needs a method "
                "whose masks are drawn"
            )
        self.policy = self.policy.without_mixing()

    def update_teacher(self, i: int) -> None:
        """Moves the momentum network, if there is one, after optimizer step i (counted from 0)."""

    def clean_logits(self, x: Float[Tensor, "B C H W"]) -> list[Float[Tensor, "B Y"]]:
        """Logits of an unmixed batch by the network in training, of every head that learns."""
        net = getattr(self, "net", None)
        if not isinstance(net, Net):
            raise NotImplementedError(f"{type(self).__name__} does not say how it classifies")
        return [net(x)[0]]

    @abstractmethod
    def predictor(self) -> nn.Module:
        """The network to evaluate and to keep: images [B, C, H, W] -> logits [B, Y]."""

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Trainable parameters by group; a recipe may give each group its own schedule."""
        return {"net": [p for p in self.parameters() if p.requires_grad]}

    def compile_networks(self, backend: str) -> None:
        """Has torch.compile compile every network at its first plain pass; parameters, buffers and
        the names of the state stay as they are."""
        for part in self.modules():
            if isinstance(part, Net):
                part.model.compile(backend=backend)


def _look_at_batch(_objective: nn.Module, batch: tuple[Any, ...]) -> None:
    """Refuses what no objective can mix, see :func:`mixlib.core.batch.check_batch`."""
    if len(batch) >= 2:
        check_batch(batch[0], batch[1])


def mixed_forward(
    net: Net,
    policy: Policy,
    x: Float[Tensor, "B C H W"],
    y: Shaped[Tensor, "B *Y"],
    rng: torch.Generator,
    tap: Sequence[str] = (),
) -> tuple[Mix, Float[Tensor, "B Y"], dict[str, Tensor]]:
    """One forward pass with the batch mixed where the policy wants it.

    Returns:
        The mix, the logits [B, Y] and the tensors tapped on the way.
    """
    now = policy.choose(rng)
    if now.site == "input":
        mix = now.draw(x, y, net, rng)
        return mix, *net(blend(mix, x), tap=tap)
    return mixed_inside(net, now, x, y, rng, tap)


def mixed_inside(
    net: Net,
    policy: Policy,
    x: Float[Tensor, "B C H W"],
    y: Shaped[Tensor, "B *Y"],
    rng: torch.Generator,
    tap: Sequence[str] = (),
) -> tuple[Mix, Float[Tensor, "B Y"], dict[str, Tensor]]:
    """:func:`mixed_forward` with a policy that mixes at a site inside the network.

    Raises:
        RuntimeError: the pass does not come by that site.
    """
    mixing = MixAtSite(policy, y, net, rng)
    logits, seen = net(x, edit={policy.site: mixing}, tap=tap)
    if mixing.mix is None:
        raise RuntimeError(f"the forward pass did not come by {policy.site!r}: nothing was mixed")
    return mixing.mix, logits, seen


class MixAtSite:
    """The edit of a site inside the network: draws when its tensor arrives, and keeps the mix."""

    def __init__(
        self, policy: Policy, y: Shaped[Tensor, "B *Y"], net: Net, rng: torch.Generator
    ) -> None:
        self.policy, self.y, self.net, self.rng = policy, y, net, rng
        self.mix: Mix | None = None

    def __call__(self, z: Tensor) -> Tensor:
        last = self.net.layout_of(self.policy.site) == "channels_last" and z.ndim == 4
        z = z.permute(0, 3, 1, 2) if last else z
        self.mix = self.policy.draw(z, self.y, self.net, self.rng)
        mixed = blend(self.mix, z)
        return mixed.permute(0, 2, 3, 1) if last else mixed


def images_mixed_at(
    net: Net,
    policy: Policy,
    x: Float[Tensor, "B C H W"],
    y: Shaped[Tensor, "B *Y"],
    lam: float,
    rng: torch.Generator,
) -> Mix:
    """The mix of images at a given lambda, see :meth:`Policy.draw_at`.

    Raises:
        ValueError: the policy mixes inside the network only, or its masks do not follow lambda.
    """
    if "input" not in policy.places:
        raise ValueError(f"{type(policy).__name__} mixes at {policy.places} only, not images")
    return policy.draw_at(x, y, net, lam, rng)


class MixOnce(Objective):
    """One draw, one forward: every method whose policy is not itself trained.

    Example:
        >>> from mixlib.methods.cutmix import cutmix
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
        >>> objective = MixOnce(Net(model), cutmix())
        >>> x, y = torch.ones(3, 3, 4, 4), torch.tensor([0, 1, 0])
        >>> sorted(objective(x, y, torch.Generator().manual_seed(0)).terms)
        ['loss']
    """

    def __init__(self, net: Net, policy: Policy, rule: LabelRule | None = None) -> None:
        super().__init__()
        policy.check_net(net)
        self.net = net
        self.policy: Policy = policy
        self.rule = (rule or CrossEntropy()).bound(net)
        for site in self.rule.taps:
            net.place(site)

    def forward(
        self, x: Float[Tensor, "B C H W"], y: Shaped[Tensor, "B *Y"], rng: torch.Generator
    ) -> Step:
        # mixed_forward written out: blend is then called from here, and the way from the loop to a
        # tensor stays as short as it can be read
        now = self.policy.choose(rng)
        if now.site == "input":
            mix = now.draw(x, y, self.net, rng)
            logits, seen = self.net(blend(mix, x), tap=self.rule.taps)
        else:
            mix, logits, seen = mixed_inside(self.net, now, x, y, rng, self.rule.taps)
        loss = self.rule(mix, logits, seen, y)
        return Step(loss, {"loss": loss.detach()}, mix, logits)

    def mix_at(
        self,
        x: Float[Tensor, "B C H W"],
        y: Shaped[Tensor, "B *Y"],
        lam: float,
        rng: torch.Generator,
    ) -> Mix:
        return images_mixed_at(self.net, self.policy, x, y, lam, rng)

    def predictor(self) -> nn.Module:
        return self.net.model
