"""A CUDA device that is not there: shapes, devices and dtypes of a step, without its numbers.

torch's fake tensors carry a device that need not exist.  Here what is made for the device is fake
and what is made on the CPU is real, so that draws have values, as in training: generators are the
CPU's.  A mismatch of devices raises as it would on a GPU, and so does every read of a device's
value, which on a GPU would be a wait for it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._pytree import tree_leaves, tree_map

aten = torch.ops.aten
OURS = ("mixlib", "downstream", "theory", "pipelines")


class ReadBackError(RuntimeError):
    """A step asks for the value of a tensor on the device, where it would wait for the device."""


class FakeDevice(FakeTensorMode):
    """Inside, tensors on "cuda" are fake, tensors on the CPU real, and ``Module.to`` works.

    Args:
        reads: functions of this project, "module.function", that may ask for values of the device,
            and what they are told; a mask is true everywhere.

    Raises:
        RuntimeError: tensors of two devices meet.
        ReadBackError: the value of a tensor on the device is asked for by any other function.

    Example:
        >>> with FakeDevice():
        ...     x = torch.ones(2, 3, device="cuda")
        ...     drawn = torch.rand(3, generator=torch.Generator().manual_seed(0))
        ...     (x * drawn.to(x.device)).shape, bool(drawn[0] < 1)
        (torch.Size([2, 3]), True)
    """

    def __init__(self, reads: Mapping[str, int] = MappingProxyType({})) -> None:
        super().__init__(allow_non_fake_inputs=True)
        self.reads = reads
        self.used: set[str] = set()

    def __enter__(self) -> FakeDevice:
        self._overwrite = torch.__future__.get_overwrite_module_params_on_conversion()
        # a parameter cannot change from a real tensor to a fake one
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        torch.__future__.set_overwrite_module_params_on_conversion(self._overwrite)

    def __torch_dispatch__(  # type: ignore[override]
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        wanted = kwargs.get("device")
        on_cpu = wanted is None or torch.device(wanted).type == "cpu"
        on_device = any(isinstance(t, FakeTensor) and t.device.type != "cpu" for t in tensors)
        if not any(isinstance(tensor, FakeTensor) for tensor in tensors) and on_cpu:
            return func(*args, **kwargs)
        if on_device:
            if func is aten._local_scalar_dense.default:
                return torch.tensor(self._asked(func), dtype=args[0].dtype).item()
            if func is aten.nonzero.default:
                self._asked(func)
                return _everywhere(args[0])
            if func in (aten.index.Tensor, aten.index_put_.default, aten.index_put.default):
                args = self._without_masks(func, args)
            if str(func) == "torchvision.nms.default":
                # as many boxes as it leaves
                self._asked(func)
                return args[0].new_zeros(len(args[0]), dtype=torch.int64)
            if wanted is not None and on_cpu:
                self._asked(func)
        generator = kwargs.get("generator")
        if generator is not None and not on_cpu and generator.device.type == "cpu":
            raise RuntimeError(f"{func}: expected a generator of {wanted}, found one of the CPU")
        args, kwargs = tree_map(self._fake, (args, kwargs))
        return super().__torch_dispatch__(func, types, args, kwargs)

    def _without_masks(self, func: Any, args: tuple) -> tuple:
        """Indexing by a mask as indexing by its places, which have to be counted; only a number is
        put at all places of one mask without."""
        x, indices, *values = args
        masks = [i for i in indices if i is not None and i.dtype in (torch.bool, torch.uint8)]
        if not masks or (values and values[0].numel() == 1 and len(indices) == len(masks) == 1):
            return args
        self._asked(func)
        places: list[Any] = []
        for index in indices:
            masked = index is not None and index.dtype in (torch.bool, torch.uint8)
            places += list(_everywhere(index).unbind(1)) if masked else [index]
        return (x, places, *values)

    def _asked(self, func: Any) -> int:
        """Answers a read of the device, or refuses it."""
        frame = sys._getframe(1)
        while frame is not None:
            module = frame.f_globals.get("__name__", "")
            ours = module.split(".")[0] in OURS and not module.startswith(__package__ or "-")
            # a comprehension belongs to its function
            if ours and not frame.f_code.co_name.startswith("<"):
                name = f"{module}.{frame.f_code.co_name}"
                break
            frame = frame.f_back  # type: ignore[assignment]
        else:
            name = "outside"
        if name not in self.reads:
            raise ReadBackError(f"{name} waits for the device: {func}")
        self.used.add(name)
        return self.reads[name]

    def _fake(self, value: Any) -> Any:
        """A real tensor as a fake one of its device; anything else as it is."""
        if isinstance(value, Tensor) and not isinstance(value, FakeTensor):
            return self.from_tensor(value)
        return value


def _everywhere(mask: Tensor) -> Tensor:
    """Places [N, ndim] of a mask that is true everywhere."""
    return mask.new_zeros((mask.numel(), mask.ndim), dtype=torch.int64)
