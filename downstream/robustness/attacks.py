"""Gradient attacks within an l-infinity ball in pixel space: FGSM (Goodfellow et al., ICLR 2015)
and PGD (Madry et al., ICLR 2018).

Images are in [0, 1] before normalization, and the model normalizes: a step of 8/255 is then the
same for every dataset. An attack that steps in normalized space is weaker or stronger by the
standard deviation of the channel.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from downstream.checks import check_images
from downstream.errors import InputError
from downstream.frozen import frozen
from downstream.robustness.settings import EPSILON, PGD_STEP, PGD_STEPS

Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""(model of pixels in [0, 1], images [B, C, H, W], labels [B]) -> attacked images."""


class Normalized(nn.Module):
    """A classifier behind its normalization: images in [0, 1] -> logits.

    Args:
        model: normalized images [B, C, H, W] -> logits [B, Y].
        mean, std: [C], of pixels in [0, 1].

    Example:
        >>> import torch
        >>> from torch import nn
        >>> model = Normalized(nn.Flatten(), (0.5,), (0.5,))
        >>> model(torch.tensor([[[[0.0, 1.0]]]])).tolist()
        [[-1.0, 1.0]]
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        if min(std) <= 0:
            raise InputError(f"standard deviations must be positive, found {std}")
        self.model = model
        for name, values in (("mean", mean), ("std", std)):
            column = torch.tensor(values, dtype=torch.float64).view(-1, 1, 1)
            self.register_buffer(name, column, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.model((x - self.mean.to(x)) / self.std.to(x))
        return logits


def loss_gradient(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Gradient [B, C, H, W] of each image's own cross-entropy towards its pixels."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        loss = F.cross_entropy(model(x), y, reduction="sum")
        return torch.autograd.grad(loss, x)[0]


def fgsm(model: nn.Module, x: Tensor, y: Tensor, epsilon: float | Tensor = EPSILON) -> Tensor:
    """One step of ``epsilon`` along the sign of the gradient, from the image itself.

    Args:
        model: images in [0, 1] -> logits; see :class:`Normalized`.
        x: float [B, C, H, W] in [0, 1].
        y: true labels int64 [B].
        epsilon: radius of the ball; [B, 1, 1, 1] for one of each image.

    Returns:
        Images in [0, 1], nowhere further than ``epsilon`` from ``x``.

    Raises:
        InputError: see :func:`downstream.checks.check_images`; or a negative radius.
    """
    check_images(x)
    check_radius(epsilon)
    with frozen(model):
        return (x + epsilon * loss_gradient(model, x, y).sign()).clamp(0, 1)


def pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    epsilon: float | Tensor = EPSILON,
    step: float | Tensor = PGD_STEP,
    steps: int = PGD_STEPS,
    rng: torch.Generator | None = None,
) -> Tensor:
    """Projected gradient ascent: ``steps`` signed steps, each projected into the ball.

    Args:
        model, x, y, epsilon: as :func:`fgsm`.
        step: length of each step; [B, 1, 1, 1] for one of each image.
        rng: draws a start uniform in the ball; None: starts at the image.

    Returns:
        The last iterate.

    Raises:
        InputError: as :func:`fgsm`.
    """
    check_images(x)
    check_radius(epsilon)
    current = x if rng is None else random_start(x, epsilon, rng)
    with frozen(model):
        for _ in range(steps):
            moved = current + step * loss_gradient(model, current, y).sign()
            current = project(moved, x, epsilon)
    return current


def project(moved: Tensor, x: Tensor, epsilon: float | Tensor) -> Tensor:
    """The nearest images in [0, 1] that lie within ``epsilon`` of ``x`` in every value."""
    return torch.minimum(torch.maximum(moved, x - epsilon), x + epsilon).clamp(0, 1)


def random_start(x: Tensor, epsilon: float | Tensor, rng: torch.Generator) -> Tensor:
    """Images uniform in the ball around ``x``, drawn on the generator's device."""
    drawn = torch.rand(x.shape, generator=rng, device=rng.device, dtype=x.dtype)
    return project(x + epsilon * (2 * drawn.to(x.device) - 1), x, epsilon)


def check_radius(epsilon: float | Tensor) -> None:
    """Refuses a negative radius of the ball, also among several.

    Raises:
        InputError: it is negative.
    """
    smallest = float(epsilon.min()) if isinstance(epsilon, Tensor) else epsilon
    if smallest < 0:
        raise InputError(f"the radius of the ball must not be negative, found {smallest}")
