"""A draw and its blend as one operator, which torch.compile takes as it is.

A draw reads a generator and decides in Python who is mixed with whom, neither of which a traced
graph can hold.  As an operator of its own, ``torch.ops.mixlib.mix``, it is one node of the graph,
so that a whole objective compiles without a break: labels, network and loss around it are traced.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixlib.core.mix import Mix, blend

Drawing = Callable[[Tensor, Tensor], Mix]

_LIBRARY = torch.library.Library("mixlib", "DEF")
# drawn anew each time, never merged with another nor made again for the backward pass
_LIBRARY.define(
    "mix(Tensor x, Tensor y, int key, int sources) -> (Tensor, Tensor, Tensor)",
    tags=(torch.Tag.nondeterministic_seeded,),
)


class UnseenMix(Mix):
    """A mix of which sources and label shares are known: its masks stayed inside the operator."""

    def dense(self, size: tuple[int, int] | None = None) -> Float[Tensor, "n K h w"]:
        raise ValueError(
            "a compiled objective keeps sources and label shares of its mix, no masks: to mix "
            "annotations or other tensors alike, call the objective uncompiled and compile the "
            "network"
        )


class Drawer:
    """What an operator's number stands for.

    Args:
        draw: images and class indices in, a mix out.
        sources: K at most; a mix of fewer is filled up with the sample itself at weight zero.

    Example:
        >>> from mixlib.core.mix import identity
        >>> drawer = Drawer(lambda x, y: identity(len(x)), sources=2)
        >>> images, source, weight = drawer(torch.ones(3, 1, 2, 2), torch.arange(3))
        >>> source.tolist(), weight[0].tolist()
        ([[0, 0], [1, 1], [2, 2]], [1.0, 0.0])
    """

    _known: ClassVar[WeakValueDictionary[int, Drawer]] = WeakValueDictionary()
    _made = 0

    def __init__(self, draw: Drawing, sources: int) -> None:
        self.draw, self.sources = draw, sources
        Drawer._made += 1
        self.key = Drawer._made
        Drawer._known[self.key] = self

    def __deepcopy__(self, memo: dict[int, Any]) -> Drawer:
        # a number of its own: a copy must not draw for the original
        return Drawer(copy.deepcopy(self.draw, memo), self.sources)

    def __reduce__(self) -> tuple[type[Drawer], tuple[Drawing, int]]:
        return Drawer, (self.draw, self.sources)

    def __call__(
        self, x: Float[Tensor, "B C H W"], y: Int[Tensor, " B"]
    ) -> tuple[Float[Tensor, "B C H W"], Int[Tensor, "B K"], Float[Tensor, "B K"]]:
        """The mixed images, their sources and label weights."""
        return torch.ops.mixlib.mix(x, y, self.key, self.sources)


def _mix(x: Tensor, y: Tensor, key: int, sources: int) -> tuple[Tensor, Tensor, Tensor]:
    mix = Drawer._known[key].draw(x, y)
    missing = sources - mix.source.shape[1]
    if missing < 0:
        raise ValueError(f"expected at most {sources} sources, the policy drew {-missing} more")
    own = mix.source[:, :1].expand(-1, missing)
    source = torch.cat([mix.source, own], 1)
    weight = torch.cat([mix.weight.float(), mix.weight.new_zeros(len(own), missing).float()], 1)
    mixed = blend(mix, x)
    # an operator's output is no view of its input
    return mixed.clone() if mixed is x else mixed.contiguous(), source, weight


def _shapes(x: Tensor, y: Tensor, key: int, sources: int) -> tuple[Tensor, Tensor, Tensor]:
    pairs = (len(x), sources)
    return (
        x.new_empty(x.shape),
        x.new_empty(pairs, dtype=torch.int64),
        x.new_empty(pairs, dtype=torch.float32),
    )


_LIBRARY.impl("mix", _mix, "CompositeExplicitAutograd")
torch.library.register_fake("mixlib::mix", _shapes, lib=_LIBRARY)
