"""Boxes that a second source fills: four numbers each, and how they are filled fastest.

A box is four numbers, not a mask: of a batch of 224 px images only the boxes' own pixels are then
touched, and one box for a batch costs nothing to draw.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

TABLE = 64  # cells along an axis up to which all its runs are kept: 1 MB
Window = tuple[int, int, int, int]  # top, left, height, width, inside the grid


@dataclass(frozen=True)
class Boxes:
    """Boxes that a second source fills, on a grid of h x w cells; outside them the sample itself
    stays.

    ``edges`` int64 [n, 4] holds (top, left, height, width), n = 1 for one box per batch.  A box may
    run over the last row or column: it then continues at the first one (the torus of the unbiased
    box law).  Keeping the four numbers instead of a dense mask is what lets
    :func:`mixlib.core.mix.blend` touch only the pixels it must.

    Example:
        >>> boxes = Boxes(torch.tensor([[1, 1, 2, 2]]), (4, 4))
        >>> boxes.share_outside().tolist(), int(boxes.inside().sum())
        ([0.75], 4)
    """

    edges: Int[Tensor, "n 4"]
    size: tuple[int, int]

    def inside(self) -> Bool[Tensor, "n h w"]:
        """True where the second source is."""
        rows, cols = (self._covered(axis) for axis in (0, 1))
        return rows[:, :, None] & cols[:, None, :]

    def weights(self, dtype: torch.dtype) -> Float[Tensor, "n h w"]:
        """:meth:`inside` as numbers, 1 where the second source is.

        A product of two small float tables: on a CPU core a tenth of the time of ``inside()``,
        whose operations on booleans are not vectorized (10 against 110 us for 100 x 32 x 32).
        """
        if len(self.edges) == 1 and self.edges.device.type == "cpu":
            mask = torch.zeros(1, *self.size, dtype=dtype)
            for top, left, height, width in self.windows(self.edges[0].tolist()):
                mask.as_strided(
                    (height, width), (self.size[1], 1), top * self.size[1] + left
                ).fill_(1)
            return mask
        rows, cols = self._runs(dtype)
        return rows[:, :, None] * cols[:, None, :]

    def _runs(self, dtype: torch.dtype) -> tuple[Float[Tensor, "n h"], Float[Tensor, "n w"]]:
        """1 in the rows and in the columns that a box covers."""
        h, w = self.size
        if max(h, w) > TABLE:
            return self._covered(0).to(dtype), self._covered(1).to(dtype)
        start, extent = self.edges[:, :2], self.edges[:, 2:]
        if h == w:
            which = torch.add(extent, start, alpha=h + 1).view(-1)
            rows, cols = _table(h, dtype, start.device)[which].view(-1, 2, h).unbind(1)
            return rows, cols
        which = extent + start * torch.tensor([h + 1, w + 1], device=start.device)
        rows, cols = (
            _table(length, dtype, start.device)[which[:, axis]]
            for axis, length in enumerate(self.size)
        )
        return rows, cols

    def windows(self, edges: list[int]) -> Iterator[Window]:
        """The up to four rectangles inside the grid that make up one box."""
        for top, height in _pieces(edges[0], edges[2], self.size[0]):
            for left, width in _pieces(edges[1], edges[3], self.size[1]):
                yield top, left, height, width

    def _covered(self, axis: int) -> Bool[Tensor, "n length"]:
        length = self.size[axis]
        cells = torch.arange(length, device=self.edges.device)
        start, extent = self.edges[:, axis, None], self.edges[:, axis + 2, None]
        return (cells - start) % length < extent

    def share_outside(self) -> Float[Tensor, " n"]:
        """Share of the grid that the sample itself keeps (float64; exact, boxes have integer
        sides)."""
        cells = self.size[0] * self.size[1]
        if len(self.edges) == 1 and self.edges.device.type == "cpu":
            _, _, height, width = self.edges[0].tolist()
            return torch.tensor([1 - height * width / cells], dtype=torch.float64)
        area = (self.edges[:, 2] * self.edges[:, 3]).double()
        return 1 - area / cells


@lru_cache(maxsize=32)
def _table(length: int, dtype: torch.dtype, device: torch.device) -> Float[Tensor, "runs length"]:
    """Row ``start * (length + 1) + extent``: 1 in the cells of that run on a circle.

    Looking a run up takes 8 us for 100 boxes, comparing cells with its ends 35 (one core).
    """
    with torch.inference_mode(False):
        cells = torch.arange(length, device=device)
        extents = torch.arange(length + 1, device=device)
        past = (cells - cells[:, None]) % length
        return (past[:, None] < extents[:, None]).to(dtype).reshape(-1, length)


def _pieces(start: int, extent: int, length: int) -> Iterator[tuple[int, int]]:
    """A run of ``extent`` cells on a circle, as runs that do not cross its end."""
    extent = min(extent, length)
    first = min(extent, length - start)
    if first:
        yield start, first
    if extent > first:
        yield 0, extent - first


def paste(
    boxes: Boxes, x: Float[Tensor, "B C h w"], partner: Int[Tensor, " B"], shift: int | None
) -> Float[Tensor, "B C h w"]:
    """A copy of ``x`` whose boxes hold the partners' pixels: 2 N bytes and the boxes' own.

    Args:
        boxes: on the CPU, one per sample or one for all.
        partner: int64 [B], on the CPU.
        shift: ``partner[b] == (b + shift) % B``, if known.
    """
    out, batch = x.clone(), len(x)
    edges = boxes.edges.tolist()
    if len(edges) == 1:
        for window in boxes.windows(edges[0]):
            if shift is None:
                there = _window(x, 0, batch, window)
                _window(out, 0, batch, window).copy_(there[partner])
                continue
            rest = batch - shift
            _window(out, 0, rest, window).copy_(_window(x, shift, rest, window))
            if shift:
                _window(out, rest, shift, window).copy_(_window(x, 0, shift, window))
        return out
    for b, (other, box) in enumerate(zip(partner.tolist(), edges, strict=True)):
        for window in boxes.windows(box):
            _window(out, b, 1, window).copy_(_window(x, other, 1, window))
    return out


def _window(x: Tensor, first: int, count: int, window: Window) -> Tensor:
    """x[first : first + count, :, top : top + height, left : left + width] for a third of the time
    of four slices."""
    top, left, height, width = window
    batch, _, row, column = x.stride()
    start = x.storage_offset() + first * batch + top * row + left * column
    return x.as_strided((count, x.shape[1], height, width), x.stride(), start)
