"""A classifier with named places, *sites*, whose tensors can be read and replaced.

A site is "input" or the dotted path of a submodule; its tensor is that submodule's output.  Works
for torchvision and timm models alike, with no subclass of any backbone.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

Layout = Literal["channels_first", "channels_last", "tokens"]
Edit = Callable[[Tensor], Tensor]


class NoSiteError(KeyError):
    """A site that a network does not have."""


class _Reached(Exception):
    """Raised by :meth:`Net.features` to leave a forward pass once its site is reached."""


class Net(nn.Module):
    """A classifier with named places.

    Args:
        model: any classifier [B, C, H, W] -> logits [B, Y], compiled or not: passes that read or
            replace a tensor on their way run uncompiled, see :func:`uncompiled`.
        sites: names for places, e.g. {"stage3": "layer3"}; plain module paths always work.
        layout: how feature maps lie: "channels_first" [B, C, h, w], "channels_last" [B, h, w, C] or
            "tokens" [B, prefix + h w, C] behind a class token.
        head: path of the last linear layer ("fc", "head.fc"), for methods that put several heads
            on one representation.  None means the nn.Linear that was registered last, which holds
            for the ResNets, ViTs, DeiTs, Swins and ConvNeXts of torchvision and timm; a model with
            two heads of its own (distilled DeiT) must name one.
        layouts: of sites whose tensors lie otherwise.
        prefix: tokens before the patches, where the model does not say it itself (see
            :func:`mixlib.models.attention.token_layout`).

    The model may return logits, an object with ``.logits`` (Hugging Face, torchvision's GoogLeNet),
    a mapping with "logits", or a tuple that begins with them; a site's submodule a tensor, or a
    tuple that begins with it.

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
        layouts: Mapping[str, Layout] | None = None,
        prefix: int | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.sites = dict(sites or {})
        self.head = head
        self.layout: Layout = layout
        self.layouts: dict[str, Layout] = dict(layouts or {})
        self.prefix = prefix

    def layout_of(self, site: str) -> Layout:
        """How the tensor at a site lies."""
        return "channels_first" if site == "input" else self.layouts.get(site, self.layout)

    def forward(
        self, x: Tensor, edit: Mapping[str, Edit] | None = None, tap: Sequence[str] = ()
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Runs the classifier.

        Args:
            x: [B, C, H, W].
            edit: functions that replace the tensor at a site by another of the same shape.
            tap: sites whose tensors (after any edit) are returned; of a dropout, what comes in.

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
            return logits_of(self.model(x)), seen
        with self._hooked(places, edit, tap, seen), uncompiled():
            return logits_of(self.model(x)), seen

    @property
    def body(self) -> nn.Module:
        """The module whose submodules the sites name: the model, or what torch.compile wraps."""
        inner = getattr(self.model, "_orig_mod", None)
        return inner if isinstance(inner, nn.Module) else self.model

    def features(self, x: Tensor, site: str, before: bool = False) -> Tensor:
        """The tensor at a site, without running what lies behind it.

        Args:
            x: [B, C, H, W].
            site: where.
            before: the tensor that enters the site's submodule, not the one that leaves it.
        """
        if site == "input":
            return x
        found: dict[str, Tensor] = {}

        def leave(_module: nn.Module, args: object, output: object = None) -> None:
            found[site] = _tensor_at(site, args if before else output)
            raise _Reached

        place = self.place(site)
        if before:
            handle = place.register_forward_pre_hook(leave)
        else:
            handle = place.register_forward_hook(leave)
        try:
            # forward, not call: a compiled call has no way to be left half-way
            with uncompiled():
                self.body.forward(x)
        except _Reached:
            pass
        finally:
            handle.remove()
        if site not in found:
            raise ValueError(f"the forward pass did not come by {site!r}: nothing was read")
        return found[site]

    def place(self, site: str) -> nn.Module:
        """The submodule of a site.

        Raises:
            NoSiteError: a KeyError; lists the named sites and outer module paths.
        """
        path = self.sites.get(site, site)
        try:
            return self.body.get_submodule(path)
        except AttributeError:
            known = ", ".join(["input", *self.sites])
            inside = ", ".join(_outer_paths(self.body))
            raise NoSiteError(
                f"no site {site!r} in {type(self.body).__name__}; named sites: {known}; module "
                f"paths do as well: {inside}"
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
        twin = graft(self.body, path, head)
        return Net(twin, self.sites, path, self.layout, self.layouts, self.prefix)

    @contextmanager
    def _hooked(
        self,
        places: Sequence[str],
        edit: Mapping[str, Edit],
        tap: Sequence[str],
        seen: dict[str, Tensor],
    ) -> Iterator[None]:
        def hook(site: str) -> Callable[[nn.Module, tuple[Any, ...], object], object]:
            def apply(module: nn.Module, args: tuple[Any, ...], output: object) -> object:
                z = _tensor_at(site, output)
                if site in edit:
                    z = edit[site](z)
                    output = z if isinstance(output, Tensor) else _with_first(output, z)
                if site in tap:
                    # attention is read at its dropout, before that drops any of it
                    drops = isinstance(module, nn.Dropout) and site not in edit
                    seen[site] = args[0] if drops else z
                return output

            return apply

        handles = [self.place(site).register_forward_hook(hook(site)) for site in places]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def logits_of(output: Any) -> Tensor:
    """The logits in what a classifier returned.

    Raises:
        TypeError: there are none.

    Example:
        >>> logits_of((torch.zeros(2, 5), None)).shape
        torch.Size([2, 5])
    """
    if isinstance(output, Tensor):
        return output
    found = getattr(output, "logits", None)
    if found is None and isinstance(output, Mapping):
        found = output.get("logits")
    if found is None and not isinstance(output, Mapping):
        found = first_tensor(output)
    if not isinstance(found, Tensor):
        raise TypeError(
            f"expected logits, or an object with .logits, from the network, got "
            f"{type(output).__name__}: give one that classifies"
        )
    return found


def first_tensor(output: object) -> Tensor | None:
    """A module's tensor: its output, or the first entry of a tuple; None where there is none."""
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    return output if isinstance(output, Tensor) else None


def _tensor_at(site: str, output: object) -> Tensor:
    tensor = first_tensor(output)
    if tensor is None:
        raise TypeError(
            f"site {site!r} gives a {type(output).__name__}, expected a tensor or a tuple that "
            "begins with one: name a submodule inside or behind it"
        )
    return tensor


def _with_first(output: Any, z: Tensor) -> Any:
    """The same tuple with another first entry."""
    if hasattr(output, "_fields"):
        return type(output)(z, *output[1:])
    return type(output)((z, *output[1:]))


def _outer_paths(model: nn.Module, most: int = 12) -> list[str]:
    """Paths of the outer submodules that have parameters."""
    paths = [
        path
        for path, part in model.named_modules()
        if path and path.count(".") < 2 and next(part.parameters(), None) is not None
    ]
    outer = [path for path in paths if "." not in path]
    return (outer if len(outer) >= 4 else paths)[:most]


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
