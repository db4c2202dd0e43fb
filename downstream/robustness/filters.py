"""Image filters that several corruptions share, each over a whole batch of images."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Pixels = NDArray[np.uint8]
Values = NDArray[np.floating]

QUANTUM = 257
"""16-bit levels to an 8-bit one: the depth in which ImageMagick filters."""


def to_bytes(values: Values) -> Pixels:
    """Values clipped to [0, 1] as uint8, cut off and not rounded, as the benchmark does."""
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


def gaussian(values: Values, sigma: float) -> Values:
    """Images [N, H, W, C] blurred in the plane: support of 4 sigma, border pixels repeated."""
    return ndimage.gaussian_filter(values, (0, sigma, sigma, 0), mode="nearest", truncate=4.0)


def zoom_into_center(values: Values, factor: float) -> Values:
    """The middle of images [N, H, W, C] enlarged by ``factor``, bilinear, at their own size.

    To the last bit what :func:`scipy.ndimage.zoom` gives for every image alone, which takes ten
    times as long over a batch.
    """
    rows, columns = (_enlarged(side, factor) for side in values.shape[1:3])
    total = np.zeros(values.shape)
    for row, vertical in rows:
        part = values.take(row, 1) * vertical[:, None, None]
        for column, horizontal in columns:
            total += part.take(column, 2) * horizontal[:, None]
    return total.astype(values.dtype)


def _enlarged(side: int, factor: float) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """The two pixels that each pixel of the enlarged side is read from, and their weights."""
    source = math.ceil(side / factor)
    first, large = (side - source) // 2, round(source * factor)
    trim = (large - side) // 2
    place = np.arange(trim, trim + side) * ((source - 1) / (large - 1))
    low = np.floor(place).astype(np.int64)
    weight = 1 - (place - low)
    # a position that rounding pushes behind the last pixel reads zero, as in scipy
    inside = place <= source - 1
    high = np.minimum(low + 1, source - 1)
    return [
        (first + np.minimum(low, source - 1), weight * inside),
        (first + high, (1 - weight) * inside),
    ]


def blur_along(images: Pixels, radius: int, sigma: float, degrees: NDArray[np.floating]) -> Pixels:
    """One-sided motion blur of images uint8 [N, H, W, C], each at its own angle [N].

    Equal to ImageMagick 6.9: 2 radius + 1 taps of a half Gaussian, tap i at the pixel nearest to
    i steps along the angle (halves rounded down), border pixels repeated; the sum is rounded to 16
    bits and then cut off to 8.
    """
    count, height, width, _ = images.shape
    taps = np.arange(2 * radius + 1)
    kernel = np.exp(-(taps**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    angle = np.deg2rad(degrees)[:, None]
    down = np.ceil(taps * np.sin(angle) - 0.5).astype(np.int64)
    right = np.ceil(taps * np.cos(angle) - 0.5).astype(np.int64)
    each = np.arange(count)[:, None, None]
    total = np.zeros(images.shape)
    for tap, weight in enumerate(kernel):
        y = (np.arange(height) + down[:, tap, None]).clip(0, height - 1)
        x = (np.arange(width) + right[:, tap, None]).clip(0, width - 1)
        total += weight * images[each, y[:, :, None], x[:, None, :]]
    return (np.floor(QUANTUM * total + 0.5) // QUANTUM).astype(np.uint8)


def plasma(count: int, side: int, decay: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Fractal clouds [N, side, side] in [0, 1] by midpoint displacement on a torus.

    Each octave fills first the middles of its squares, then those of their edges, with the mean of
    four neighbors plus a uniform displacement. Its amplitude is a square, so it falls by ``decay``
    squared an octave.

    Args:
        side: a power of two.
    """
    field = np.zeros((count, side, side))
    step, roughness = side, 100.0
    while step >= 2:
        half, amplitude = step // 2, roughness**2

        def displaced(neighbors: NDArray[np.float64], limit: float = amplitude) -> Values:
            return neighbors / 4 + rng.uniform(-limit, limit, neighbors.shape)

        corners = field[:, ::step, ::step]
        rows = corners + np.roll(corners, -1, 1)
        middles = displaced(rows + np.roll(rows, -1, 2))
        field[:, half::step, half::step] = middles
        above = corners + np.roll(corners, -1, 2) + middles + np.roll(middles, 1, 1)
        field[:, ::step, half::step] = displaced(above)
        beside = corners + np.roll(corners, -1, 1) + middles + np.roll(middles, 1, 2)
        field[:, half::step, ::step] = displaced(beside)
        step, roughness = half, roughness / decay
    field -= field.min((1, 2), keepdims=True)
    return field / field.max((1, 2), keepdims=True)


def sample(
    images: Values, y: NDArray[np.floating], x: NDArray[np.floating], edge_twice: bool
) -> Values:
    """Images [N, H, W, C] read bilinearly at positions y and x [N, h, w], mirrored at the border.

    Args:
        edge_twice: whether the mirror lies behind the border pixel, so that it is seen twice, or
            on it.
    """
    rows, columns = (
        _neighbors(values, size, edge_twice)
        for values, size in ((y, images.shape[1]), (x, images.shape[2]))
    )
    each = np.arange(len(images))[:, None, None]
    total = np.zeros((*y.shape, images.shape[3]), images.dtype)
    for row, vertical in rows:
        for column, horizontal in columns:
            total += (vertical * horizontal)[..., None] * images[each, row, column]
    return total


def _neighbors(
    values: NDArray[np.floating], size: int, edge_twice: bool
) -> list[tuple[NDArray[np.int64], NDArray[np.floating]]]:
    """The two pixels around each position along one side, and their weights."""
    low = np.floor(values).astype(np.int64)
    share = (values - low).astype(np.float32)
    found = []
    for pixel, weight in ((low, 1 - share), (low + 1, share)):
        if edge_twice:
            pixel = pixel % (2 * size)
            pixel = np.minimum(pixel, 2 * size - 1 - pixel)
        else:
            period = max(2 * (size - 1), 1)
            pixel = np.abs((pixel + size - 1) % period - (size - 1))
        found.append((pixel, weight))
    return found
