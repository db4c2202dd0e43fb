"""A classifier with named places, *sites*, whose tensors can be read and replaced.

A site is "input" or the dotted path of a submodule; its tensor is that submodule's output.  Works
for torchvision and timm models alike, with no subclass of any backbone.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

Layout = Literal["channels_first", "channels_last", "tokens"]
Edit = Callable[[Tensor], Tensor]


class _Reached(Exception):
    """Raised by :meth:`Net.features` to leave a forward pass once its site is reached."""


class Net(nn.Module):
    """A classifier with named places.

    Args:
        model: any classifier [B, C, H, W] -> logits [B, Y], compiled or not: passes that read or
            replace a tensor on their way run uncompiled, see :func:`uncompiled`.
        sites: names for places, e.g. {"stage3": "layer3"}; plain module paths always work.
        layout: how feature maps lie: "channels_first" [B, C, h, w], "channels_last" [B, h, w, C] or
            "tokens" [B, 1 + h w, C] behind one class token.
        head: path of the last linear layer ("fc", "head.fc"), for methods that put several heads
            on one representation.  None means the nn.Linear that was registered last, which holds
            for the ResNets, ViTs, DeiTs, Swins and ConvNeXts of torchvision and timm; a model with
            two heads of its own (distilled DeiT) must name one.

    Example:
        >>> net = Net(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), {"flat": "0"})
        >>> x = torch.ones(3, 1, 2, 2)
        >>> logits, seen = net(x, edit={"flat": torch.zeros_like}, tap=("flat",))
        >>> logits.shape, float(seen["flat"].sum())
        (torch.Size([3, 2]), 0.0)
    """

    def __init__(
        self,
        model: nn.Module,
        sites: Mapping[str, str] | None = None,
        head: str | None = None,
        layout: Layout = "channels_first",
    ) -> None:
        super().__init__()
        self.model = model
        self.sites = dict(sites or {})
        self.head = head
        self.layout: Layout = layout

    def forward(
        self, x: Tensor, edit: Mapping[str, Edit] | None = None, tap: Sequence[str] = ()
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Runs the classifier.

        Args:
            x: [B, C, H, W].
            edit: functions that replace the tensor at a site by another of the same shape.
            tap: sites whose tensors (after any edit) are returned.

        Returns:
            Logits [B, Y], and the tapped tensors by site.
        """
        edit = edit or {}
        seen: dict[str, Tensor] = {}
        if "input" in edit:
            x = edit["input"](x)
        if "input" in tap:
            seen["input"] = x
        places = [site for site in dict.fromkeys((*edit, *tap)) if site != "input"]
        if not places:
            return self.model(x), seen
        with self._hooked(places, edit, tap, seen), uncompiled():
            return self.model(x), seen

    @property
    def body(self) -> nn.Module:
        """The module whose submodules the sites name: the model, or what torch.compile wraps."""
        inner = getattr(self.model, "_orig_mod", None)
        return inner if isinstance(inner, nn.Module) else self.model

    def features(self, x: Tensor, site: str) -> Tensor:
        """The tensor at a site, without running what lies behind it."""
        if site == "input":
            return x
        found: dict[str, Tensor] = {}

        def leave(_module: nn.Module, _args: object, output: Tensor) -> None:
            found[site] = output
            raise _Reached

        handle = self.place(site).register_forward_hook(leave)
        try:
            # forward, not call: a compiled call has no way to be left half-way
            with uncompiled():
                self.body.forward(x)
        except _Reached:
            pass
        finally:
            handle.remove()
        return found[site]

    def place(self, site: str) -> nn.Module:
        """The submodule of a site.

        Raises:
            KeyError: no such site; the message lists the named ones.
        """
        path = self.sites.get(site, site)
        try:
            return self.body.get_submodule(path)
        except AttributeError:
            known = ", ".join(["input", *self.sites]) or "module paths only"
            raise KeyError(
                f"no site {site!r} in {type(self.body).__name__}; named sites: {known}"
            ) from None

    def head_path(self) -> str:
        """Path of the last linear layer.

        Raises:
            ValueError: none was named and the model has no nn.Linear.
        """
        if self.head is not None:
            return self.head
        linear = [path for path, part in self.body.named_modules() if isinstance(part, nn.Linear)]
        if not linear:
            raise ValueError(f"{type(self.body).__name__} has no nn.Linear: name its head")
        return linear[-1]

    def last_linear(self) -> nn.Linear:
        """The layer at :meth:`head_path`.

        Raises:
            TypeError: the named head is no nn.Linear.
        """
        path = self.head_path()
        layer = self.place(path)
        if not isinstance(layer, nn.Linear):
            raise TypeError(f"head {path!r} is a {type(layer).__name__}, expected nn.Linear")
        return layer

    def with_head(self, head: nn.Module) -> Net:
        """The same network ending in another head: every other parameter and buffer is shared.

        With nn.Identity the network returns the representation [B, D] that its head reads.
        """
        path = self.head_path()
        return Net(graft(self.body, path, head), self.sites, path, self.layout)

    @contextmanager
    def _hooked(
        self,
        places: Sequence[str],
        edit: Mapping[str, Edit],
        tap: Sequence[str],
        seen: dict[str, Tensor],
    ) -> Iterator[None]:
        def hook(site: str) -> Callable[[nn.Module, object, Tensor], Tensor]:
            def apply(_module: nn.Module, _args: object, output: Tensor) -> Tensor:
                output = edit[site](output) if site in edit else output
                if site in tap:
                    seen[site] = output
                return output

            return apply

        handles = [self.place(site).register_forward_hook(hook(site)) for site in places]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def graft(model: nn.Module, path: str, part: nn.Module) -> nn.Module:
    """A model that shares everything with ``model`` except the submodule at ``path``.

    ``model`` itself stays as it is; parameters, buffers and hooks of the shared places are the
    same objects.  Of the class of ``model``, so its state_dict has the usual names.
    """
    name, _, rest = path.partition(".")
    twin = copy.copy(model)
    # a compiled call belongs to the module that it was traced from
    twin._compiled_call_impl = None
    twin._modules = dict(model._modules)
    twin._modules[name] = graft(model.get_submodule(name), rest, part) if rest else part
    return twin


@contextmanager
def uncompiled() -> Iterator[None]:
    """Runs whatever torch.compile has compiled as it was written: compiled code does not see hooks
    that are set later (torch's ``skip_nnmodule_hook_guards``), and one that changes from step to
    step would compile anew each time.

    So a network that is read or mixed inside is slower in those passes than in its plain ones, and
    right.  Nothing happens where torch.compile was never used, nor inside a compiled function,
    which traces the hooks that it sets itself.
    """
    if "torch._dynamo" not in sys.modules or torch.compiler.is_compiling():
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


@contextmanager
def inference(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients, then back to the mode that every submodule was in."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
