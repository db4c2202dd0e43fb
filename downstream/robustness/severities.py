"""Severities of the common corruptions of CIFAR-10-C and CIFAR-100-C (Hendrycks and Dietterich,
Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019).

The constants are those for 32-pixel images; ImageNet-C has others. Distortion need not grow with
severity: glass blur, frost and elastic transform are not monotone.
"""

from downstream.errors import InputError

LEVELS = (1, 2, 3, 4, 5)

NOISE_SIGMA = (0.04, 0.06, 0.08, 0.09, 0.10)
SHOT_PHOTONS = (500, 250, 100, 75, 50)
IMPULSE_SHARE = (0.01, 0.02, 0.03, 0.05, 0.07)
SPECKLE_SIGMA = (0.06, 0.1, 0.12, 0.16, 0.2)
DEFOCUS = ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1))
"""Radius of the disk and standard deviation of its smoothing, pixels."""
GLASS = ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2))
"""Standard deviation of the blur, largest shift (both pixels), passes over the image."""
MOTION = ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5))
"""Radius and standard deviation of the one-sided kernel, pixels."""
ZOOM_STOP = (1.06, 1.11, 1.16, 1.21, 1.26)
"""End of the zoom factors, which run from 1 in steps of 0.01."""
BLUR_SIGMA = (0.4, 0.6, 0.7, 0.8, 1.0)
SNOW = (
    (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
    (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
    (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
    (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
    (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
)
"""Mean and deviation of the flakes' noise, zoom, threshold, motion radius and deviation, share of
the image that is not whitened."""
FROST = ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45))
"""Weights of the image and of the texture."""
FOG = ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75))
"""Weight of the fog, decay of its roughness by octave."""
SPATTER = (
    (0.62, 0.1, 0.7, 0.7, 0.5, False),
    (0.65, 0.1, 0.8, 0.7, 0.5, False),
    (0.65, 0.3, 1, 0.69, 0.5, False),
    (0.65, 0.1, 0.7, 0.69, 0.6, True),
    (0.65, 0.1, 0.5, 0.68, 0.6, True),
)
"""Mean and deviation of the liquid's noise, its blur, threshold, opacity (water) or blur (mud),
whether it is mud."""
BRIGHTNESS = (0.05, 0.1, 0.15, 0.2, 0.3)
CONTRAST = (0.75, 0.5, 0.4, 0.3, 0.15)
SATURATE = ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2))
"""Factor and offset of the saturation."""
ELASTIC = (
    (0, 0, 0.08),
    (0.05, 0.2, 0.07),
    (0.08, 0.06, 0.06),
    (0.1, 0.04, 0.05),
    (0.1, 0.03, 0.03),
)
"""Displacement, smoothing and affine shift, as shares of the image's side."""
PIXELATE = (0.95, 0.9, 0.85, 0.75, 0.65)
JPEG_QUALITY = (80, 65, 58, 50, 40)

STANDARD = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
)
"""The 15 corruptions of the benchmark's mean."""
EXTRA = ("speckle_noise", "gaussian_blur", "spatter", "saturate")
"""The four that were published for validation; AutoMix averages over all 19."""
CORRUPTIONS = STANDARD + EXTRA


def check_corruption(name: str, severity: int | None = None) -> None:
    """Refuses an unknown corruption or severity.

    Raises:
        InputError: naming the ones that there are.
    """
    if name not in CORRUPTIONS:
        raise InputError(f"no corruption {name!r}; there are {', '.join(CORRUPTIONS)}")
    if severity is not None and severity not in LEVELS:
        raise InputError(f"expected a severity from 1 to 5, found {severity!r}")
