"""Settings of a calibration measurement (AutoMix, Figure 8)."""

from dataclasses import dataclass

from downstream.errors import InputError


@dataclass(frozen=True)
class CalibrationSettings:
    """Everything that changes the numbers.

    Args:
        bins: equal-width confidence bins of the standard measures (15: Guo et al., ICML 2017).
        held_out: share of the test images that the temperature is fitted on.
        batch: images a forward pass.
        seed: decides which images are held out.

    Raises:
        InputError: a value that cannot be used.

    Example:
        >>> CalibrationSettings().bins
        15
    """

    bins: int = 15
    held_out: float = 0.5
    batch: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        if self.bins < 1 or self.batch < 1:
            raise InputError(
                f"bins and batch must be at least 1, found {self.bins} and {self.batch}"
            )
        if not 0 < self.held_out < 1:
            raise InputError(f"held_out must lie between 0 and 1, found {self.held_out}")
