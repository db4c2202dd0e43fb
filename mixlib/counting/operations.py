"""Operations of whatever runs inside: convolutions and matrix products, by torch's own formulas.

Its ``FlopCounterMode`` also hooks modules, which forbids the input gradients of PuzzleMix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Operations(TorchDispatchMode):
    """Counts operations, an addition and a multiplication as two.

    Example:
        >>> import torch
        >>> with Operations() as counter:
        ...     _ = torch.ones(2, 3) @ torch.ones(3, 5)
        >>> counter.total
        60
    """

    total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **(kwargs or {}), out_val=out)
        return out


def operations(step: Callable[[], Any]) -> int:
    """Operations of one call."""
    with Operations() as counter:
        step()
    return counter.total
