"""What a classifier expects and what passes through it, found by asking it and by one blank pass.

No attribute is common to the networks of timm, torchvision and Hugging Face; that the images have
the channels of the first convolution and that a forward pass runs, is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mixlib.core.net import first_tensor, inference, uncompiled

# sides that are tried in turn: not square first, which tells height from width; few networks that
# take any size cannot take these
SIDES = ((64, 96), (64, 64), (224, 224))
BATCH = 2


@dataclass(frozen=True)
class Passed:
    """What a submodule put out during one forward pass.

    Attributes:
        path: of the submodule.
        shape: of its tensor, the batch first.
        calls: how often it ran; what runs several times is no one place.
    """

    path: str
    shape: tuple[int, ...]
    calls: int


def input_channels(model: nn.Module) -> int:
    """Channels of the images: those of the first convolution, 3 where there is none.

    Example:
        >>> input_channels(nn.Sequential(nn.Conv2d(13, 8, 3)))
        13
    """
    convolution = next((part for part in model.modules() if isinstance(part, nn.Conv2d)), None)
    return 3 if convolution is None else convolution.in_channels


def stated_sizes(model: nn.Module) -> Iterator[tuple[int, int]]:
    """Sizes (H, W) that a network says it was built for: timm's ``patch_embed.img_size``,
    torchvision's ``image_size``, Hugging Face's ``config.image_size``."""
    for part in model.modules():
        holders = (getattr(part, "patch_embed", None), part, getattr(part, "config", None))
        for holder, name in zip(holders, ("img_size", "image_size", "image_size"), strict=True):
            size: Any = getattr(holder, name, None)
            if isinstance(size, int):
                yield size, size
            elif isinstance(size, (tuple, list)) and len(size) == 2:
                yield int(size[0]), int(size[1])


def blank(model: nn.Module, size: tuple[int, int]) -> Tensor:
    """Two different noise images of this size, on the model's device and in its precision."""
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(()))
    shape = (BATCH, input_channels(model), *size)
    if like.device.type == "meta":
        return torch.empty(shape, device="meta", dtype=like.dtype)
    rng = torch.Generator().manual_seed(0)
    return torch.randn(shape, generator=rng).to(like.device, like.dtype)


def trace(model: nn.Module) -> tuple[Tensor, list[Passed]]:
    """The images of a blank pass that runs, and what every submodule put out, in order.

    Raises:
        ValueError: no pass runs; says what the network said.

    Example:
        >>> _, passed = trace(nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU()))
        >>> [(one.path, one.shape) for one in passed]
        [('0', (2, 4, 32, 48)), ('1', (2, 4, 32, 48))]
    """
    said: Exception | None = None
    for size in dict.fromkeys((*SIDES[:2], *stated_sizes(model), *SIDES[2:])):
        x = blank(model, size)
        try:
            return x, _passed(model, x)
        except Exception as error:  # whatever a foreign network makes of a size it cannot take
            said = said or error
    channels = input_channels(model)
    raise ValueError(
        f"{type(model).__name__} runs on no blank images of {channels} channels: {said}"
    )


def _passed(model: nn.Module, x: Tensor) -> list[Passed]:
    found: dict[str, Passed] = {}
    handles = []

    def looking(path: str) -> Any:
        def look(_module: nn.Module, _args: object, output: object) -> None:
            tensor = first_tensor(output)
            if tensor is not None:
                before = found.pop(path, None)
                calls = 1 if before is None else before.calls + 1
                found[path] = Passed(path, tuple(tensor.shape), calls)

        return look

    try:
        for path, part in model.named_modules():
            if path:
                handles.append(part.register_forward_hook(looking(path)))
        with inference(model), uncompiled():  # type: ignore[arg-type]
            model.forward(x)
    finally:
        for handle in handles:
            handle.remove()
    return list(found.values())
