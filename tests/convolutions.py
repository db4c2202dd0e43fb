"""A watch on the convolutions that end the process on processors with AVX-512."""

from __future__ import annotations

from torch.utils._python_dispatch import TorchDispatchMode

from mixlib.models.strided_pointwise import SAFE_CHANNELS


class Convolutions(TorchDispatchMode):
    """Notes the affected convolutions that reach torch, forward or backward."""

    def __init__(self) -> None:
        super().__init__()
        self.affected: list[str] = []
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func)
        if "convolution" in name:
            self.count += 1
            backward = "backward" in name
            weight = args[2] if backward else args[1]
            stride = args[4] if backward else args[3]
            narrow = weight.shape[1] < SAFE_CHANNELS
            if narrow and tuple(weight.shape[2:]) == (1, 1) and max(stride) > 1:
                self.affected.append(f"{name} {tuple(weight.shape)} stride {stride}")
        return func(*args, **(kwargs or {}))
