"""Auto-PGD, the step-size-free attack of AutoAttack (Croce and Hein, Reliable evaluation of
adversarial robustness with an ensemble of diverse parameter-free attacks, ICML 2020, Algorithm 1).

Two losses: cross-entropy (APGD-CE) and the difference of logits ratio (APGD-DLR, Eq. 6), which no
scale of the logits flattens. The two attacks without gradients (FAB, Square) are not part of this.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from downstream.checks import check_images
from downstream.errors import InputError
from downstream.frozen import frozen
from downstream.robustness.attacks import check_radius, project, random_start
from downstream.robustness.settings import APGD_STEPS, EPSILON

Loss = Literal["ce", "dlr"]

MOMENTUM = 0.75
"""Weight of the gradient step beside the last move (alpha)."""
RISING = 0.75
"""Share of steps that must raise the loss, or the step is halved (rho)."""
FIRST, SHRINK, LEAST = 0.22, 0.03, 0.06
"""Shares of the iterations: first checkpoint, how the periods between them shrink, least period."""
SMALLEST = 1e-12
"""Keeps the difference of logits ratio finite for equal logits."""


def checkpoints(steps: int) -> list[int]:
    """Iterations after which the step size may be halved (section 3.1)."""
    shares = [0.0, FIRST]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - SHRINK, LEAST))
    # the shares are decimal fractions: rounding keeps binary noise from adding an iteration
    return [math.ceil(round(share * steps, 9)) for share in shares[1:] if share < 1]


def losses(logits: Tensor, y: Tensor, loss: Loss) -> Tensor:
    """What the attack raises, by image [B]: cross-entropy, or the difference of logits ratio.

    Args:
        logits: [B, Y]; at least three classes for "dlr".
        y: int64 [B].
    """
    if loss == "ce":
        return F.cross_entropy(logits, y, reduction="none")
    ranked = logits.sort(1, descending=True).values
    own = logits.gather(1, y[:, None])[:, 0]
    right = ranked[:, 0] == own
    other = torch.where(right, ranked[:, 1], ranked[:, 0])
    return -(own - other) / (ranked[:, 0] - ranked[:, 2] + SMALLEST)


@dataclass(eq=False)
class _Search:
    """State of a running attack on B images.

    Attributes:
        best, best_loss, best_gradient: the iterate of largest loss, by image.
        step: step size [B, 1, 1, 1].
        rises: steps that raised the loss since the last checkpoint [B].
        loss_then: best loss at the last checkpoint [B].
        halved: whether the step was halved there [B].
    """

    best: Tensor
    best_loss: Tensor
    best_gradient: Tensor
    step: Tensor
    rises: Tensor
    loss_then: Tensor
    halved: Tensor

    def observe(self, x: Tensor, value: Tensor, gradient: Tensor, before: Tensor) -> None:
        """Takes an iterate with its loss; ``before`` is the loss of the one before it."""
        self.rises += value > before
        better = value > self.best_loss
        self.best_loss = torch.where(better, value, self.best_loss)
        self.best = torch.where(_each(better), x, self.best)
        self.best_gradient = torch.where(_each(better), gradient, self.best_gradient)

    def adapt(self, period: int) -> Tensor:
        """Halves steps that no longer pay; returns the images that go back to their best [B]."""
        stuck = self.rises < RISING * period
        stalled = ~self.halved & (self.best_loss <= self.loss_then)
        self.halved = stuck | stalled
        self.step = torch.where(_each(self.halved), self.step / 2, self.step)
        self.loss_then = self.best_loss.clone()
        self.rises = torch.zeros_like(self.rises)
        return self.halved


def apgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    epsilon: float = EPSILON,
    steps: int = APGD_STEPS,
    loss: Loss = "ce",
    rng: torch.Generator | None = None,
) -> Tensor:
    """Attacks images without a step size to choose.

    Args:
        model: images in [0, 1] -> logits; see :class:`downstream.robustness.attacks.Normalized`.
        x: float [B, C, H, W] in [0, 1].
        y: true labels int64 [B].
        steps: gradients taken, beside the first.
        loss: "ce" or "dlr".
        rng: draws the start in the ball; None: starts at the image.

    Returns:
        By image the iterate of largest loss, but a misclassified one where there was any.

    Raises:
        InputError: see :func:`downstream.checks.check_images`; "dlr" with two classes.
    """
    check_images(x)
    check_radius(epsilon)
    if loss not in ("ce", "dlr"):
        raise InputError(f"expected the loss ce or dlr, found {loss!r}")
    start = x
    if rng is not None:
        start = random_start(x, epsilon, rng)
    with frozen(model):
        return _climb(model, x, y, start, epsilon, steps, loss)


def _climb(
    model: nn.Module, x: Tensor, y: Tensor, start: Tensor, epsilon: float, steps: int, loss: Loss
) -> Tensor:
    value, gradient, wrong = _look(model, start, y, loss)
    fooled, found = wrong, torch.where(_each(wrong), start, x)
    state = _Search(
        best=start.clone(),
        best_loss=value,
        best_gradient=gradient,
        step=torch.full_like(_each(value), 2 * epsilon),
        rises=torch.zeros_like(y),
        loss_then=value,
        halved=torch.zeros_like(wrong),
    )
    current, last = start, start
    marks, mark = checkpoints(steps), 0
    for iteration in range(1, steps + 1):
        ahead = project(current + state.step * gradient.sign(), x, epsilon)
        if iteration > 1:
            mixed = current + MOMENTUM * (ahead - current) + (1 - MOMENTUM) * (current - last)
            ahead = project(mixed, x, epsilon)
        current, last, before = ahead, current, value
        value, gradient, wrong = _look(model, current, y, loss)
        found = torch.where(_each(wrong & ~fooled), current, found)
        fooled = fooled | wrong
        state.observe(current, value, gradient, before)
        if iteration in marks:
            back = state.adapt(iteration - mark)
            mark = iteration
            current = torch.where(_each(back), state.best, current)
            gradient = torch.where(_each(back), state.best_gradient, gradient)
            value = torch.where(back, state.best_loss, value)
    return torch.where(_each(fooled), found, state.best)


def _look(model: nn.Module, x: Tensor, y: Tensor, loss: Loss) -> tuple[Tensor, Tensor, Tensor]:
    """Loss [B], its gradient [B, C, H, W] and whether the prediction is wrong [B]."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        logits = model(x)
        if loss == "dlr" and logits.shape[1] < 3:
            raise InputError(
                "the difference of logits ratio needs at least three classes, found "
                f"{logits.shape[1]}: attack with the loss ce"
            )
        each = losses(logits, y, loss)
        gradient = torch.autograd.grad(each.sum(), x)[0]
    return each.detach(), gradient, logits.detach().argmax(1) != y


def _each(values: Tensor) -> Tensor:
    """One value an image [B], to act on images [B, C, H, W]."""
    return values.view(-1, 1, 1, 1)
