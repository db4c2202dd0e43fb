"""Pickles that are not trusted: the CIFAR archives hold arrays and lists, and nothing else is read."""

from __future__ import annotations

import pickle
from io import BytesIO
from pathlib import Path


class _ArrayUnpickler(pickle.Unpickler):
    """Reads the CIFAR archives' pickles and nothing else: a pickle can otherwise run any code."""

    _allowed = {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")} | {
        (f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")
    }

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in self._allowed:
            raise pickle.UnpicklingError(
                f"a CIFAR file holds arrays and lists only, found {module}.{name}: do not trust it"
            )
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def unpickle(path: Path) -> dict[str, object]:
    """The dictionary in a file.

    Raises:
        pickle.UnpicklingError: it holds anything but arrays, lists and texts.
    """
    return dict(_ArrayUnpickler(BytesIO(path.read_bytes()), encoding="latin1").load())
