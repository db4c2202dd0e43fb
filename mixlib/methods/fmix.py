"""FMix: the brightest part of a random low-frequency field.  Harris et al., "FMix: Enhancing Mixed
Sample Data Augmentation", arXiv 2002.12047, section 4 and Algorithm 1.

The definition is a stationary field: a complex normal spectrum over all frequencies, damped by
|f|^-decay, transformed back.  The release indexes the frequency axis where it means the
real/imaginary axis: only two rows of the spectrum survive, and the field has horizontal frequencies
0 and 1 alone.  ``spectrum="two_rows"`` repeats that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.arguments import NotNegative, Positive, Range, checked
from mixlib.core.hyperparameters import alphas
from mixlib.core.lam import Beta
from mixlib.core.mask import Laws, MaskLaw
from mixlib.core.method import Method
from mixlib.core.policy import ByLaw, Pairing, Policy, Scope
from mixlib.masks.low_pass import low_pass
from mixlib.masks.top_k import largest

Spectrum = Literal["full", "two_rows"]
Rounding = Literal["unbiased", "even"]

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
        spectrum: "full" is the definition's, whose field is stationary; "two_rows" the release's,
            see :func:`field_released`.
        rounding: of lambda h w pixels, up or down: "unbiased" with the odds that keep the mean,
            so that E[M | lambda] = lambda; "even" with equal chance, as released.
        cutoff: highest frequency drawn of the full spectrum, in cycles per image along either axis;
            None: all. See :mod:`mixlib.masks.low_pass`.

    Raises:
        ValueError: a negative decay, a soft band outside [0, 1/2], an unknown spectrum or rounding.

    Example:
        >>> lam, rng = torch.full((2,), 0.75, dtype=torch.float64), torch.Generator()
        >>> FMix(decay=3.0).sample(lam, (8, 8), rng).mean((1, 2)).tolist()
        [0.75, 0.75]
    """

    decay: float = 3.0
    max_soft: float = 0.0
    spectrum: Spectrum = "full"
    rounding: Rounding = "unbiased"
    cutoff: int | None = 12
    label = "drawn"

    def __post_init__(self) -> None:
        if self.decay < 0 or not 0 <= self.max_soft <= 0.5:
            raise ValueError(
                f"FMix needs decay >= 0 and max_soft in [0, 0.5], got {self.decay}, {self.max_soft}"
            )
        if self.spectrum not in ("full", "two_rows") or self.rounding not in ("unbiased", "even"):
            raise ValueError(
                "FMix needs spectrum full|two_rows and rounding unbiased|even, got "
                f"{self.spectrum!r}, {self.rounding!r}"
            )

    @property
    def unbiased(self) -> bool:  # type: ignore[override]
        return self.spectrum == "full" and self.rounding == "unbiased"

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        n, (h, w) = len(lam), size
        noise = self._noise(n, size, rng)
        unit = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64)
        exact = lam.double() * (h * w)
        if self.rounding == "even":
            count = torch.where(unit > 0.5, exact.ceil(), exact.floor())
        else:
            count = (exact + unit).floor()
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
        if self.spectrum == "two_rows":
            shape: tuple[int, ...] = (n, min(2, size[0]), columns_released(size[1]), 2)
        else:
            shape = (n, *low_pass(size, self.cutoff, self.decay).amplitude.shape)
        return torch.randn(shape, generator=rng, device=rng.device)

    def _field(self, noise: Tensor, size: tuple[int, int]) -> Float[Tensor, "n h w"]:
        if self.spectrum == "two_rows":
            return field_released(noise, size, self.decay)
        return low_pass(size, self.cutoff, self.decay, noise.dtype, noise.device).field(noise)


@checked
def fmix(
    alpha: Positive = 1.0,
    decay: NotNegative = 3.0,
    soft: Annotated[float, Range(0.0, 0.5)] = 0.0,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    spectrum: Spectrum = "full",
    rounding: Rounding = "unbiased",
) -> Policy:
    """FMix (Harris et al., 2020): thresholded low-frequency noise.

    Released: the released frequency indexing, one mask per batch, partners by permutation.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        decay: exponent of the spectrum's damping.
        soft: half width of a soft band, as a share of the image.
        scope: one mask per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
        spectrum: of the field, "full" or the release's "two_rows".
        rounding: of lambda h w pixels, "unbiased" or "even", see :class:`FMix`.

    Example:
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = fmix(decay=3.0).draw_at(images, labels, None, 0.25, rng)
        >>> mix.mask.unique().tolist(), round(float(mix.mask[0, 0].mean()), 2)
        ([0.0, 1.0], 0.25)
    """
    law = FMix(decay, soft, spectrum, rounding)
    return ByLaw(law, Beta(alpha), scope, pairing)


LAWS: Laws = {
    "fmix": lambda size: FMix(),
    "fmix, soft": lambda size: FMix(max_soft=0.1),
    "fmix, two rows": lambda size: FMix(spectrum="two_rows", rounding="even"),
}

ROW = Method(
    "fmix",
    "FMix",
    "fmix",
    "Harris et al., FMix: Enhancing Mixed Sample Data Augmentation, 2020, arXiv:2002.12047",
    2020,
    alphas(1.0, cifar=0.2, large=1.0, fine=0.2),
    released={
        "spectrum": "two_rows",
        "rounding": "even",
        "scope": "batch",
        "pairing": "permute",
    },
    revision=2,
)
