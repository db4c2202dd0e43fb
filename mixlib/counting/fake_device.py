"""A CUDA device that is not there: shapes, devices and dtypes of a step, without its numbers.

torch's fake tensors carry a device that need not exist.  Here what is made for the device is fake
and what is made on the CPU is real, so that draws have values, as in training: generators are the
CPU's.  A mismatch of devices raises as it would on a GPU, and so does every read of a device's
value, which on a GPU would be a wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("cuda", 0)


class ReadBackError(RuntimeError):
    """A step copies a device's values to the CPU, where it would wait for the device."""


class FakeDevice(FakeTensorMode):
    """Inside, tensors on "cuda" are fake and tensors on the CPU real.

    Args:
        copies: whether copies from the device to the CPU are let pass.

    Raises:
        RuntimeError: tensors of two devices meet.
        ReadBackError, torch's DataDependentOutputException or DynamicOutputShapeException: the
            value of a tensor on the device is asked for.

    Example:
        >>> with FakeDevice():
        ...     x = torch.ones(2, 3, device="cuda")
        ...     drawn = torch.rand(3, generator=torch.Generator().manual_seed(0))
        ...     (x * drawn.to(x.device)).shape, bool(drawn[0] < 1)
        (torch.Size([2, 3]), True)
    """

    def __init__(self, copies: bool = False) -> None:
        super().__init__(allow_non_fake_inputs=True)
        self.copies = copies

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        wanted = kwargs.get("device")
        on_cpu = wanted is None or torch.device(wanted).type == "cpu"
        if not any(isinstance(tensor, FakeTensor) for tensor in tensors) and on_cpu:
            return func(*args, **kwargs)
        if wanted is not None and on_cpu and not self.copies:
            raise ReadBackError(f"{func}: a tensor of the device is copied to the CPU")
        args, kwargs = tree_map(self._fake, (args, kwargs))
        return super().__torch_dispatch__(func, types, args, kwargs)

    def _fake(self, value: Any) -> Any:
        """A real tensor as a fake one of its device; anything else as it is."""
        if isinstance(value, Tensor) and not isinstance(value, FakeTensor):
            return self.from_tensor(value)
        return value


def move(module: torch.nn.Module, device: torch.device = DEVICE) -> torch.nn.Module:
    """Puts a module's parameters and buffers on the device, in place; call it inside.

    ``Module.to`` does the same with real devices; it keeps the parameter objects, which cannot
    change from real to fake.
    """
    moved: dict[int, Any] = {}

    def there(tensor: Any) -> Any:
        if id(tensor) not in moved:
            fake = tensor.detach().to(device)
            if isinstance(tensor, torch.nn.Parameter):
                fake = torch.nn.Parameter(fake, requires_grad=tensor.requires_grad)
            moved[id(tensor)] = fake
        return moved[id(tensor)]

    for part in module.modules():
        for store in (part._parameters, part._buffers):
            for name, tensor in store.items():
                if tensor is not None:
                    store[name] = there(tensor)
    return module


@contextmanager
def reads_allowed(mode: FakeDevice) -> Iterator[None]:
    """Inside, copies from the device to the CPU pass: between steps they may wait."""
    before, mode.copies = mode.copies, True
    try:
        yield
    finally:
        mode.copies = before
