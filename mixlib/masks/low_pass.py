"""Low-pass Gaussian fields: only the corner of the spectrum that counts is drawn.

FMix' field (see :mod:`mixlib.methods.fmix`) has amplitudes |f|^-3: frequencies beyond 12 cycles per
image hold less than 2e-5 of its variance, and on 224 pixels they would take most of the time, 16 ms
of random numbers for 32 fields.  So the corner is drawn alone, and in real form: a complex normal
spectrum of a real image, and independent normal weights on products of a wave along either axis,
give Gaussian fields of the same covariance, hence of the same law.  A field is then two small real
matrix products, with half of the multiplications of the complex ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class LowPass:
    """Waves along both axes and their amplitudes; made by :func:`low_pass`.

    Attributes:
        down: [h, p], the vertical waves: 1, then cosine and sine of every frequency.
        across: [q, w], the horizontal ones.
        amplitude: [p, q], standard deviation of every product's weight.
    """

    down: Float[Tensor, "h p"]
    across: Float[Tensor, "q w"]
    amplitude: Float[Tensor, "p q"]

    def field(self, noise: Float[Tensor, "n p q"]) -> Float[Tensor, "n h w"]:
        """The field of standard normal noise, in its dtype."""
        n, h, w = len(noise), self.down.shape[0], self.across.shape[1]
        turned = (self.down @ (noise * self.amplitude)).view(n * h, -1)
        return (turned @ self.across).view(n, h, w)


@lru_cache(maxsize=16)
def low_pass(
    size: tuple[int, int],
    cutoff: int | None,
    decay: float,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> LowPass:
    """The waves of :func:`mixlib.methods.fmix.field` up to a cutoff; shared, so never written to.

    Args:
        size: (h, w) of the image.
        cutoff: highest frequency in cycles per image along either axis, None: all.
        decay: amplitudes are max(|f|, 1 / max(h, w))^-decay, f in cycles per pixel.
        dtype: of the waves, and of the noise they will be given.
        device: likewise.
    """
    with torch.inference_mode(False):
        (rows, down), (cols, across) = (_waves(length, cutoff) for length in size)
        reach = torch.hypot(rows[:, None] / size[0], cols / size[1]).clamp(min=1 / max(size))
        # The half spectrum holds a frequency of the second axis once, for itself and its mirror
        # image: twice the amplitude.  Of the first axis it holds both, each with its own noise:
        # twice the variance.
        both = (1 + _mirrored(rows, size[0]).double()).sqrt()
        twice = 1 + _mirrored(cols, size[1]).double()
        amplitude = reach**-decay * both[:, None] * twice / (size[0] * size[1])
        made = (part.to(device, dtype) for part in (down, across.T.contiguous(), amplitude))
        return LowPass(*made)


def _waves(
    length: int, cutoff: int | None
) -> tuple[Float[Tensor, " p"], Float[Tensor, "length p"]]:
    """Frequencies of an axis and their waves; the sines that vanish on the grid are left out."""
    highest = length // 2 if cutoff is None else min(cutoff, length // 2)
    frequency = torch.arange(highest + 1, dtype=torch.float64)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * frequency * (2 * torch.pi / length)
    odd = _mirrored(frequency, length)
    return torch.cat([frequency, frequency[odd]]), torch.cat([angle.cos(), angle.sin()[:, odd]], 1)


def _mirrored(frequency: Float[Tensor, " p"], length: int) -> Tensor:
    """Whether the negative frequency is another one: not for 0 and, on even lengths, the last."""
    return (frequency > 0) & (2 * frequency != length)
