"""FMix: the brightest part of a random low-frequency field.  Harris et al., "FMix: Enhancing Mixed
Sample Data Augmentation", arXiv 2002.12047, section 4 and Algorithm 1.

The definition is a stationary field: a complex normal spectrum over all frequencies, damped by
|f|^-decay, transformed back.  The release indexes the frequency axis where it means the
real/imaginary axis: only two rows of the spectrum survive, and the field has horizontal frequencies
0 and 1 alone.  ``released=True`` repeats that.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.hyperparameters import alphas
from mixlib.core.lam import Beta
from mixlib.core.mask import MaskLaw
from mixlib.core.method import Method
from mixlib.core.policy import ByLaw, Pairing, Policy, Scope
from mixlib.masks.low_pass import low_pass
from mixlib.masks.top_k import largest

# pixels whose masks are made at a time, so that fields stay in the cache: half the time at 224 px
BLOCK = 400_000


def frequencies(size: tuple[int, int], columns: int) -> Float[Tensor, "h c"]:
    """|f| in cycles per pixel, float64 [h, columns]."""
    rows = torch.fft.fftfreq(size[0], dtype=torch.float64)
    cols = torch.fft.fftfreq(size[1], dtype=torch.float64)[:columns]
    return torch.hypot(rows[:, None], cols[None, :])


def damping(
    frequency: Float[Tensor, "h c"], size: tuple[int, int], decay: float
) -> Float[Tensor, "h c"]:
    """max(|f|, 1 / max(h, w))^-decay: the floor keeps the mean of the field finite."""
    return frequency.clamp(min=1 / max(size)) ** -decay


def field(
    noise: Float[Tensor, "n h c 2"], size: tuple[int, int], decay: float
) -> Float[Tensor, "n h w"]:
    """The field of the definition: the inverse real transform of a damped complex spectrum.

    Args:
        noise: standard normal, real and imaginary parts of the h x (w // 2 + 1) half spectrum.
    """
    scale = damping(frequencies(size, size[1] // 2 + 1), size, decay).to(noise)
    return torch.fft.irfft2(torch.view_as_complex(noise.contiguous()) * scale, s=size)


def field_released(
    noise: Float[Tensor, "n r c 2"], size: tuple[int, int], decay: float
) -> Float[Tensor, "n h w"]:
    """The field of the release: rows 0 and 1 of the spectrum as real and imaginary part.

    Args:
        noise: standard normal of the release's shape h x columns x 2, or its first two rows (the
            rest is never read), see :func:`columns_released`.
    """
    columns = noise.shape[2]
    scale = damping(frequencies(size, columns), size, decay).to(noise)
    # one row alone (h = 1) has no imaginary part
    rows = [scale[row, :, None] * noise[:, row] for row in range(min(2, size[0]))]
    imaginary = rows[1] if len(rows) > 1 else torch.zeros_like(rows[0])
    # now [n, columns, 2], read as column frequencies down and two half-spectrum bins across
    return torch.fft.irfftn(torch.complex(rows[0], imaginary), s=size, dim=(1, 2))


def columns_released(width: int) -> int:
    """Bins that the release keeps: w // 2 + 1, and one too many where w is odd."""
    return min(width, width // 2 + 1 + width % 2)


def brightest(
    bright: Float[Tensor, "n h w"], count: Int[Tensor, " n"], soft: Int[Tensor, " n"]
) -> Float[Tensor, "n h w"]:
    """Own-image mask: 1 at the ``count`` brightest pixels, 0 elsewhere.

    Args:
        bright: the field.
        count: pixels of the own image.
        soft: half width, in pixels, of a linear ramp around the threshold (0: none).  The mean of
            the mask is count / (h w) with any ramp.
    """
    n, h, w = bright.shape
    order = bright.flatten(1).argsort(dim=1, descending=True)
    rank = torch.arange(h * w, device=bright.device, dtype=bright.dtype)
    hard = (rank < count[:, None]).to(bright.dtype)
    low, ramp = (count - soft)[:, None], (2 * soft)[:, None]
    sloped = (1 - (rank - low) / (ramp - 1).clamp(min=1)).clamp(0, 1)
    value = torch.where(ramp > 0, sloped, hard)
    return torch.zeros_like(value).scatter_(1, order, value).view(n, h, w)


@dataclass(frozen=True)
class FMix(MaskLaw):
    """Thresholded random field; the label is the drawn lambda.

    Args:
        decay: exponent of the damping (3 in the paper).
        max_soft: half width of the soft band as a share of the image (0 in the paper's tables),
            never above min(lambda, 1 - lambda).
        released: the release's two-row spectrum, and lambda h w rounded up or down with equal
            chance; the default field is stationary and rounds with the right odds, so that
            E[M | lambda] = lambda.
        cutoff: highest frequency drawn, in cycles per image along either axis; None: all. See
            :mod:`mixlib.masks.low_pass`.  The release draws all of its own.

    Raises:
        ValueError: a negative decay or a soft band outside [0, 1/2].
    """

    decay: float = 3.0
    max_soft: float = 0.0
    released: bool = False
    cutoff: int | None = 12
    label = "drawn"

    def __post_init__(self) -> None:
        if self.decay < 0 or not 0 <= self.max_soft <= 0.5:
            raise ValueError(
                f"FMix needs decay >= 0 and max_soft in [0, 0.5], got {self.decay}, {self.max_soft}"
            )

    @property
    def unbiased(self) -> bool:  # type: ignore[override]
        return not self.released

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        n, (h, w) = len(lam), size
        noise = self._noise(n, size, rng)
        unit = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64)
        wished = lam.double() * (h * w)
        if self.released:
            count = torch.where(unit > 0.5, wished.ceil(), wished.floor())
        else:
            count = (wished + unit).floor()
        count = count.long().clamp(0, h * w)
        if self.max_soft:
            soft = (h * w * torch.minimum(lam, 1 - lam).double().clamp(max=self.max_soft)).long()
            return brightest(self._field(noise, size), count, soft)
        own = noise.new_empty(n, h, w)
        step = max(BLOCK // (h * w), 1)
        for part in (slice(first, first + step) for first in range(0, n, step)):
            bright = self._field(noise[part], size)
            largest(bright.flatten(1), count[part], out=own[part].flatten(1))
        return own

    def _noise(self, n: int, size: tuple[int, int], rng: torch.Generator) -> Tensor:
        """Float32: the field's pixels are compared, not measured."""
        if self.released:
            shape: tuple[int, ...] = (n, min(2, size[0]), columns_released(size[1]), 2)
        else:
            shape = (n, *low_pass(size, self.cutoff, self.decay).amplitude.shape)
        return torch.randn(shape, generator=rng, device=rng.device)

    def _field(self, noise: Tensor, size: tuple[int, int]) -> Float[Tensor, "n h w"]:
        if self.released:
            return field_released(noise, size, self.decay)
        return low_pass(size, self.cutoff, self.decay, noise.dtype, noise.device).field(noise)


def fmix(
    alpha: float = 1.0,
    decay: float = 3.0,
    soft: float = 0.0,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    released: bool = False,
) -> Policy:
    """FMix (Harris et al., 2020): thresholded low-frequency noise; see
    :class:`mixlib.methods.fmix.FMix`.

    ``released=True``: the released frequency indexing, one mask per batch, partners by permutation.
    """
    if released:
        return ByLaw(FMix(decay, soft, released=True), Beta(alpha), "batch", "permute")
    return ByLaw(FMix(decay, soft), Beta(alpha), scope, pairing)


ROW = Method(
    "fmix",
    "FMix",
    "fmix",
    "Harris et al., FMix: Enhancing Mixed Sample Data Augmentation, 2020, arXiv:2002.12047",
    2020,
    alphas(1.0, cifar=0.2, large=1.0, fine=0.2),
    revision=2,
)
