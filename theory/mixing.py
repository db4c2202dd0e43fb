"""Sources of displacements for :func:`theory.explain`: a method of the catalog by name, a mask law,
or any policy that mixes inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

import torch
from torch import Tensor

from mixlib.catalog import build as builder
from mixlib.catalog.methods import method as row_of
from mixlib.core.lam import Beta, LamLaw
from mixlib.core.mask import MaskLaw
from mixlib.core.net import Net
from mixlib.core.policy import ByLaw, Policy

from .expansion.displacements import Displaced, by_law, by_policy

Draw = Callable[[Tensor, Tensor, Net, int, torch.Generator], Displaced]


@dataclass(frozen=True)
class Mixing:
    """Where displacements come from.

    Attributes:
        name: for tables.
        draw: (images, labels, net, n, generator) -> about n displacements, weights adding up to 1.
        independent: whether the displacements of one draw are independent of one another; those of
            a mixed batch are not.
        notes: assumptions of the theorem that are violated.
    """

    name: str
    draw: Draw
    independent: bool
    notes: tuple[str, ...] = ()


@singledispatch
def mixing_of(method: object, alpha: float | None) -> Mixing:
    """Displacements of a method's name, a mask law or a policy.

    Args:
        alpha: lambda ~ Beta(alpha, alpha); None takes the method's own, 1 for a mask law.

    Raises:
        TypeError: neither of these.
        ValueError: an assumption of the expansion fails; the message names it.
    """
    raise TypeError(
        f"expected the name of a method, a mask law of mixlib.methods or a policy, got {method!r}"
    )


@mixing_of.register
def _(method: str, alpha: float | None) -> Mixing:
    row = row_of(method)
    if row.objective != "once":
        raise ValueError(
            f"{method} violates the assumption that masks do not depend on what is being trained: "
            "it trains them; measure its objective with theory.expansion.displacements.by_objective"
        )
    if row.rule is not None:
        raise ValueError(
            f"{method} violates the assumption that the label share comes with the mask: its label "
            "rule reads it off the network"
        )
    changed = {} if alpha is None else {"alpha": alpha}
    return _named(mixing_of(builder.policy(method, changed), None), row.title, alpha)


def _named(mixing: Mixing, title: str, alpha: float | None) -> Mixing:
    name = title if alpha is None else f"{title}, alpha = {alpha:g}"
    return Mixing(name, mixing.draw, mixing.independent, mixing.notes)


@mixing_of.register
def _(method: MaskLaw, alpha: float | None) -> Mixing:
    said = repr(method)
    name = said if len(said) <= 60 else type(method).__name__
    return _of_law(method, Beta(1.0 if alpha is None else alpha), name)


def _of_law(law: MaskLaw, lam: LamLaw, name: str) -> Mixing:
    def draw(x: Tensor, labels: Tensor, net: Net, n: int, rng: torch.Generator) -> Displaced:
        return by_law(law, lam, x, n, rng)

    notes = []
    if not law.unbiased:
        notes.append(
            "E[M | lambda] = lambda fails for this law (the border, or its label): the terms use "
            "its own moments, but the key identity and the bounds that follow from it do not apply"
        )
    if law.label != "drawn" and law.unbiased:
        notes.append("the label share is the realized mean of the mask, not the drawn lambda")
    return Mixing(name, draw, True, tuple(notes))


@mixing_of.register
def _(method: Policy, alpha: float | None) -> Mixing:
    if alpha is not None:
        raise ValueError("a policy has its own law of lambda: build it with another alpha instead")
    inside = [place for place in method.places if place != "input"]
    if inside:
        raise ValueError(
            f"{type(method).__name__} violates the assumption that inputs are mixed: it mixes at "
            f"{', '.join(map(repr, inside))}"
        )

    def draw(x: Tensor, labels: Tensor, net: Net, n: int, rng: torch.Generator) -> Displaced:
        return by_policy(method, x, labels, net, max(n // 2, 2), 1, rng)

    note = "masks may depend on the images: A o C_i falls apart, displacements are measured instead"
    return Mixing(type(method).__name__, draw, False, (note,))


@mixing_of.register
def _(method: ByLaw, alpha: float | None) -> Mixing:
    if alpha is not None or method.site != "input":
        return mixing_of.dispatch(Policy)(method, alpha)
    return _of_law(method.law, method.lam, type(method.law).__name__)
