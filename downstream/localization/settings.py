"""Settings of a localization measurement.

Defaults are those of the evaluator published with MaxBoxAccV2 (Choe et al., Evaluating weakly
supervised object localization methods right, CVPR 2020, arXiv:2001.07437), which AutoMix follows
for Table 8.
"""

from dataclasses import dataclass

FILTERS = ("bilinear", "bicubic")
VALIDATION = ("val", "train")


@dataclass(frozen=True)
class LocalizeSettings:
    """Everything that changes the numbers.

    Args:
        input: side in pixels of the network's input; whole images are resized to this square.
        interpolation: filter of that resize, "bilinear" or "bicubic".
        grid: side in pixels of the square on which boxes are compared.
        thresholds: number of equal steps that the maps' range is cut into.
        site: where the last feature map lies, a site of the backbone's catalog row.
        center_sigma: standard deviation in grid pixels of the center prior.
        batch: images a forward pass.
        samples: images kept for pictures, evenly spaced through the test split.
        validation: split whose boxes choose the threshold that is applied to the test split:
            "val", the evaluator's own (CUBV2: new images, in the WSOL metadata), or "train" where
            only CUB-200-2011 itself is there.

    Raises:
        ValueError: a value that cannot be used.
    """

    input: int = 224
    interpolation: str = "bilinear"
    grid: int = 224
    thresholds: int = 1000
    site: str = "last"
    center_sigma: float = 60.0
    batch: int = 64
    samples: int = 4
    validation: str = "val"

    def __post_init__(self) -> None:
        if self.interpolation not in FILTERS:
            raise ValueError(
                f"interpolation must be one of {', '.join(FILTERS)}, found {self.interpolation!r}"
            )
        if self.validation not in VALIDATION:
            raise ValueError(
                f"validation must be one of {', '.join(VALIDATION)}, found {self.validation!r}"
            )
        for name in ("input", "grid", "thresholds", "batch", "samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, found {getattr(self, name)}")
        if self.center_sigma <= 0:
            raise ValueError(f"center_sigma must be positive, found {self.center_sigma}")
