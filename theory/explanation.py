"""Explanation of what a mixing method adds to the loss of one network: R1, R2, R3 and the remainder
of the MSDA expansion (Park, Yun and Chun, NeurIPS 2022, Theorem 1) on real images, with intervals.

No Jacobian and no Hessian is built: along a sampled displacement d of an image, a forward pass over
forward passes gives J d and d^T Hess f d.  The cost is linear in the number of displacements, the
error falls with its root.  The moments are those of the law that trains, tilted and clipped as it
is; what the theorem assumes beyond that is stated in the notes of the result.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from mixlib.core.mask import MaskLaw
from mixlib.core.net import Net
from mixlib.core.policy import Policy
from mixlib.seed import generator

from .estimates import Estimate, group_sums, ratio, total
from .expansion.on_networks import displaced_loss, terms_along
from .mixing import Mixing, mixing_of

TERMS = {
    "R1": "gradient, first order",
    "R2": "gradient, second order",
    "R3": "Hessian",
    "remainder": "third order and beyond",
}
KINKS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.MaxPool2d, nn.Hardswish, nn.Hardtanh)
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Explanation:
    """What a mixing method adds to the loss of one network.

    Attributes:
        method: what was mixed with.
        directions: number of sampled displacements.
        loss: L_MSDA; plain: L, the loss of the unmixed images; penalty: their difference.
        terms: R1, R2, R3 and the remainder: penalty = R1 + R2 + R3 + remainder.
        shares: the same, relative to the penalty.
        notes: what the theorem assumes and this method or network violates.
    """

    method: str
    directions: int
    loss: Estimate
    plain: Estimate
    penalty: Estimate
    terms: Mapping[str, Estimate]
    shares: Mapping[str, Estimate]
    notes: tuple[str, ...]

    def table(self) -> str:
        """A Markdown table: value, 95 % interval, share of the penalty and its interval."""
        rows = [
            ("L, unmixed", self.plain, None),
            ("L_MSDA", self.loss, None),
            ("penalty, L_MSDA - L", self.penalty, None),
            *((f"{k} ({v})", self.terms[k], self.shares[k]) for k, v in TERMS.items()),
        ]
        lines = [
            f"{self.method}, {self.directions} displacements, 95 % intervals",
            "",
            "| term | value | interval | share of the penalty | interval |",
            "|---|---:|---:|---:|---:|",
        ]
        for name, value, share in rows:
            low, high = value.interval
            cells = [name, f"{value.value:+.4g}", f"{low:+.4g} .. {high:+.4g}", "", ""]
            if share is not None:
                low, high = share.interval
                cells[3:] = [f"{100 * share.value:.1f} %", f"{100 * low:.1f} .. {100 * high:.1f} %"]
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join([*lines, "", *(f"Note: {note}." for note in self.notes)]).rstrip() + "\n"

    def plot(self) -> Figure:
        """R1, R2, R3 and the remainder as bars with their intervals."""
        from .plots import COLORS, figure

        made, (axis,) = figure(1, 1, 5, 3.4)
        values = [self.terms[k].value for k in TERMS]
        errors = [1.96 * self.terms[k].error for k in TERMS]
        axis.bar(list(TERMS), values, yerr=errors, color=COLORS[1:5], capsize=4)
        axis.axhline(0, color="black", linewidth=0.8)
        axis.axhline(self.penalty.value, color=COLORS[0], linestyle="--", label="L_MSDA - L")
        axis.set(title=f"{self.method}: what mixing adds to the loss", ylabel="nats")
        axis.legend(fontsize=8)
        return made


def explain(
    method: str | MaskLaw | Policy,
    net: nn.Module,
    images: Float[Tensor, "m C H W"],
    labels: Int[Tensor, " m"],
    *,
    alpha: float | None = None,
    directions: int = 2048,
    seed: int = 0,
    chunk: int = 64,
    report: Report | None = None,
) -> Explanation:
    """Measures L, R1, R2, R3 and the remainder of a method on a network, in double precision.

    Args:
        method: a method of the catalog by name, a mask law (lambda ~ Beta(alpha, alpha)), or a
            policy; masks that look at images are sampled from the policy itself.
        net: images -> logits [n, K], K >= 2; a copy in evaluation mode is used.
        images: as the network takes them (normalized).
        labels: int64 classes.
        alpha: of lambda's law; None takes the method's own (1 for a mask law).
        directions: least number of sampled displacements: cost linear, error with its root.
        chunk: displacements at a time.
        report: called with (chunks done, chunks) as it proceeds.

    Raises:
        ValueError: an assumption of the expansion fails; the message names it.

    Example:
        >>> import torch
        >>> from mixlib.seed import generator
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3))
        >>> images = torch.randn(6, 1, 4, 4, generator=generator(0, "images"))
        >>> found = explain("cutmix", net, images, torch.arange(6) % 3, alpha=1.0, directions=64)
        >>> found.terms["R2"].value > 0, found.terms["R3"].value  # linear: no Hessian
        (True, 0.0)
    """
    model, net = _prepared(net)
    source = mixing_of(method, alpha)
    x = images.double()
    with torch.no_grad():
        classes = model(x[:1]).shape[1]
    _check_labels(labels, classes)
    y = F.one_hot(labels, classes).double()
    # the fused attention kernels have no forward derivatives
    with sdpa_kernel(SDPBackend.MATH):
        found = _measured(source, model, net, x, y, labels, directions, seed, chunk, report)
    return _summary(source, model, found)


def _summary(source: Mixing, model: nn.Module, found: tuple[Tensor, ...]) -> Explanation:
    """Sums, shares and their errors from the weighted terms of every displacement."""
    base, r1, r2, r3, loss, group, bend = found
    parts = {"R1": r1, "R2": r2, "R3": r3, "remainder": loss - base - r1 - r2 - r3}
    sums = {name: group_sums(values, group) for name, values in parts.items()}
    whole = group_sums(loss - base, group)
    return Explanation(
        source.name,
        len(base),
        total(group_sums(loss, group)),
        total(group_sums(base, group)),
        total(whole),
        {name: total(part) for name, part in sums.items()},
        {name: ratio(part, whole) for name, part in sums.items()},
        (*source.notes, *_kinks(model, float(bend.max()))),
    )


def _prepared(net: nn.Module) -> tuple[nn.Module, Net]:
    """Copies in evaluation mode: the classifier in double precision, and with named sites in single
    precision, as policies that look at the network see it in training."""
    wrapped = copy.deepcopy(net if isinstance(net, Net) else Net(net)).eval().requires_grad_(False)
    return copy.deepcopy(wrapped.model).double(), wrapped.float()


def _check_labels(labels: Tensor, classes: int) -> None:
    if classes < 2:
        raise ValueError(
            f"explain assumes cross-entropy over K >= 2 logits, got {classes}; for one logit use "
            "theory.expansion.on_networks.expand with the logistic loss"
        )
    if int(labels.max()) >= classes or int(labels.min()) < 0:
        raise ValueError(f"labels must lie in 0 .. {classes - 1}, got up to {int(labels.max())}")


def _measured(
    source: Mixing,
    model: nn.Module,
    net: Net,
    x: Tensor,
    y: Tensor,
    labels: Tensor,
    directions: int,
    seed: int,
    chunk: int,
    report: Report | None,
) -> tuple[Tensor, ...]:
    """Weighted terms of every displacement (base, R1, R2, R3, loss), the independent group of each,
    and its largest second derivative."""
    found: list[tuple[Tensor, ...]] = []
    groups, draws = 0, -(-directions // chunk)
    for k in range(draws):
        displaced = source.draw(x, labels, net, chunk, generator(seed, "explain", k))
        along = terms_along(model, x, y, displaced, chunk=chunk)
        loss = displaced_loss(model, x, y, displaced, chunk=chunk)
        weight = displaced.weight / draws
        terms = (along.base, along.r1, along.r2, along.r3, loss)
        count = torch.arange(len(loss)) if source.independent else torch.zeros(len(loss)).long()
        found.append((*(weight * v for v in terms), count + groups, along.bend))
        groups += int(count.max()) + 1
        if report is not None:
            report(k + 1, draws)
    return tuple(torch.cat(parts) for parts in zip(*found, strict=True))


def _kinks(model: nn.Module, bend: float) -> list[str]:
    """What the second derivatives of this network miss."""
    names = sorted({type(part).__name__ for part in model.modules() if isinstance(part, KINKS)})
    if bend == 0.0:
        return [
            "the logits are piecewise linear: R3 is 0 almost everywhere, and the curvature in "
            "their kinks is counted under the remainder"
        ]
    if names:
        return [
            f"{', '.join(names)} have kinks: second derivatives exist almost everywhere and miss "
            "them; what they miss is counted under the remainder"
        ]
    return []
