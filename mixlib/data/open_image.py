"""Opening of image files: one function for every reader, job and drawing.

Eight-bit RGB, whatever the file holds: 16-bit gray values lose their low byte (and are not cut to
white), floating-point values from 0 to 1 are stretched to 0..255, palettes, gray, CMYK and alpha
are converted as Pillow does.  Every failure names the file.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from mixlib.data.errors import DataError, missing, wrong

READ = "8-bit gray, RGB, palette or CMYK, 16-bit gray, or floating-point gray in 0..1"
# what Pillow's decoders raise on broken files, decompression bombs included
_BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, OverflowError),
    *(AttributeError, MemoryError, struct.error, zlib.error, Image.DecompressionBombError),
)


def open_image(path: Path, upright: bool = False) -> Image.Image:
    """The image in a file, decoded, as 8-bit RGB.

    Args:
        path: the file.
        upright: turned by its EXIF tag, as Detectron2 does; otherwise the stored pixels, as
            torchvision's and timm's classification datasets read them.

    Raises:
        MissingFileError: there is no such file.
        DataError: it is empty, cut off, no image, too large to be one, or of a pixel format whose
            range is not known.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "x.png"
        >>> Image.fromarray(np.array([[0, 256, 65535]], np.uint16)).save(path)
        >>> np.asarray(open_image(path))[0, :, 0].tolist()
        [0, 1, 255]
    """
    try:
        with Image.open(path) as file:
            stored = ImageOps.exif_transpose(file) if upright else file
            return _eight_bit(stored, path).convert("RGB")
    except DataError:
        raise
    except FileNotFoundError:
        raise missing(path, "an image") from None
    except _BROKEN as error:
        raise _unreadable(path, error) from error


def image_size(path: Path, upright: bool = False) -> tuple[int, int]:
    """(width, height) from a file's header, in pixels; errors as :func:`open_image`."""
    try:
        with Image.open(path) as file:
            turned = upright and file.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            return (file.height, file.width) if turned else file.size
    except FileNotFoundError:
        raise missing(path, "an image") from None
    except _BROKEN as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: BaseException) -> DataError:
    empty = path.is_file() and not path.stat().st_size
    found = (
        "an empty file" if empty else f"what Pillow refuses ({str(error).replace(str(path), '')})"
    )
    return wrong(path, "a readable image", found, "fetch it again, or leave it out")


def _eight_bit(image: Image.Image, path: Path) -> Image.Image:
    """The image with values 0 to 255, where its mode has a wider range."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray((values >> 8).clip(0, 255).astype(np.uint8))
    if image.mode == "F":
        numbers = np.asarray(image)
        if not (np.isfinite(numbers).all() and numbers.min() >= 0 and numbers.max() <= 1):
            found = f"floating-point values in {numbers.min():g}..{numbers.max():g}"
            raise wrong(path, READ, found, "store it with 8 or 16 bits")
        return Image.fromarray(np.round(255 * numbers).astype(np.uint8))
    if image.mode in ("I", "F;32", "F;32F"):
        raise wrong(path, READ, "32-bit integers", "store it with 8 or 16 bits")
    return image
