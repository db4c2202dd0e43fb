"""Which random numbers belong to which purpose?

Every random draw of this project comes from a `torch.Generator` that is made here from a run's seed
and the *purpose* of the draw (`generator(seed, "augment", epoch, step)`). Two purposes never share
a stream, so adding a
draw in one place cannot move the numbers of another, and a resumed run needs no saved generator
state: it makes the same generators again from the same keys.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def stream(seed: int, *keys: int | str) -> int:
    """The 63-bit integer that names the stream of (seed, keys).

    The keys are written as canonical JSON before hashing, so 1 and "1" differ, and ("ab", "c")
    differs from ("a", "bc"). Negative seeds are allowed; booleans and floats are refused because 1,
    1.0 and True would compare equal and yet hash apart.

    Raises:
        TypeError: if the seed is no int, or a key is neither int nor str.
    """
    for position, key in enumerate((seed, *keys)):
        allowed = (int,) if position == 0 else (int, str)
        if isinstance(key, bool) or not isinstance(key, allowed):
            names = " or ".join(kind.__name__ for kind in allowed)
            raise TypeError(
                f"{'the seed' if position == 0 else f'key {position}'} must be {names}, "
                f"found {key!r} ({type(key).__name__}); convert it before asking for a stream"
            )
    text = json.dumps([seed, *keys], separators=(",", ":"), ensure_ascii=True)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    # 63 bits: manual_seed accepts 64, but a signed 64-bit integer survives JSON, NumPy and every C
    # interface.
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, *keys: int | str, device: str | torch.device = "cpu") -> torch.Generator:
    """A fresh `torch.Generator` on `device` for the stream of (seed, keys); see `stream`.

    CPU and CUDA generators with one seed give different numbers: draw on the CPU wherever results
    have to agree between devices.
    """
    import torch

    return torch.Generator(device=device).manual_seed(stream(seed, *keys))
