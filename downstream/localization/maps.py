"""Gray levels of a class activation map, which the evaluator thresholds.

The order matters and is that of the MaxBoxAccV2 evaluator: resize first, then stretch to 0..1, then
cut to 8 bits. Bicubic resizing overshoots, so stretching first would give another map.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mixlib.data.errors import DataError


def gray_levels(cam: NDArray[np.floating], size: int) -> NDArray[np.uint8]:
    """A map of any size as uint8 [size, size], its largest value 255.

    A map that is constant or holds NaN becomes all zero, as in the reference evaluator;
    :func:`check` refuses such maps where they come from a network.

    Args:
        cam: float [h, w].
        size: side of the result in pixels.
    """
    return (stretch(resize(cam, size)) * 255).astype(np.uint8)


class Maps(Protocol):
    """Maps uint8 [h, w] by number: a list of arrays, or :class:`GrayMaps`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]: ...


@dataclass(frozen=True, eq=False)
class GrayMaps:
    """Maps float [N, h, w] as a sequence of uint8 [size, size]; each is made when it is asked for,
    because thousands of large ones would fill the memory."""

    cams: NDArray[np.floating]
    size: int

    def __len__(self) -> int:
        return len(self.cams)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return gray_levels(self.cams[index], self.size)


def resize(cam: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    """A map float [h, w] at [size, size]: bicubic with a = -0.75 and half-pixel centers."""
    large: NDArray[np.floating] = cv2.resize(  # type: ignore[assignment]  # floats stay floats
        cam, (size, size), interpolation=cv2.INTER_CUBIC
    )
    return large


def stretch(cam: NDArray[np.floating]) -> NDArray[np.floating]:
    """A map with its values moved and scaled to 0..1; zero where it is constant or holds NaN."""
    if np.isnan(cam).any() or cam.min() == cam.max():
        return np.zeros_like(cam)
    raised = cam - cam.min()
    return raised / raised.max()


def check(cams: NDArray[np.floating], names: Sequence[str]) -> None:
    """Refuses maps float [N, h, w] that say nothing about where their image's object is.

    Raises:
        DataError: a map is constant or not finite; names the first such images.
    """
    flat = cams.reshape(len(cams), -1)
    broken = ~np.isfinite(flat).all(1)
    even = ~broken & (flat.min(1) == flat.max(1))
    for wrong, what in ((broken, "NaN or infinity"), (even, "the same value everywhere")):
        if wrong.any():
            first = ", ".join(names[i] for i in np.flatnonzero(wrong)[:3])
            raise DataError(
                f"expected class activation maps that vary over the image, found {what} in "
                f"{int(wrong.sum())} of {len(cams)} maps ({first}): the network has not learned or "
                "has diverged; look at its training before localizing with it"
            )


def center_prior(size: int, sigma: float) -> NDArray[np.float64]:
    """The map of someone who has not seen the image: a Gaussian around the middle, [size, size]."""
    offset = np.arange(size) - (size - 1) / 2
    fall = np.exp(-(offset**2) / (2 * sigma**2))
    return np.outer(fall, fall)
