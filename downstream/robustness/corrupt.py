"""Generator of the 19 common corruptions of CIFAR-10-C and CIFAR-100-C (Hendrycks and Dietterich,
ICLR 2019), five severities each, for any images and without ImageMagick.

Where nothing is drawn, images equal the published generator's; where something is, they follow the
same law with draws of our own, decided by one seed. Frost uses generated textures.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from downstream.errors import InputError
from downstream.robustness import blur, digital, noise, weather
from downstream.robustness.filters import Pixels
from downstream.robustness.severities import CORRUPTIONS, LEVELS, check_corruption
from downstream.robustness.spatter import spatter
from mixlib.seed import derive

Corruption = Callable[[Pixels, int, np.random.Generator], Pixels]
Report = Callable[[int, int], None]

CHUNK = 512
"""Images that share one random generator; bounds the memory."""
SMALLEST = 8
"""Least side of an image in pixels: the elastic transform moves points a third of it apart."""

FUNCTIONS: Mapping[str, Corruption] = {
    "gaussian_noise": noise.gaussian_noise,
    "shot_noise": noise.shot_noise,
    "impulse_noise": noise.impulse_noise,
    "defocus_blur": blur.defocus_blur,
    "glass_blur": blur.glass_blur,
    "motion_blur": blur.motion_blur,
    "zoom_blur": blur.zoom_blur,
    "snow": weather.snow,
    "frost": weather.frost,
    "fog": weather.fog,
    "brightness": digital.brightness,
    "contrast": digital.contrast,
    "elastic_transform": digital.elastic_transform,
    "pixelate": digital.pixelate,
    "jpeg_compression": digital.jpeg_compression,
    "speckle_noise": noise.speckle_noise,
    "gaussian_blur": blur.gaussian_blur,
    "spatter": spatter,
    "saturate": digital.saturate,
}


def corrupt(images: Pixels, name: str, severity: int, seed: int = 0) -> Pixels:
    """Corrupts images uint8 [N, H, W, 3].

    Args:
        name: one of :data:`downstream.robustness.severities.CORRUPTIONS`.
        severity: 1 to 5. The constants are those for 32 pixels, whatever the images' size.
        seed: the same seed gives the same images; images, corruptions and severities are drawn
            independently.

    Raises:
        InputError: an unknown corruption or severity, no image, or another kind of array.

    Example:
        >>> import numpy as np
        >>> gray = np.full((1, 32, 32, 3), 100, np.uint8)
        >>> int(corrupt(gray, "brightness", 5)[0, 0, 0, 0])
        176
    """
    check_corruption(name, severity)
    check_bytes(images)
    parts = []
    for start in range(0, len(images), CHUNK):
        rng = np.random.default_rng(derive(seed, "corrupt", name, severity, start))
        parts.append(FUNCTIONS[name](images[start : start + CHUNK], severity - 1, rng))
    return np.concatenate(parts)


def check_bytes(images: NDArray[np.generic]) -> None:
    """Refuses what is no batch of 8-bit RGB images [N, H, W, 3].

    Raises:
        InputError: another type or shape, no image, or images below 8 pixels.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise InputError(
            f"expected images uint8 [N, H, W, 3], found {images.dtype} of shape "
            f"{list(images.shape)}"
        )
    if not len(images):
        raise InputError("expected at least one image, found an empty test set: check its split")
    if min(images.shape[1:3]) < SMALLEST:
        raise InputError(
            f"expected images of at least {SMALLEST} x {SMALLEST} pixels, found "
            f"{images.shape[1]} x {images.shape[2]}"
        )


def corrupt_all(images: Pixels, seed: int = 0) -> Iterator[tuple[str, int, Pixels]]:
    """Every corruption at every severity: (name, severity, images uint8 [N, H, W, 3]).

    Raises:
        InputError: no image, or another kind of array.
    """
    for name in CORRUPTIONS:
        for severity in LEVELS:
            yield name, severity, corrupt(images, name, severity, seed)


def write_cifar_c(
    images: Pixels,
    labels: NDArray[np.integer],
    folder: Path,
    seed: int = 0,
    report: Report = lambda done, total: None,
) -> None:
    """Writes the published layout: ``<corruption>.npy`` uint8 [5 N, H, W, 3], ``labels.npy`` [5 N].

    Args:
        labels: [N].
        folder: made if it is not there.
        report: called with (arrays done, arrays in all).

    Raises:
        InputError: the numbers of images and labels differ, or as :func:`corrupt`.
    """
    check_bytes(images)
    if len(labels) != len(images):
        raise InputError(f"expected one label an image, found {len(labels)} for {len(images)}")
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(CORRUPTIONS, 1):
        blocks = [corrupt(images, name, severity, seed) for severity in LEVELS]
        np.save(folder / f"{name}.npy", np.concatenate(blocks))
        report(number, len(CORRUPTIONS))
    np.save(folder / "labels.npy", np.tile(labels, len(LEVELS)))
