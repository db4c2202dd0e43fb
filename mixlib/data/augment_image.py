"""Augmentation of one image: the path of large datasets and of RandAugment.

The same laws as `mixlib.data.augment_batch`, on single PIL pictures in data-loading processes. One
integer decides everything random about a picture, so neither the number of processes nor their
order changes the result.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageEnhance
from torch import Tensor

from mixlib.data import randaugment
from mixlib.data.augment_batch import draw, shorter_side
from mixlib.data.augmentations import Augment, magnitude

Picture = Image.Image
_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def train_picture(picture: Picture, augment: Augment, seed: int) -> UInt8[Tensor, "size size 3"]:
    """A training input before normalization: crop, flip, RandAugment, color jitter, in this order.

    `erase` acts on normalized tensors: see `erase`.
    """
    rng = torch.Generator().manual_seed(seed)
    resample = _FILTERS[augment.interpolation]
    picture = _shorter(picture, augment.before, resample)
    width, height = picture.size
    draws = draw(augment, 1, height, width, rng)
    top, left, h, w = draws.box[0].tolist()
    if augment.crop == "pad":
        picture = _window(picture, top, left, augment)
    else:
        # Cut first: PIL's resize(box=...) lets pixels outside the box leak in, torchvision's crop
        # does not.
        picture = picture.crop((left, top, left + w, top + h))
        picture = _resize(picture, augment.size, augment.size, resample)
    if draws.flip[0]:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    numbers = np.random.default_rng([seed, 1])
    if augment.randaugment:
        level, spread = magnitude(augment.randaugment)
        picture = randaugment.augment_randomly(picture, level, spread, numbers)
    if augment.color_jitter:
        picture = _jitter(picture, augment.color_jitter, numbers)
    return _tensor(picture)


def test_picture(picture: Picture, augment: Augment) -> UInt8[Tensor, "size size 3"]:
    """A test input before normalization: the center after a resize, or the whole picture."""
    size, resample = augment.input_size, _FILTERS[augment.interpolation]
    if not augment.test_ratio:
        return _tensor(_resize(picture, size, size, resample))
    picture = _shorter(picture, round(size / augment.test_ratio), resample)
    left, top = ((side - size) // 2 for side in picture.size)
    return _tensor(picture.crop((left, top, left + size, top + size)))


def erase(x: Float[Tensor, "C H W"], probability: float, seed: int) -> Float[Tensor, "C H W"]:
    """Random erasing (Zhong et al., AAAI 2020) of a normalized image, filled with Normal(0, 1)
    noise.

    Area share uniform in [0.02, 1/3], aspect ratio log-uniform in [0.3, 1/0.3]; of ten tries the
    first that fits. The input is not changed.
    """
    rng = np.random.default_rng([seed, 2])
    if rng.random() >= probability:
        return x
    channels, height, width = x.shape
    for _ in range(10):
        area = rng.uniform(0.02, 1 / 3) * height * width
        aspect = np.exp(rng.uniform(np.log(0.3), -np.log(0.3)))
        h, w = round(float(np.sqrt(area * aspect))), round(float(np.sqrt(area / aspect)))
        if h < height and w < width:
            top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
            noise = rng.standard_normal((channels, h, w), dtype=np.float32)
            x = x.clone()
            x[:, top : top + h, left : left + w] = torch.from_numpy(noise)
            break
    return x


def _tensor(picture: Picture) -> Tensor:
    return torch.from_numpy(np.array(picture, dtype=np.uint8))


def _resize(picture: Picture, width: int, height: int, resample: Image.Resampling) -> Picture:
    return picture if picture.size == (width, height) else picture.resize((width, height), resample)


def _shorter(picture: Picture, side: int, resample: Image.Resampling) -> Picture:
    if not side:
        return picture
    height, width = shorter_side(picture.height, picture.width, side)
    return _resize(picture, width, height, resample)


def _window(picture: Picture, top: int, left: int, augment: Augment) -> Picture:
    """The window of augment.size pixels whose corner may lie up to `padding` outside."""
    pixels = np.asarray(picture)
    sides = ((augment.padding, augment.padding), (augment.padding, augment.padding), (0, 0))
    mirror = augment.padding_mode == "reflect"
    padded = np.pad(pixels, sides, mode="reflect" if mirror else "constant")
    top, left, size = top + augment.padding, left + augment.padding, augment.size
    return Image.fromarray(padded[top : top + size, left : left + size])


def _jitter(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Brightness, contrast and saturation scaled by factors in [1 - strength, 1 + strength], in
    random order.
    """
    kinds = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    factors = rng.uniform(max(0.0, 1 - strength), 1 + strength, len(kinds))
    for number in rng.permutation(len(kinds)):
        picture = kinds[number](picture).enhance(float(factors[number]))
    return picture
