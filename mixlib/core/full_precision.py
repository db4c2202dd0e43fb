"""Arithmetic in the precision of its tensors, whatever autocast asks for."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def full_precision(kind: str) -> AbstractContextManager[None]:
    """Autocast off for a type of device; nothing where it is off, or where there is none (on the
    meta device, where operations are counted).

    Args:
        kind: ``tensor.device.type``.

    Example:
        >>> with torch.autocast("cpu", torch.bfloat16), full_precision("cpu"):
        ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
        torch.float32
        >>> with full_precision("meta"):
        ...     pass
    """
    return torch.autocast(kind, enabled=False) if under_autocast(kind) else nullcontext()


def under_autocast(kind: str) -> bool:
    """Whether autocast is on for a type of device.

    Example:
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     under_autocast("cpu"), under_autocast("meta")
        (True, False)
    """
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
