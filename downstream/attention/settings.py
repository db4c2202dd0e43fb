"""Settings of an attention measurement (TokenMix, Figure 3)."""

from dataclasses import dataclass

from downstream.errors import InputError


@dataclass(frozen=True)
class AttentionSettings:
    """Everything that changes the numbers.

    Args:
        input: side in pixels of the network's input; whole images are resized to this square, so
            that no box is cut off.
        interpolation: filter of that resize, "bilinear" or "bicubic".
        images: most test images; None: all.
        batch: images a forward pass.
        samples: images kept for pictures, evenly spaced through the test split.

    Raises:
        InputError: a value that cannot be used.

    Example:
        >>> AttentionSettings().input
        224
    """

    input: int = 224
    interpolation: str = "bilinear"
    images: int | None = None
    batch: int = 64
    samples: int = 3

    def __post_init__(self) -> None:
        for name in ("input", "images", "batch", "samples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, found {value}")
