"""Mixing in a DataLoader, or where torchvision's ``v2.MixUp`` and ``v2.CutMix`` stand.

The same call: ``(images, labels) -> (mixed images, soft labels [B, classes])``.  Given a list of
samples instead, it collates them first, so the object itself serves as ``collate_fn``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.utils.data import default_collate, get_worker_info

from mixlib.core.arguments import checked
from mixlib.core.batch import paths_of, replaced, taken
from mixlib.mixer import Mixer
from mixlib.seed import generator


class MixCollate:
    """Mixes whole batches and returns soft labels.

    Args:
        mixer: what :func:`mixlib.build` returns.
        num_classes: length of a soft label; None if the labels are soft already.
        seed: of the draws.  Every worker process draws from a generator of its own, derived from
            this seed and the worker's (``torch.utils.data.get_worker_info().seed``, which changes
            with the epoch): give the DataLoader a ``generator`` and all draws repeat.
        smoothing: label smoothing before mixing.
        collate: turns a list of samples into a batch.
        keys: where images and labels lie in batches that are mappings or nested, as dotted paths;
            None looks for the usual names, see :func:`mixlib.core.batch.paths_of`.

    Whatever else a batch holds is passed through.

    Example:
        >>> import mixlib
        >>> collate = MixCollate(mixlib.build("cutmix"), num_classes=5)
        >>> images, targets = collate([(torch.ones(3, 8, 8), 0), (torch.zeros(3, 8, 8), 4)])
        >>> images.shape, targets.shape
        (torch.Size([2, 3, 8, 8]), torch.Size([2, 5]))
    """

    @checked
    def __init__(
        self,
        mixer: Mixer,
        *,
        num_classes: int | None = None,
        seed: int = 0,
        smoothing: float = 0.0,
        collate: Callable[[list[Any]], Any] = default_collate,
        keys: tuple[str, str] | None = None,
    ) -> None:
        self.mixer = mixer
        self.num_classes = num_classes
        self.seed = seed
        self.smoothing = smoothing
        self.collate = collate
        self.keys = keys
        self._drawing: tuple[int | None, torch.Generator] | None = None

    def __call__(self, *batch: Any) -> Any:
        """A list of samples, ``(images, labels)`` as one argument or as two, or a mapping: a tuple,
        or the mapping, with mixed images and soft labels in their places.

        Raises:
            TypeError: no images or no labels were found.
            KeyError: ``keys`` lead nowhere.
            ValueError: no sample, labels are class indices and ``num_classes`` is not known, or
                what :func:`mixlib.mixer.check_batch` refuses.
        """
        parts = batch if len(batch) > 1 else batch[0]
        if isinstance(parts, list) and not parts:
            raise ValueError("expected at least one sample, got an empty list: leave it out")
        if isinstance(parts, list) and not isinstance(parts[0], Tensor):
            parts = self.collate(parts)
        if not isinstance(parts, Mapping) and (not isinstance(parts, Sequence) or len(parts) < 2):
            raise TypeError(
                f"expected (images, labels, ...) as tensors, got {type(parts).__name__}: pass the "
                "two, e.g. (batch['image'], batch['label'])"
            )
        parts = tuple(parts) if isinstance(parts, list) else parts
        at_images, at_labels = paths_of(parts, self.keys)
        images, labels = self._mix(taken(parts, at_images), taken(parts, at_labels))
        return replaced(replaced(parts, at_images, images), at_labels, labels)

    def _mix(
        self, images: Float[Tensor, "B C H W"], labels: Shaped[Tensor, "B *Y"]
    ) -> tuple[Tensor, Tensor]:
        mixed = self.mixer(images, labels, self.rng())
        return mixed.images, mixed.targets(self.num_classes, self.smoothing)

    def rng(self) -> torch.Generator:
        """The generator of this process."""
        worker = get_worker_info()
        key = None if worker is None else worker.seed
        if self._drawing is None or self._drawing[0] != key:
            self._drawing = (key, generator(self.seed, "collate", "main" if key is None else key))
        return self._drawing[1]

    def __getstate__(self) -> dict[str, Any]:
        # a worker starts its own generator; torch's cannot be sent to another process anyway
        return {**self.__dict__, "_drawing": None}
