"""Mixed annotations: the maps over the pixels of the images that a mix was made of.

A mix knows for every output sample which samples it shows, where and with which weight
(:class:`mixlib.core.mix.Mix`); what is known of these samples' pixels therefore mixes as they do:

    class maps    t~[b] = sum_k mask[b, k] t[source[b, k]]        (one-hot maps: soft maps)

Boxes and points: :mod:`mixlib.core.annotated_boxes`.
A part that a method moved (ResizeMix, RICAP, PuzzleMix) moves its annotations
(:class:`mixlib.core.mix.Move`); a part that it made up (Cutout's fill) has none.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Integer, Shaped
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.mix import Mix, Move, blend


def blend_maps(mix: Mix, maps: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Maps over the pixels, mixed as the images were; zero where a part was made up.

    Raises:
        ValueError: the method changes pixels in a way that is not known (AugMix).

    Example:
        >>> from mixlib.core.mix import pair
        >>> mix = pair(torch.tensor([1, 0]), None, torch.tensor([0.25]))
        >>> maps = torch.tensor([0.0, 1.0])[:, None, None, None].expand(2, 1, 4, 4)
        >>> blend_maps(mix, maps)[:, 0, 0, 0].tolist()
        [0.75, 0.25]
    """
    if mix.parts is None:
        return blend(mix, maps)
    parts = tuple(None if move is None else move(maps) for move in known_moves(mix))
    return blend(replace(mix, parts=parts), maps)


def known_moves(mix: Mix) -> tuple[Move | None, ...]:
    """Where the pixels of every part of a mix come from.

    Raises:
        ValueError: it is not known.

    Example:
        >>> from mixlib.core.mix import identity
        >>> known_moves(identity(2))
        (None,)
    """
    if mix.parts is None:
        return (None,) * mix.source.shape[1]
    if mix.moves is None:
        raise ValueError(
            "expected a method that says where its pixels come from, found one that changes them "
            "otherwise (AugMix): mix the annotated images by another"
        )
    return mix.moves


def mix_masks(
    mix: Mix,
    target: Shaped[Tensor, "B *rest"],
    classes: int | None = None,
    ignore: int = 255,
) -> Shaped[Tensor, "B *shown"]:
    """Segmentation targets of a mixed batch.

    Args:
        mix: of the images.
        target: class maps, integers [B, H, W]; or maps of shares, floating point [B, C, H, W].
        classes: with class maps: how many classes, for soft maps. None: class maps again, at every
            pixel the class of the source that shows most there.
        ignore: the class of pixels without one. In a soft map these have no share at all, so a
            cross-entropy leaves them out; where a method made pixels up, class maps say it.

    Returns:
        float32 [B, classes, H, W], or integers [B, H, W]; or as floating-point targets.

    Raises:
        ValueError: shapes, or a class that is neither below ``classes`` nor ``ignore``.
        TypeError: floating-point class maps without channels.

    Example:
        >>> from mixlib.core.mix import pair
        >>> own = torch.tensor([[[1.0, 0.0]]]).expand(2, 1, 2)
        >>> mix = pair(torch.tensor([1, 0]), own, torch.tensor([0.5, 0.5]))
        >>> maps = torch.tensor([[[0, 0]], [[1, 1]]])
        >>> mix_masks(mix, maps).tolist(), mix_masks(mix, maps, classes=2)[0].tolist()
        ([[[0, 1]], [[1, 0]]], [[[1.0, 0.0]], [[0.0, 1.0]]])
    """
    if target.is_floating_point():
        if target.ndim != 4:
            raise TypeError(
                f"expected floating-point targets as shares [B, C, H, W], found "
                f"{list(target.shape)}; class maps [B, H, W] are integers: target.long()"
            )
        return blend_maps(mix, target)
    if target.ndim != 3 or len(target) != len(mix.source):
        raise ValueError(
            f"expected class maps [{len(mix.source)}, H, W] for the images of the mix, found "
            f"{list(target.shape)}"
        )
    if classes is None:
        return _hardest(mix, target, ignore)
    return blend_maps(mix, one_hot_maps(target, classes, ignore))


def one_hot_maps(
    target: Integer[Tensor, "B H W"], classes: int, ignore: int = 255
) -> Float[Tensor, "B Y H W"]:
    """Class maps as shares; a pixel of the class ``ignore`` has none.

    Raises:
        ValueError: another class that is not below ``classes``.

    Example:
        >>> one_hot_maps(torch.tensor([[[1, 255]]]), 2).tolist()
        [[[[0.0, 0.0]], [[1.0, 0.0]]]]
    """
    known = target != ignore
    index = torch.where(known, target, 0).long()
    if index.numel() and (int(index.min()) < 0 or int(index.max()) >= classes):
        raise ValueError(
            f"expected classes 0 to {classes - 1}, or {ignore} for none, found "
            f"{int(index.min())} to {int(index.max())}"
        )
    return (F.one_hot(index, classes).movedim(-1, 1) * known[:, None]).float()


def _hardest(mix: Mix, target: Integer[Tensor, "B H W"], ignore: int) -> Integer[Tensor, "B H W"]:
    size = (target.shape[1], target.shape[2])
    mask = mix.dense(size).expand(len(target), -1, *size)
    shown = []
    for k, move in enumerate(known_moves(mix)):
        if move is None:
            shown.append(target[mix.source[:, k]])
            continue
        # one more than the class, so that what nobody moved there is told from class 0
        moved = move((target + 1)[:, None])[:, 0]
        shown.append(torch.where(moved == 0, ignore, moved - 1).to(target.dtype))
    return torch.stack(shown, 1).gather(1, mask.argmax(1, keepdim=True))[:, 0]
