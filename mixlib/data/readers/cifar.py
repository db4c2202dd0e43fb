"""CIFAR-10 and CIFAR-100: pickles of arrays and lists (Krizhevsky, 2009), which are not trusted."""

from __future__ import annotations

import pickle
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixlib.data.errors import DataError, existing, missing, wrong
from mixlib.data.images import Images

PIXELS = 3 * 32 * 32
REMEDY = "unpack the official archive again"
_NUMPY = ("numpy.core", "numpy._core")
# what arrays, numpy's numbers and Python 2's byte strings are pickled with; nothing else is called
_ALLOWED = {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")} | {
    (f"{core}.{module}", name)
    for core in _NUMPY
    for module, name in (
        ("multiarray", "_reconstruct"),
        ("multiarray", "scalar"),
        ("numeric", "_frombuffer"),
    )
}


def read_cifar(root: Path, split: str) -> Images:
    """CIFAR-10 (data_batch_1..5, test_batch) or CIFAR-100 (train, test); whichever lies in `root`.

    Checksums are not compared, so that extracts in the official layout can be read.

    Raises:
        ValueError: for another split.
        DataError: names the file that is no such pickle, or holds other arrays.
    """
    if split not in ("train", "test"):
        raise ValueError(f"CIFAR has the splits train and test, found {split!r}")
    ten = (root / "batches.meta").exists()
    meta = root / ("batches.meta" if ten else "meta")
    names = _names(meta, "label_names" if ten else "fine_label_names")
    files = [root / ("test_batch" if ten else "test")]
    notes: tuple[str, ...] = ()
    if split == "train":
        files, notes = _training_batches(root) if ten else ([root / "train"], ())
    label = "labels" if ten else "fine_labels"
    batches = [_batch(path, label, len(names)) for path in files]
    rows = np.concatenate([pixels for pixels, _ in batches])
    labels = np.concatenate([numbers for _, numbers in batches])
    pixels = np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    return Images(labels, names, pixels=pixels, notes=notes)


def _training_batches(root: Path) -> tuple[list[Path], tuple[str, ...]]:
    """data_batch_1, data_batch_2, ... without a gap; other files of that beginning are skipped."""
    alike = sorted(root.glob("data_batch_*"))
    numbers = sorted(int(p.name[11:]) for p in alike if re.fullmatch(r"data_batch_\d+", p.name))
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        first = next(n for n in range(1, len(numbers) + 2) if n not in numbers)
        raise missing(root / f"data_batch_{first}", "a batch of CIFAR-10 (1 to 5)")
    skipped = [path.name for path in alike if path.name[11:] not in map(str, numbers)]
    notes = (f"{root}: {len(skipped)} files skipped ({', '.join(skipped)})",) if skipped else ()
    return [root / f"data_batch_{number}" for number in numbers], notes


def _names(path: Path, key: str) -> tuple[str, ...]:
    names = unpickle(path).get(key)
    if not isinstance(names, (list, tuple)) or not all(isinstance(n, (str, bytes)) for n in names):
        raise wrong(path, f"a list of names under {key!r}", type(names).__name__, REMEDY)
    return tuple(name.decode() if isinstance(name, bytes) else name for name in names)


def _batch(path: Path, key: str, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Checked pixels uint8 [N, 3072] and labels int64 [N] of one file."""
    content = unpickle(path)
    pixels = content.get("data")
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2:
        found = f"{pixels.dtype} {list(pixels.shape)}" if isinstance(pixels, np.ndarray) else "none"
        raise wrong(path, f"an array uint8 [N, {PIXELS}] under 'data'", found, REMEDY)
    if pixels.shape[1] != PIXELS:
        raise wrong(path, f"uint8 [N, {PIXELS}]", f"{list(pixels.shape)}", REMEDY)
    labels = np.asarray(content.get(key, ()))
    whole = labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer)
    if not whole or len(labels) != len(pixels):
        found = f"{labels.dtype} {list(labels.shape)}"
        raise wrong(path, f"{len(pixels)} whole numbers under {key!r}", found, REMEDY)
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        found = f"{labels.min()}..{labels.max()}"
        raise wrong(path, f"labels in 0..{classes - 1}", found, REMEDY)
    return pixels, labels.astype(np.int64)


class _ArrayUnpickler(pickle.Unpickler):
    """Reads the CIFAR archives' pickles and nothing else: a pickle can otherwise run any code."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _ALLOWED:
            raise _Untrusted(f"{module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


class _Untrusted(Exception):
    """Something that is neither an array nor a list."""


def unpickle(path: Path) -> dict[str, Any]:
    """The dictionary in a file, its keys as texts.

    Raises:
        MissingFileError: there is no such file.
        DataError: it is no pickle, cut off, or holds anything but arrays, lists, numbers and texts.
    """
    content = existing(path, "a CIFAR pickle").read_bytes()
    try:
        found = _ArrayUnpickler(BytesIO(content), encoding="latin1").load()
    except _Untrusted as error:
        raise wrong(path, "arrays and lists only", str(error), "do not trust this file") from None
    except Exception as error:  # a broken pickle can raise nearly anything
        raise _no_pickle(path, content, error) from error
    if not isinstance(found, dict):
        raise wrong(path, "a dictionary", type(found).__name__, REMEDY)
    return {key.decode() if isinstance(key, bytes) else key: value for key, value in found.items()}


def _no_pickle(path: Path, content: bytes, error: Exception) -> DataError:
    found = (
        f"{len(content)} bytes that begin with {content[:16]!r} ({error})" if content else "nothing"
    )
    return wrong(path, "a pickle of arrays", found, REMEDY)
