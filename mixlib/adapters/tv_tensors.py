"""Mixing of annotated images in torchvision's own types: ``tv_tensors`` in, ``tv_tensors`` out.

A sample is an image and a mapping, as in torchvision's reference scripts for detection and
segmentation: {"boxes": BoundingBoxes, "labels": [n], "masks": Mask}.  What else a mapping holds
(an image's id) becomes the list of its sources' values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from mixlib.core.annotated_boxes import MixedBoxes
from mixlib.core.arguments import checked
from mixlib.mixer import Mixed, Mixer

Sample = tuple[Tensor, Mapping[str, Any]]
BOXES, LABELS, MASK = "boxes", "labels", "masks"


class MixAnnotated:
    """Mixes annotated samples of one size; a ``collate_fn`` once it is given a generator.

    Args:
        mixer: what :func:`mixlib.build` returns.
        rng: the only source of randomness.
        classes: of semantic masks, for soft maps; None: every pixel the class that shows most.
        ignore: the class of pixels without one.
        least: boxes of which no larger share is shown are left out.

    Returns, called with samples, images [B, C, H, W] (``tv_tensors.Image``) and a mapping for each:
    ``boxes`` (``BoundingBoxes`` in their format), ``labels``, ``share``, ``weight``, ``source``,
    and ``masks`` (``Mask`` [H, W], or [classes, H, W] of floats).

    Example:
        >>> import mixlib
        >>> image = tv_tensors.Image(torch.rand(3, 8, 8))
        >>> box = tv_tensors.BoundingBoxes([[0, 0, 8, 8]], format="XYXY", canvas_size=(8, 8))
        >>> samples = [(image, {"boxes": box, "labels": torch.tensor([k])}) for k in (3, 5)]
        >>> mix = MixAnnotated(mixlib.build("mixup"), torch.Generator().manual_seed(0))
        >>> images, targets = mix(samples)
        >>> type(targets[0]["boxes"]).__name__, targets[0]["labels"].tolist()
        ('BoundingBoxes', [3, 5])
    """

    @checked
    def __init__(
        self,
        mixer: Mixer,
        rng: torch.Generator,
        *,
        classes: int | None = None,
        ignore: int = 255,
        least: float = 0.0,
    ) -> None:
        self.mixer, self.rng = mixer, rng
        self.classes, self.ignore, self.least = classes, ignore, least

    def __call__(self, samples: Sequence[Sample]) -> tuple[Tensor, list[dict[str, Any]]]:
        """Mixes samples.

        Raises:
            ValueError: no sample, images of several sizes, or samples of which some have boxes (or
                masks) and some have none.
        """
        sizes = {tuple(image.shape) for image, _ in samples}
        if len(sizes) != 1:
            raise ValueError(
                f"expected images of one size, found {sorted(sizes) or 'none'}: resize or crop them"
            )
        images = torch.stack([image.as_subclass(Tensor) for image, _ in samples])
        notes = [target for _, target in samples]
        # the methods look at pixels; an image with many objects has no class
        mixed = self.mixer(images, torch.zeros(len(samples), dtype=torch.int64), self.rng)
        out: list[dict[str, Any]] = [{} for _ in samples]
        if _all_or_none(notes, BOXES):
            self._boxes(mixed, notes, out)
        if _all_or_none(notes, MASK):
            self._masks(mixed, notes, out)
        for key in {k for note in notes for k in note} - {BOXES, LABELS, MASK}:
            for b, source in enumerate(mixed.mix.source.tolist()):
                out[b][key] = [notes[s].get(key) for s in source]
        return tv_tensors.Image(mixed.images), out

    def _boxes(
        self, mixed: Mixed, notes: Sequence[Mapping[str, Any]], out: list[dict[str, Any]]
    ) -> None:
        style = notes[0][BOXES].format
        corners = [
            F.convert_bounding_box_format(note[BOXES], new_format="XYXY")
            .as_subclass(Tensor)
            .float()
            for note in notes
        ]
        found = mixed.boxes(
            [box.float() for box in corners], [note[LABELS] for note in notes], self.least
        )
        canvas = (mixed.images.shape[-2], mixed.images.shape[-1])
        for each, target in zip(found, out, strict=True):
            target[BOXES] = _in_format(each, style, canvas)
            target[LABELS] = each.labels
            target |= {"share": each.share, "weight": each.weight, "source": each.source}

    def _masks(
        self, mixed: Mixed, notes: Sequence[Mapping[str, Any]], out: list[dict[str, Any]]
    ) -> None:
        maps = [note[MASK].as_subclass(Tensor) for note in notes]
        whole = torch.stack([m.squeeze(0) if m.ndim == 3 and len(m) == 1 else m for m in maps])
        for each, target in zip(mixed.masks(whole, self.classes, self.ignore), out, strict=True):
            target[MASK] = tv_tensors.Mask(each)


def _all_or_none(notes: Sequence[Mapping[str, Any]], key: str) -> bool:
    having = sum(key in note for note in notes)
    if having not in (0, len(notes)):
        raise ValueError(f"expected {key} for all {len(notes)} samples or for none, found {having}")
    return having > 0


def _in_format(
    found: MixedBoxes, style: tv_tensors.BoundingBoxFormat, canvas: tuple[int, int]
) -> tv_tensors.BoundingBoxes:
    corners = tv_tensors.BoundingBoxes(found.boxes, format="XYXY", canvas_size=canvas)  # type: ignore[call-overload]
    return F.convert_bounding_box_format(corners, new_format=style)  # type: ignore[return-value]
