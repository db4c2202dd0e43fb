"""A correct mixer with one method per decision, and mutants that get one decision wrong.

Draws come from torch's global generator by way of one number a call, so runs repeat and workers of
a DataLoader differ.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

CLASSES = 18
_EYE = np.eye(CLASSES, dtype=np.float32)


class Mixer:
    """Mixup, or CutMix with a box of rounded edges around a continuous center.

    Args:
        kind: "mixup", "box", or "both" (either with probability one half).
        alpha: of the Beta law.
        prob: of mixing.
        scope: for whom lambda and place are drawn, "batch" or "sample".
    """

    def __init__(
        self, kind: str = "mixup", alpha: float = 1.0, prob: float = 1.0, scope: str = "sample"
    ) -> None:
        self.kind, self.alpha, self.prob, self.scope = kind, alpha, prob, scope

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(int(torch.randint(2**31, ())))

    def lam(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.beta(self.alpha, self.alpha, n)

    def applied(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.random(n) < self.prob

    def partner(self, batch: int, rng: np.random.Generator) -> np.ndarray:
        """The same random number of places on for all."""
        shift = int(rng.integers(1, batch)) if batch > 1 else 0
        return (np.arange(batch) + shift) % batch

    def sides(self, lam: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        root = np.sqrt(1 - lam)
        return root * size[0], root * size[1]

    def centers(
        self, n: int, size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        return rng.random(n) * size[0], rng.random(n) * size[1]

    def ends(self, center: np.ndarray, side: np.ndarray, length: int) -> tuple[np.ndarray, ...]:
        low, high = np.rint(center - side / 2), np.rint(center + side / 2)
        return np.clip(low, 0, length), np.clip(high, 0, length)

    def boxes(self, lam: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        """Own masks [n, h, w] of boxes."""
        found = np.ones((len(lam), *size), dtype=bool)
        places = self.centers(len(lam), size, rng)
        for axis, (center, side) in enumerate(zip(places, self.sides(lam, size), strict=True)):
            low, high = self.ends(center, side, size[axis])
            line = np.arange(size[axis])
            inside = (line >= low[:, None]) & (line < high[:, None])
            found &= inside[:, :, None] if axis == 0 else inside[:, None, :]
        return 1.0 - found

    def masks(self, lam: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        flat = np.broadcast_to(lam[:, None, None], (len(lam), *size))
        if self.kind == "mixup":
            return flat
        boxes = self.boxes(lam, size, rng)
        if self.kind == "box":
            return boxes
        return np.where((rng.random(len(lam)) < 0.5)[:, None, None], flat, boxes)

    def blend(self, images: Tensor, partner: np.ndarray, own: np.ndarray) -> Tensor:
        x = images.numpy()
        other = x[partner]
        weight = own[:, None].astype(np.float32)
        if images.is_floating_point():
            return torch.from_numpy(other + (x - other) * weight.astype(x.dtype))
        mixed = other + (x - other.astype(np.float32)) * weight
        return torch.from_numpy(np.rint(mixed).astype(x.dtype))

    def label_share(self, own: np.ndarray, lam: np.ndarray) -> np.ndarray:
        return own.mean((1, 2))

    def label_partner(self, partner: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return partner

    def targets(self, labels: Tensor, partner: np.ndarray, share: np.ndarray) -> Tensor:
        rows = _EYE[labels.numpy()]
        weight = share[:, None].astype(np.float32)
        return torch.from_numpy(rows * weight + rows[partner] * (1 - weight))

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Any, Any]:
        batch, size = len(images), (images.shape[2], images.shape[3])
        rng = self.rng()
        n = 1 if self.scope == "batch" else batch
        lam, applied = self.lam(n, rng), self.applied(n, rng)
        own = np.where(applied[:, None, None], self.masks(lam, size, rng), 1.0)
        own = np.broadcast_to(own, (batch, *size))
        share = self.label_share(own, np.where(applied, lam, 1.0))
        partner = self.partner(batch, rng)
        targets = self.targets(
            labels, self.label_partner(partner, rng), np.broadcast_to(share, (batch,))
        )
        return self.blend(images, partner, own), targets


class TwoGammas(Mixer):
    """Beta as a ratio of gammas, the second with another rate."""

    def lam(self, n: int, rng: np.random.Generator) -> np.ndarray:
        first, second = rng.gamma(self.alpha, 1.0, n), rng.gamma(self.alpha, 1.5, n)
        return first / (first + second)


class AlphaIgnored(Mixer):
    def lam(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.random(n)


class LargerHalf(Mixer):
    def lam(self, n: int, rng: np.random.Generator) -> np.ndarray:
        lam = super().lam(n, rng)
        return np.maximum(lam, 1 - lam)


class ProbTwice(Mixer):
    def applied(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return super().applied(n, rng) & super().applied(n, rng)


class ProbAsWeight(Mixer):
    """``prob`` scales the partner's weight, and everything is mixed."""

    def applied(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return np.ones(n, dtype=bool)

    def lam(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return 1 - self.prob * (1 - super().lam(n, rng))


class OtherPermutation(Mixer):
    def label_partner(self, partner: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.roll(partner, 1)


class LabelsExchanged(Mixer):
    def label_share(self, own: np.ndarray, lam: np.ndarray) -> np.ndarray:
        mean = own.mean((1, 2))
        return np.where(mean < 1, 1 - mean, mean)


class ClippedUncorrected(Mixer):
    def label_share(self, own: np.ndarray, lam: np.ndarray) -> np.ndarray:
        return lam


class SidesSwapped(Mixer):
    def sides(self, lam: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        height, width = super().sides(lam, size)
        return width, height


class WidthFromHeight(Mixer):
    def sides(self, lam: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        height, _ = super().sides(lam, size)
        return height, height


class OneNumber(Mixer):
    """Both coordinates from one number."""

    def centers(
        self, n: int, size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        unit = rng.random(n)
        return unit * size[0], unit * size[1]


class HeightForBoth(Mixer):
    """The column is drawn below the height."""

    def centers(
        self, n: int, size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        return rng.random(n) * size[0], rng.random(n) * size[0]


class LastNeverReached(Mixer):
    """Origins drawn below length - side, the last one left out."""

    def ends(self, center: np.ndarray, side: np.ndarray, length: int) -> tuple[np.ndarray, ...]:
        cut = np.minimum(np.floor(side), length - 1)
        low = np.floor(center / length * (length - cut))
        return low, low + cut


class HalfPixel(Mixer):
    """Even sides around integer centers."""

    def ends(self, center: np.ndarray, side: np.ndarray, length: int) -> tuple[np.ndarray, ...]:
        half, middle = np.floor(side / 2), np.floor(center)
        return np.clip(middle - half, 0, length), np.clip(middle + half, 0, length)


class EdgesExcluded(Mixer):
    """Pixels strictly inside the box, labels by the whole of it."""

    def boxes(self, lam: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        own = super().boxes(lam, size, rng)
        self.full = own.mean((1, 2))
        inner = 1 - own
        inner[:, 1:] *= (1 - own)[:, :-1]
        inner[:, :, 1:] *= inner[:, :, :-1].copy()
        return 1 - inner

    def label_share(self, own: np.ndarray, lam: np.ndarray) -> np.ndarray:
        return self.full


class OwnInside(Mixer):
    """The box holds the own image."""

    def boxes(self, lam: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        return 1 - super().boxes(lam, size, rng)


class OwnPartner(Mixer):
    """A random permutation with its fixed points."""

    def partner(self, batch: int, rng: np.random.Generator) -> np.ndarray:
        return rng.permutation(batch)


class FirstForAll(Mixer):
    """The first sample is everyone's partner."""

    def partner(self, batch: int, rng: np.random.Generator) -> np.ndarray:
        partner = np.zeros(batch, dtype=int)
        partner[0] = batch - 1
        return partner


class MiddleAlone(Mixer):
    """The reversed batch, in which the middle of an odd one meets itself."""

    def partner(self, batch: int, rng: np.random.Generator) -> np.ndarray:
        return np.arange(batch)[::-1].copy()


class OneLamForAll(Mixer):
    """One lambda where one a sample was asked for, though places differ."""

    def lam(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return np.repeat(super().lam(1, rng), n)


class OnePlaceForAll(Mixer):
    def centers(
        self, n: int, size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        down, right = super().centers(1, size, rng)
        return np.repeat(down, n), np.repeat(right, n)


class InPlace(Mixer):
    def blend(self, images: Tensor, partner: np.ndarray, own: np.ndarray) -> Tensor:
        return images.copy_(super().blend(images, partner, own))


class CutOff(Mixer):
    """Bytes are cut off instead of rounded."""

    def blend(self, images: Tensor, partner: np.ndarray, own: np.ndarray) -> Tensor:
        weight = torch.from_numpy(np.ascontiguousarray(own, dtype=np.float32))[:, None]
        other = images[torch.from_numpy(partner)]
        first, second = images.float() * weight, other.float() * (1 - weight)
        return first.to(images.dtype) + second.to(images.dtype)


class Promoted(Mixer):
    """NumPy's float64 lambda makes the images float64."""

    def blend(self, images: Tensor, partner: np.ndarray, own: np.ndarray) -> Tensor:
        return super().blend(images, partner, own).double()


class WeightsOver(Mixer):
    """Both images get lambda."""

    def blend(self, images: Tensor, partner: np.ndarray, own: np.ndarray) -> Tensor:
        weight = torch.from_numpy(np.ascontiguousarray(own, dtype=np.float32))[:, None]
        return (images + images[torch.from_numpy(partner)]) * weight


class WholeTargets(Mixer):
    def targets(self, labels: Tensor, partner: np.ndarray, share: np.ndarray) -> Tensor:
        return super().targets(labels, partner, share).long()


class TargetsTwice(Mixer):
    """Smoothing takes its part and gives nothing back."""

    def targets(self, labels: Tensor, partner: np.ndarray, share: np.ndarray) -> Tensor:
        return super().targets(labels, partner, share) * 0.9


class OwnStream(Mixer):
    """A generator of its own, copied into every worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own = np.random.default_rng(0)

    def rng(self) -> np.random.Generator:
        return self.own


class Reseeds(Mixer):
    """Every call starts torch's generator anew."""

    def rng(self) -> np.random.Generator:
        torch.manual_seed(0)
        return super().rng()


class EveryOtherRepeated(Mixer):
    """A draw serves two calls."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls, self.seed = 0, 0

    def rng(self) -> np.random.Generator:
        if self.calls % 2 == 0:
            self.seed = int(torch.randint(2**31, ()))
        self.calls += 1
        return np.random.default_rng(self.seed)


class FillNormalized(Mixer):
    """Erases with zero before images are normalized, so a hole is not zero afterwards."""

    def blend(self, images: Tensor, partner: np.ndarray, own: np.ndarray) -> Tensor:
        keep = torch.from_numpy(np.ascontiguousarray(own, dtype=np.float32))[:, None]
        return images * keep - 1.2 * (1 - keep)

    def targets(self, labels: Tensor, partner: np.ndarray, share: np.ndarray) -> Tensor:
        return torch.nn.functional.one_hot(labels, CLASSES).float()


class Eraser(FillNormalized):
    """Correct: holes are zero."""

    def blend(self, images: Tensor, partner: np.ndarray, own: np.ndarray) -> Tensor:
        keep = torch.from_numpy(np.ascontiguousarray(own, dtype=np.float32))[:, None]
        return (images * keep).to(images.dtype)


class DropsLast(Mixer):
    """Odd batches lose their last sample."""

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Any, Any]:
        even = max(len(images) // 2 * 2, 1)
        return super().__call__(images[:even], labels[:even])
