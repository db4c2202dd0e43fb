"""Settings of patch occlusion (TokenMix, Figure 4; protocol after Naseer et al., NeurIPS 2021).

The paper publishes no protocol, so everything that changes the numbers is a setting.
"""

import math
from dataclasses import dataclass
from typing import Literal

from downstream.errors import InputError

Rounding = Literal["round", "floor"]
Which = Literal["random", "salient", "nonsalient"]
Fill = Literal["mean", "black"]

WHICH: tuple[Which, ...] = ("random", "salient", "nonsalient")
TENTHS = tuple(step / 10 for step in range(11))


@dataclass(frozen=True)
class OcclusionSettings:
    """What defines an occlusion curve.

    Args:
        patch: side of a patch, pixels.
        ratios: shares of the patches to drop.
        rounding: of ratio times patches: "round" (OpenMixup) or "floor" (Naseer et al.).
        which: "random" patches, the most "salient" ones first or the least ("nonsalient").
        fill: "mean", the color that normalization makes zero (OpenMixup), or "black" (Naseer et
            al.).
        shared: the same random patches for all images of a batch, as in both published protocols;
            False: every image loses its own.
        repeats: random draws to average over.
        seed: decides the random patches.

    Raises:
        InputError: a value that cannot be used.

    Example:
        >>> OcclusionSettings(patch=16, rounding="floor").counts(196)[1:4]
        (19, 39, 58)
    """

    patch: int = 16
    ratios: tuple[float, ...] = TENTHS
    rounding: Rounding = "round"
    which: Which = "random"
    fill: Fill = "mean"
    shared: bool = True
    repeats: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, known in (
            ("rounding", self.rounding, ("round", "floor")),
            ("which", self.which, WHICH),
            ("fill", self.fill, ("mean", "black")),
        ):
            if value not in known:
                raise InputError(f"{name} must be one of {', '.join(known)}, found {value!r}")
        if self.patch < 1 or self.repeats < 1 or not self.ratios:
            raise InputError(
                f"patch and repeats must be at least 1 and ratios not empty, found patch="
                f"{self.patch}, repeats={self.repeats}, ratios={self.ratios}"
            )
        if not all(0 <= ratio <= 1 for ratio in self.ratios):
            raise InputError(f"ratios must lie in [0, 1], found {self.ratios}")

    def counts(self, patches: int) -> tuple[int, ...]:
        """Patches to drop of ``patches``, by ratio."""
        return tuple(count_dropped(patches, ratio, self.rounding) for ratio in self.ratios)


def count_dropped(patches: int, ratio: float, rounding: Rounding) -> int:
    """``ratio`` of ``patches`` as a whole number."""
    # 0.7 * 10 is below 7 in binary: what is meant is the decimal fraction
    exact = round(patches * ratio, 9)
    # round() is to the nearest, ties to even, as numpy's
    return math.floor(exact) if rounding == "floor" else round(exact)


@dataclass(frozen=True)
class OcclusionProtocol:
    """A measurement of several occlusion curves of one classifier.

    Args:
        which: the curves: "random", "salient" and "nonsalient", any of them. A network ranks its
            patches itself, by the class token's attention in its last layer.
        patch, ratios, rounding, fill, shared, repeats, seed: see :class:`OcclusionSettings`.
        images: most test images; None: all.
        batch: images a forward pass.
        samples: images kept for pictures.

    Raises:
        InputError: a value that cannot be used.

    Example:
        >>> OcclusionProtocol(patch=8).curve("salient").patch
        8
    """

    which: tuple[Which, ...] = WHICH
    patch: int = 16
    ratios: tuple[float, ...] = TENTHS
    rounding: Rounding = "round"
    fill: Fill = "mean"
    shared: bool = True
    repeats: int = 3
    seed: int = 0
    images: int | None = None
    batch: int = 64
    samples: int = 3

    def __post_init__(self) -> None:
        if not self.which or len(set(self.which)) < len(self.which):
            raise InputError(f"expected curves that differ, found {self.which}")
        for which in self.which:
            self.curve(which)
        for name in ("images", "batch", "samples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, found {value}")

    def curve(self, which: Which) -> OcclusionSettings:
        """The settings of one curve."""
        return OcclusionSettings(
            self.patch,
            self.ratios,
            self.rounding,
            which,
            self.fill,
            self.shared,
            self.repeats,
            self.seed,
        )
