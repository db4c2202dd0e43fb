"""Declared augmentations: every setting of a training procedure, as plain data.

`Augment` is plain data without torch, so that a job can carry every setting in its digest. The
catalog holds AutoMix's procedures: Table 12 for ImageNet, the released configurations for the
small and the fine-grained datasets. Mixing is no part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

CROPS = ("none", "pad", "resized")
PADDINGS = ("reflect", "zero")
FILTERS = ("bilinear", "bicubic")


@dataclass(frozen=True)
class Augment:
    """How one training image and one test image become network inputs.

    Args:
        size: side of the training input, pixels.
        crop: 'none' (resized to `size` if it differs), 'pad' (pad, then crop at random), or
            'resized' (a random box, resized).
        padding, padding_mode: pixels on each side and how they are filled, for 'pad'.
        scale, ratio: ranges of the random box's area share and aspect ratio, for 'resized'.
        before: shorter side that images are resized to before the crop; 0 = not.
        interpolation: 'bilinear' or 'bicubic', for every resize; always with antialiasing.
        flip: probability of a horizontal flip.
        randaugment: timm's notation, e.g. 'rand-m9-mstd0.5-inc1'; '' = none.
        color_jitter: strength of brightness, contrast and saturation jitter.
        erase: probability of erasing a random box (pixel noise).
        repeats: how often an image comes in an epoch (repeated augmentation); the epoch keeps its
            length.
        test_size: side of the test input; 0 = `size`.
        test_ratio: the shorter side is resized to test_size / test_ratio, and the center is cut
            out; 0 = the image is resized to the test size as a whole.
    """

    size: int
    crop: str = "none"
    padding: int = 4
    padding_mode: str = "reflect"
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    before: int = 0
    interpolation: str = "bicubic"
    flip: float = 0.5
    randaugment: str = ""
    color_jitter: float = 0.0
    erase: float = 0.0
    repeats: int = 1
    test_size: int = 0
    test_ratio: float = 0.0
    revision: int = 1

    def __post_init__(self) -> None:
        for name, allowed in (
            ("crop", CROPS),
            ("padding_mode", PADDINGS),
            ("interpolation", FILTERS),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, found {getattr(self, name)!r}")
        if self.size < 1 or self.repeats < 1 or min(self.padding, self.before, self.test_size) < 0:
            raise ValueError(
                "size and repeats must be at least 1; padding, before and test_size at least 0; "
                f"found {self}"
            )
        if not 0 < self.scale[0] <= self.scale[1] <= 1 or not 0 < self.ratio[0] <= self.ratio[1]:
            raise ValueError(f"scale lies in (0, 1], found {self.scale}; ratio is {self.ratio}")
        for name in ("flip", "erase", "test_ratio"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in 0..1, found {getattr(self, name)}")
        magnitude(self.randaugment)

    @property
    def batched(self) -> bool:
        """Whether whole batches can be augmented at once; other steps work on single pictures."""
        return not (self.randaugment or self.color_jitter or self.erase)

    @property
    def input_size(self) -> int:
        """Side of the test input."""
        return self.test_size or self.size

    def resized(self, size: int) -> Augment:
        """The same procedure for another training size; sizes in pixels change in proportion."""
        share = size / self.size
        return replace(
            self,
            size=size,
            padding=round(self.padding * share),
            before=round(self.before * share),
            test_size=round(self.test_size * share),
        )


def magnitude(text: str) -> tuple[float, float]:
    """(magnitude, its standard deviation) of 'rand-m<number>-mstd<number>-inc1'; (0, 0) of ''.

    Raises:
        ValueError: for any other text; timm's further options are used by none of the papers.
    """
    found = re.fullmatch(r"rand-m(\d+(?:\.\d+)?)-mstd(\d+(?:\.\d+)?)-inc1", text)
    if text and not found:
        raise ValueError(f"expected 'rand-m<number>-mstd<number>-inc1' or '', found {text!r}")
    return (float(found[1]), float(found[2])) if found else (0.0, 0.0)


_PYTORCH = Augment(224, "resized", test_ratio=0.875)

AUGMENTS: dict[str, Augment] = {
    # AutoMix Table 12, columns PyTorch, DeiT, RSB A2 and RSB A3. Color jitter is off in all of
    # them.
    "imagenet": _PYTORCH,
    "deit": replace(_PYTORCH, randaugment="rand-m9-mstd0.5-inc1", erase=0.25, repeats=3),
    "rsb_a2": replace(_PYTORCH, randaugment="rand-m7-mstd0.5-inc1", repeats=3, test_ratio=0.95),
    "rsb_a3": replace(
        _PYTORCH, size=160, randaugment="rand-m6-mstd0.5-inc1", test_size=224, test_ratio=0.95
    ),
    # AutoMix's released configurations.
    "cifar": Augment(32, "pad", padding=4, padding_mode="reflect"),
    "tiny": Augment(64, "resized"),
    "fine": Augment(224, "resized", scale=(0.5, 1.0), before=256, test_ratio=0.875),
    # For generated images: objects near the middle need no crop.
    "flip": Augment(64),
    "none": Augment(64, flip=0.0),
}
