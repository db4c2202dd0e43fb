"""Random generators from one integer seed and the purpose of the draw.

Every draw in the project names what it is for: ``generator(seed, "mix", step, rank)``.  A run that
is stopped and resumed, or that a neighbor runs in another order, therefore repeats the same
numbers.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def derive(seed: int, *keys: int | str) -> int:
    """A 63-bit seed for one purpose: the first bytes of BLAKE2b over the seed and its keys.

    Example:
        >>> derive(0, "order", 1) == derive(0, "order", 1) != derive(0, "order", 2)
        True
    """
    text = "/".join(str(key) for key in (seed, *keys))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, *keys: int | str, device: str = "cpu") -> torch.Generator:
    """A fresh generator for one purpose.

    Example:
        >>> import torch
        >>> torch.randperm(4, generator=generator(0, "order", 1)).shape
        torch.Size([4])
    """
    import torch

    return torch.Generator(device=device).manual_seed(derive(seed, *keys))
