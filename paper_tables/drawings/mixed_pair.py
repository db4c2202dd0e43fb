"""Two images mixed at a given lambda, by any method; whose pixel is where, and the label weights.

:func:`mix_at` is the only place that knows how to ask a method for one lambda.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from mixlib.core.lam import Fixed, LamLaw
from mixlib.core.mix import Mix, blend
from mixlib.core.objective import Objective
from mixlib.core.policy import Policy
from mixlib.methods.automix.draws import Draw
from mixlib.methods.automix.joint import JointMix
from mixlib.methods.automix.objective import AutoMix
from mixlib.methods.tokenlabel import TokenLabels


@dataclass(frozen=True)
class MixedImage:
    """One mixed image.

    Attributes:
        image: [3, H, W], in the values of the images that were mixed.
        shares: [3, H, W], per pixel the share of the own image, the partner and neither (a fill).
        weights: label shares of the own image and of the partner.
        note: what the picture cannot show, or "".
        at_lambda: whether lambda was as asked; False for methods that have a law of their own.
    """

    image: Tensor
    shares: Tensor
    weights: tuple[float, float]
    note: str = ""
    at_lambda: bool = True


def mixed_image(mix: Mix, pair: Tensor) -> MixedImage:
    """What a mix does to the first image of a pair.

    Args:
        mix: of a batch of two.
        pair: [2, 3, H, W].
    """
    size = (pair.shape[2], pair.shape[3])
    mask = mix.dense(size)[0].expand(-1, *size)
    shares = torch.zeros(3, *size)
    weights = [0.0, 0.0]
    for k, (source, weight) in enumerate(zip(mix.source[0], mix.weight[0], strict=True)):
        made = mix.parts is not None and mix.parts[k] is not None
        # content that earns no label and comes from no image: a fill
        place = 2 if made and k > 0 and not float(weight) else int(source)
        shares[place] += mask[k]
        weights[int(source)] += float(weight)
    image = blend(mix, pair)[0].detach()
    return MixedImage(image, shares.detach(), (weights[0], weights[1]))


def mix_at(objective: Objective, x: Tensor, y: Tensor, lam: float, rng: torch.Generator) -> Mix:
    """How an objective mixes two images with each other at a given lambda.

    Args:
        objective: of any method.
        x: [2, C, H, W].
        y: int64 [2].
        lam: share of the own image.
        rng: for everything else that is random.

    Raises:
        ValueError: the method's masks do not follow a lambda.
    """
    if isinstance(objective, AutoMix | JointMix):
        return objective.mix_with(x, Draw(torch.tensor([lam]), torch.tensor([1, 0]), 1))
    policy = policy_of(objective)
    chosen = _with_lambda(policy, lam)
    if chosen is policy:
        raise ValueError(f"{type(policy).__name__} has a law of its own: no lambda can be asked")
    return _draw_at_input(objective, chosen, x, y, rng)


def mix_as_trained(objective: Objective, x: Tensor, y: Tensor, rng: torch.Generator) -> Mix:
    """How an objective mixes two images with each other when it is asked for no lambda; arguments
    as for :func:`mix_at`."""
    return _draw_at_input(objective, policy_of(objective), x, y, rng)


def policy_of(objective: Objective) -> Policy:
    """The policy of an objective that does not learn its masks.

    Raises:
        TypeError: it has none.
    """
    policy = getattr(objective, "policy", None)
    if not isinstance(policy, Policy):
        raise TypeError(f"{type(objective).__name__} has no policy that could be shown")
    return policy


def _draw_at_input(
    objective: Objective, policy: Policy, x: Tensor, y: Tensor, rng: torch.Generator
) -> Mix:
    """A draw at the input, also of policies that mix at hidden layers, too."""
    if isinstance(objective, TokenLabels):
        # the mask of the patches, shown on the pixels that they cover
        return policy.draw(avg_pool2d(x, objective.patch), y, None, rng)
    now = policy.settle(rng)
    while now.site != "input":
        now = policy.settle(rng)
    return now.draw(x, y, getattr(objective, "net", None), rng)


def _with_lambda(policy: Any, lam: float) -> Any:
    """The same policy with this lambda wherever it draws one; itself where it draws none."""
    changes: dict[str, Any] = {}
    for part in fields(policy):
        value = getattr(policy, part.name)
        if part.name == "lam" and isinstance(value, LamLaw) and not isinstance(value, Fixed):
            changes["lam"] = Fixed(lam)
        elif part.name == "laws":
            changes["laws"] = tuple((law, Fixed(lam)) for law, _ in value)
        elif part.name == "policies":
            changes["policies"] = tuple(_with_lambda(one, lam) for one in value)
        elif isinstance(value, Policy):
            changes[part.name] = _with_lambda(value, lam)
    return replace(policy, **changes) if changes else policy
