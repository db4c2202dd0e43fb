"""Activations: bytes that a recorded graph keeps for its backward pass, at their most."""

from __future__ import annotations

import weakref
from collections.abc import Iterable

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks


class _Kept:
    """A saved tensor; it goes when its graph goes."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor.detach()  # an output that held its own graph would never go


class Activations(saved_tensors_hooks):
    """Inside, counts the bytes of saved tensors; each storage once, parameters not.

    Args:
        without: tensors that are there anyway.

    Example:
        >>> import torch
        >>> x = torch.ones(10, requires_grad=True)
        >>> with Activations([x]) as kept:
        ...     y = x.exp().exp()
        >>> kept.peak
        80
    """

    def __init__(self, without: Iterable[Tensor] = ()) -> None:
        self.peak = self._now = 0
        self._uses: dict[int, int] = {}
        self._without = {_storage(tensor) for tensor in without}
        super().__init__(self._keep, lambda kept: kept.tensor)

    def __enter__(self) -> Activations:  # type: ignore[override]
        super().__enter__()
        return self

    def _keep(self, tensor: Tensor) -> _Kept:
        kept, key = _Kept(tensor), _storage(tensor)
        if key not in self._without:
            size = tensor.untyped_storage().nbytes()
            if not self._uses.get(key):
                self._now += size
                self.peak = max(self.peak, self._now)
            self._uses[key] = self._uses.get(key, 0) + 1
            weakref.finalize(kept, self._let_go, key, size).atexit = False
        return kept

    def _let_go(self, key: int, size: int) -> None:
        self._uses[key] -= 1
        if not self._uses[key]:
            self._now -= size


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
