"""RandAugment with explicit random numbers: two random operations on one image.

RandAugment (Cubuk et al., CVPR Workshops 2020) in the variant of Table 12's procedures, timm's
'rand-m<M>-mstd<S>-inc1': two operations out of 15, with replacement, each applied with probability
one half, at a magnitude drawn from Normal(M, S) and cut to [0, 10], where more always means
stronger. timm's own draws from three global generators, which this project never uses; the
operations' strengths are the same and a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

Picture = Image.Image
FULL = 10.0
"""The magnitude at which every operation is at its strongest."""

_GRAY = (124, 116, 104)  # ImageNet's mean color, what timm fills uncovered pixels with


def apply(
    name: str,
    picture: Picture,
    level: float,
    sign: int = 1,
    resample: int = Image.Resampling.BICUBIC,
) -> Picture:
    """Operation `name` at `level` in [0, 10]; `sign` is 1 or -1, where there is a direction."""
    return OPERATIONS[name](picture, level / FULL, sign, Image.Resampling(resample))


def augment_randomly(
    picture: Picture, magnitude: float, spread: float, rng: np.random.Generator
) -> Picture:
    """Two random operations on an RGB picture; the size stays."""
    names = tuple(OPERATIONS)
    for _ in range(2):
        # All draws are made even for a skipped operation, so that each has its place in the stream.
        name = names[int(rng.integers(len(names)))]
        used = rng.random() < 0.5
        level = min(max(magnitude + spread * rng.standard_normal(), 0.0), FULL)
        sign = 1 if rng.random() < 0.5 else -1
        filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
        resample = filters[int(rng.integers(2))]
        if used:
            picture = apply(name, picture, level, sign, resample)
    return picture


def _affine(picture: Picture, resample: int, matrix: tuple[float, ...]) -> Picture:
    return picture.transform(
        picture.size,
        Image.Transform.AFFINE,
        matrix,
        resample=Image.Resampling(resample),
        fillcolor=_GRAY,
    )


def _solarize_add(picture: Picture, share: float) -> Picture:
    added = int(share * 110)
    table = [min(255, tone + added) if tone < 128 else tone for tone in range(256)]
    return picture.point(table * len(picture.getbands()))


def _posterize(picture: Picture, bits: int) -> Picture:
    """The highest `bits` of each tone; no bits leave black, which Pillow's posterize refuses."""
    mask = 0xFF & ~(0xFF >> bits)
    return picture.point([tone & mask for tone in range(256)] * len(picture.getbands()))


def _enhance(kind: type) -> Callable[[Picture, float, int, int], Picture]:
    def operation(picture: Picture, share: float, sign: int, resample: int) -> Picture:
        return kind(picture).enhance(max(0.1, 1 + sign * 0.9 * share))

    return operation


OPERATIONS: dict[str, Callable[[Picture, float, int, int], Picture]] = {
    "AutoContrast": lambda p, share, sign, resample: ImageOps.autocontrast(p),
    "Equalize": lambda p, share, sign, resample: ImageOps.equalize(p),
    "Invert": lambda p, share, sign, resample: ImageOps.invert(p),
    "Rotate": lambda p, share, sign, resample: p.rotate(
        sign * 30 * share, resample=Image.Resampling(resample), fillcolor=_GRAY
    ),
    "PosterizeIncreasing": lambda p, share, sign, resample: _posterize(p, 4 - int(share * 4)),
    "SolarizeIncreasing": lambda p, share, sign, resample: ImageOps.solarize(
        p, 256 - min(256, int(share * 256))
    ),
    "SolarizeAdd": lambda p, share, sign, resample: _solarize_add(p, share),
    "ColorIncreasing": _enhance(ImageEnhance.Color),
    "ContrastIncreasing": _enhance(ImageEnhance.Contrast),
    "BrightnessIncreasing": _enhance(ImageEnhance.Brightness),
    "SharpnessIncreasing": _enhance(ImageEnhance.Sharpness),
    "ShearX": lambda p, share, sign, resample: _affine(
        p, resample, (1.0, sign * 0.3 * share, 0.0, 0.0, 1.0, 0.0)
    ),
    "ShearY": lambda p, share, sign, resample: _affine(
        p, resample, (1.0, 0.0, 0.0, sign * 0.3 * share, 1.0, 0.0)
    ),
    "TranslateXRel": lambda p, share, sign, resample: _affine(
        p, resample, (1.0, 0.0, sign * 0.45 * share * p.size[0], 0.0, 1.0, 0.0)
    ),
    "TranslateYRel": lambda p, share, sign, resample: _affine(
        p, resample, (1.0, 0.0, 0.0, 0.0, 1.0, sign * 0.45 * share * p.size[1])
    ),
}
"""timm's name -> operation(picture, share of the full strength, sign, resample)."""
