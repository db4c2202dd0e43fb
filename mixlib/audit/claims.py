"""What a mixing method is said to do, and how closely it is looked at.

An audit tests claims.  What is left out is inferred from the outputs and reported, and not judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["unknown", "mixup", "box", "mosaic", "erase"]
Scope = Literal["batch", "pair", "sample"]
Size = tuple[int, int]


@dataclass(frozen=True)
class Claims:
    """What the method is said to do.

    Attributes:
        kind: "mixup" (one weight for all pixels), "box" (a rectangle of the partner), "erase" (a
            region of the own image is filled, labels stay), "mosaic" (places go with positions in
            the batch, as in RICAP: nothing is said about borders then), or "unknown".
        alpha: parameter of lambda ~ Beta(alpha, alpha), or both parameters (a, b) where lambda is
            the sample's own share.  Of a method that switches between the two kinds: Mixup's.
        box_alpha: the same for boxes; ``alpha`` where it is None.
        prob: probability that a batch (or pair, or sample) is mixed at all.
        box_prob: probability that what is mixed is mixed by a box (timm's ``switch_prob``).
        scope: for whom lambda is drawn: the batch, a pair of samples, or every sample.
        label: "area" if a label share is the share of the pixels (label smoothing is recognized and
            taken out), "other" for methods that weigh labels by attention or saliency.
        self_pairs: whether a sample may be its own partner.
        fill: value of erased pixels, None for any (noise).

    Raises:
        ValueError: a value outside its range.

    Example:
        >>> Claims(kind="box", alpha=1.0, prob=0.5).beta_of_boxes()
        (1.0, 1.0)
    """

    kind: Kind = "unknown"
    alpha: float | tuple[float, float] | None = None
    box_alpha: float | tuple[float, float] | None = None
    prob: float | None = None
    box_prob: float | None = None
    scope: Scope | None = None
    label: Literal["area", "other"] = "area"
    self_pairs: bool = False
    fill: float | None = 0.0

    def __post_init__(self) -> None:
        for name in ("alpha", "box_alpha"):
            pair = _both(getattr(self, name))
            if pair is not None and not all(0 < value < float("inf") for value in pair):
                raise ValueError(f"{name} must be above 0 and finite, got {getattr(self, name)}")
        for name in ("prob", "box_prob"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {value}")
        if self.kind not in ("unknown", "mixup", "box", "mosaic", "erase"):
            raise ValueError(
                f"kind must be unknown, mixup, box, mosaic or erase, got {self.kind!r}"
            )
        if self.scope not in (None, "batch", "pair", "sample"):
            raise ValueError(f"scope must be batch, pair or sample, got {self.scope!r}")

    def beta_of_weights(self) -> tuple[float, float] | None:
        """(a, b) of lambda where all pixels get one weight; None where nothing is said."""
        return _both(self.alpha)

    def beta_of_boxes(self) -> tuple[float, float] | None:
        """(a, b) of lambda where the partner fills a box; None where nothing is said."""
        return _both(self.alpha if self.box_alpha is None else self.box_alpha)


def _both(alpha: float | tuple[float, float] | None) -> tuple[float, float] | None:
    if alpha is None:
        return None
    return alpha if isinstance(alpha, tuple) else (alpha, alpha)


@dataclass(frozen=True)
class Effort:
    """How closely the method is looked at.

    Attributes:
        draws: masks that the main statistics rest on.
        level: probability that an audit of correct code reports anything at all (family-wise,
            Bonferroni over its tests).
        seed: of the audit; equal seeds repeat an audit bit for bit.
        batch: samples in a batch; even, since some libraries refuse odd ones.
        size: height and width of the images.
        wide: a non-square size; it is tried both ways.
        small: a small size, at which an error of one pixel is a large one.
        workers: processes of the DataLoader that is started (0: none is).
        texture: images carry a random texture, for methods that look at them; what such a method
            moves or resizes cannot be recovered then.
        coefficients: also estimate the coefficients of the regularizer.

    Raises:
        ValueError: too few draws for any statement, or an odd batch.

    Example:
        >>> Effort(draws=1000, workers=0).batch
        8
    """

    draws: int = 4000
    level: float = 1e-5
    seed: int = 0
    batch: int = 8
    size: Size = (32, 32)
    wide: Size = (16, 48)
    small: Size = (8, 8)
    workers: int = 2
    texture: bool = False
    coefficients: bool = True
    odd: tuple[int, ...] = field(default=(1, 3, 5))

    def __post_init__(self) -> None:
        if self.draws < 200:
            raise ValueError(f"an audit needs at least 200 draws, got {self.draws}")
        if self.batch < 2 or self.batch % 2:
            raise ValueError(f"batch must be even and at least 2, got {self.batch}")
        if not 0 < self.level < 1:
            raise ValueError(f"level is a probability, got {self.level}")
