"""Mixed boxes and keypoints: those of every sample that a mixed image shows.

A box is cut to what is shown of it, and says which share of its area in its own image that is, and
that share with every pixel weighed by the mask: its label weight.  A part that a method moved
(ResizeMix, RICAP, PuzzleMix) moves its boxes; a part that it made up (Cutout's fill) has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from mixlib.core.annotations import known_moves
from mixlib.core.mix import Mix

# boxes whose pixels are looked at together: 32 maps of 640 x 640 are 50 MB
CHUNK = 32


@dataclass(frozen=True)
class MixedBoxes:
    """The boxes that one mixed image shows.

    Attributes:
        boxes: float [n, 4], (x1, y1, x2, y2) in pixels, cut to what is shown.
        labels: [n], the label of every box, as it was given.
        share: float [n], the share of the box's area in its own image that is shown.
        weight: float [n], the same with every pixel weighed by the mask: the label weight.
        source: int64 [n], the input sample that it comes from.

    Example:
        >>> boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
        >>> one = MixedBoxes(boxes, torch.tensor([7]), torch.ones(1), torch.ones(1), torch.zeros(1))
        >>> len(one.boxes)
        1
    """

    boxes: Float[Tensor, "n 4"]
    labels: Shaped[Tensor, " n"]
    share: Float[Tensor, " n"]
    weight: Float[Tensor, " n"]
    source: Shaped[Tensor, " n"]


def mix_boxes(
    mix: Mix,
    size: tuple[int, int],
    boxes: Sequence[Float[Tensor, "_ corners"]],
    labels: Sequence[Shaped[Tensor, " _"]],
    least: float = 0.0,
) -> list[MixedBoxes]:
    """Boxes of a mixed batch.

    Args:
        mix: of the images.
        size: (H, W) of the images.
        boxes: for every input image its boxes, (x1, y1, x2, y2) in pixels.
        labels: for every input image the label of each of its boxes.
        least: boxes of which no larger share is shown are left out.

    Returns:
        For every mixed image the boxes of all its sources.

    Raises:
        ValueError: not one entry an image, boxes and labels that differ in number, or corners out
            of order.

    Example:
        >>> from mixlib.core.mix import Boxes, pair
        >>> inside = Boxes(torch.tensor([[0, 0, 4, 2]]), (4, 4))  # the partner's left half
        >>> mix = pair(torch.tensor([1, 0]), inside, inside.share_outside())
        >>> whole = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])] * 2
        >>> one, _ = mix_boxes(mix, (4, 4), whole, [torch.tensor([5]), torch.tensor([6])])
        >>> one.boxes.tolist(), one.labels.tolist(), one.share.tolist()
        ([[2.0, 0.0, 4.0, 4.0], [0.0, 0.0, 2.0, 4.0]], [5, 6], [0.5, 0.5])
    """
    counts = _check_boxes(mix, boxes, labels)
    device = mix.source.device
    every = torch.cat([b.reshape(-1, 4) for b in boxes]).to(device, torch.float32)
    words = torch.cat([word.reshape(-1) for word in labels]).to(device)
    output, part, which = _each_source(mix, counts.to(device))
    mask = mix.dense(size).float()
    origins = _origins(mix, size)
    shown = [
        _shown(
            mask, origins, output[i : i + CHUNK], part[i : i + CHUNK], every[which[i : i + CHUNK]]
        )
        for i in range(0, len(which), CHUNK)
    ]
    cut, share, weight = (
        (torch.cat(list(each)) for each in zip(*shown, strict=True))
        if shown
        else (every, every[:, 0], every[:, 0])
    )
    kept = share > least
    per_output = torch.bincount(output[kept], minlength=len(mix.source)).tolist()
    source = mix.source[output, part]
    columns = [t[kept].split(per_output) for t in (cut, words[which], share, weight, source)]
    return [MixedBoxes(*row) for row in zip(*columns, strict=True)]


def _check_boxes(mix: Mix, boxes: Sequence[Tensor], labels: Sequence[Tensor]) -> Int[Tensor, " B"]:
    batch = len(mix.source)
    if len(boxes) != batch or len(labels) != batch:
        raise ValueError(
            f"expected boxes and labels of {batch} images, found {len(boxes)} and {len(labels)}"
        )
    for i, (own, word) in enumerate(zip(boxes, labels, strict=True)):
        if own.ndim > 1 and own.shape[-1] != 4:
            raise ValueError(
                f"image {i}: expected boxes [n, 4] (x1, y1, x2, y2), found {tuple(own.shape)}"
            )
        if own.numel() != 4 * word.numel():
            raise ValueError(
                f"image {i}: expected a label for each of {own.numel() // 4} boxes, found "
                f"{word.numel()}"
            )
        corners = own.reshape(-1, 4)
        if not bool((corners[:, 2:] > corners[:, :2]).all()):
            raise ValueError(f"image {i}: expected boxes (x1, y1, x2, y2) with x1 < x2 and y1 < y2")
    return torch.tensor([word.numel() for word in labels])


def _each_source(mix: Mix, counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For every box of every source of every output: the output, the part, the box's index among
    all, in this order."""
    batch, parts = mix.source.shape
    device = mix.source.device
    slots = torch.arange(batch * parts, device=device)
    sample = mix.source.flatten()
    if mix.parts is not None:
        # a part that was made up shows none
        made_up = torch.tensor(
            [m is not None and m.made_up for m in known_moves(mix)], device=device
        )
    else:
        made_up = torch.zeros(parts, dtype=torch.bool, device=device)
    n = counts[sample] * ~made_up.repeat(batch)
    slot = slots.repeat_interleave(n)
    first = counts.cumsum(0) - counts
    within = torch.arange(len(slot), device=device) - (n.cumsum(0) - n)[slot]
    return slot // parts, slot % parts, first[sample[slot]] + within


def _origins(mix: Mix, size: tuple[int, int]) -> list[tuple[Tensor, Tensor] | None]:
    """For every part that was moved: the pixel of its source that each pixel shows, int64
    [B, H, W], and output pixels for each of the source's, float [B]."""
    batch = len(mix.source)
    pixel = torch.arange(size[0] * size[1], device=mix.source.device).view(1, 1, *size)
    found: list[tuple[Tensor, Tensor] | None] = []
    for move in known_moves(mix):
        if move is None or move.made_up:
            found.append(None)
            continue
        index = move(pixel.expand(batch, 1, -1, -1))[:, 0]
        found.append((index, move.scale(size).to(index.device).expand(batch)))
    return found


def _shown(
    mask: Float[Tensor, "n K H W"],
    origins: Sequence[tuple[Tensor, Tensor] | None],
    output: Int[Tensor, " m"],
    part: Int[Tensor, " m"],
    box: Float[Tensor, "m 4"],
) -> tuple[Float[Tensor, "m 4"], Float[Tensor, " m"], Float[Tensor, " m"]]:
    """Cut boxes, shown shares and label weights of some boxes of some parts of some outputs."""
    size = _size(mask, origins, box)
    weights = mask[output if len(mask) > 1 else torch.zeros_like(output), part]
    across, down = (_coverage(box[:, a], box[:, a + 2], size[1 - a]) for a in (0, 1))
    cover = down[:, :, None] * across[:, None, :]
    scale = torch.ones_like(box[:, 0])
    moved = torch.zeros_like(part, dtype=torch.bool)
    for k, origin in enumerate(origins):
        if origin is None:
            continue
        here = part == k
        index = origin[0][output[here]].flatten(1)
        cover[here] = cover[here].flatten(1).gather(1, index).view(-1, *size)
        scale[here] = origin[1][output[here]].to(scale)
        moved |= here
    area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) * scale
    visible = (cover > 0) & (weights > 0)
    share = (cover * (weights > 0)).sum((1, 2)) / area
    weight = (cover * weights).sum((1, 2)) / area
    around = _bounds(visible)
    inside = torch.cat(
        [torch.maximum(around[:, :2], box[:, :2]), torch.minimum(around[:, 2:], box[:, 2:])], 1
    )
    cut = torch.where(moved[:, None], around, inside)
    return cut, share.clamp(max=1), weight.clamp(max=1)


def _size(
    mask: Tensor, origins: Sequence[tuple[Tensor, Tensor] | None], box: Tensor
) -> tuple[int, int]:
    """Pixels that have to be looked at: all of a mask with a shape; a mask without one shows a box
    whole."""
    if mask.shape[2:] != (1, 1):
        return mask.shape[2], mask.shape[3]
    moved = next((origin for origin in origins if origin is not None), None)
    if moved is not None:
        return moved[0].shape[1], moved[0].shape[2]
    return int(box[:, 3].max().ceil()), int(box[:, 2].max().ceil())


def _coverage(
    low: Float[Tensor, " m"], high: Float[Tensor, " m"], length: int
) -> Float[Tensor, "m L"]:
    """The share of every pixel of an axis that lies between two coordinates."""
    cell = torch.arange(length, device=low.device)
    return (torch.minimum(high[:, None], cell + 1) - torch.maximum(low[:, None], cell)).clamp(0, 1)


def _bounds(visible: Tensor) -> Float[Tensor, "m 4"]:
    """(x1, y1, x2, y2) around the true pixels; zeros where there are none."""
    sides = []
    for axis in (2, 1):  # columns are left by a reduction over rows
        line = visible.any(3 - axis)
        length = line.shape[1]
        place = torch.arange(length, device=line.device)
        sides.append(torch.where(line, place, length).amin(1))
        sides.append(torch.where(line, place + 1, 0).amax(1))
    x1, x2, y1, y2 = sides
    found = torch.stack([x1, y1, x2, y2], 1).float()
    return torch.where(visible.flatten(1).any(1)[:, None], found, 0)


def mix_points(
    mix: Mix, size: tuple[int, int], points: Sequence[Float[Tensor, "_ 2"]]
) -> list[tuple[Float[Tensor, "_ 2"], Float[Tensor, " _"], Int[Tensor, " _"]]]:
    """Keypoints of a mixed batch: for every mixed image the points of all its sources (x, y), the
    weight of the mask where each lies, and the sample that it comes from.

    Args:
        mix: of the images.
        size: (H, W) of the images; points outside weigh nothing.
        points: for every input image its points, in pixels.

    Raises:
        ValueError: not one entry an image; or a method that moves pixels, whose points would fall
            between these: mix their masks instead.

    Example:
        >>> from mixlib.core.mix import pair
        >>> mix = pair(torch.tensor([1, 0]), None, torch.tensor([0.25]))
        >>> xy = [torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 0.0]])]
        >>> place, weight, source = mix_points(mix, (4, 4), xy)[0]
        >>> place.tolist(), weight.tolist(), source.tolist()
        ([[1.0, 2.0], [3.0, 0.0]], [0.25, 0.75], [0, 1])
    """
    if any(move is not None and not move.made_up for move in known_moves(mix)):
        raise ValueError(
            "expected a method that leaves pixels in place, found one that moves them: mix "
            "masks of the points instead"
        )
    if len(points) != len(mix.source):
        raise ValueError(f"expected points of {len(mix.source)} images, found {len(points)}")
    device = mix.source.device
    counts = torch.tensor([len(each) for each in points], device=device)
    every = torch.cat([each.reshape(-1, 2) for each in points]).to(device, torch.float32)
    output, part, which = _each_source(mix, counts)
    xy = every[which]
    limit = torch.tensor([size[1], size[0]], device=device)
    there = ((xy >= 0) & (xy < limit)).all(1)
    mask = mix.dense(size).float().expand(len(mix.source), -1, *size)
    column, row = torch.minimum(xy.clamp(min=0), limit - 1).long().unbind(1)
    weight = mask[output, part, row, column] * there
    split = torch.bincount(output, minlength=len(mix.source)).tolist()
    columns = [t.split(split) for t in (xy, weight, mix.source[output, part])]
    return list(zip(*columns, strict=True))
