"""Published weights: files in the forms that people share, matched to a network by name and shape.

Opened: a plain state dict, one below "state_dict", "model" or the like, names behind "module.",
"backbone." or another usual prefix, batch norms without ``num_batches_tracked``, and safetensors.
Left out: a classifier of another number of classes.  Everything else is refused with what differs;
nothing is unpickled but tensors.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mixlib.data.errors import DataError, existing, wrong

WRAPPERS = ("state_dict", "model", "model_state_dict", "net", "network", "model_ema", "weights")
PREFIXES = (
    "module.",
    "_orig_mod.",
    "model.",
    "backbone.",
    "net.",
    "network.",
    "encoder.",
    "encoder_q.",
)
SHOWN = 3
"""Names that a refusal lists of each kind."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file by name, without the dictionary that holds them.

    Raises:
        MissingFileError: there is no such file.
        DataError: it is empty, a web page, or holds anything but named tensors.
    """
    with existing(path, "a file of weights").open("rb") as file:
        start = file.read(512)
    if not start:
        raise wrong(path, "a state dict", "an empty file", "download it again")
    if start.lstrip()[:1] == b"<":
        raise wrong(path, "a state dict", "a web page", "download the file itself")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise wrong(
            path,
            "a state dict of tensors",
            "a file that holds other objects, or is damaged",
            "save model.state_dict() alone, or download it again",
        ) from None
    except Exception as error:  # a damaged file can raise nearly anything
        found = f"what cannot be read ({type(error).__name__}: {str(error).splitlines()[:1]})"
        raise wrong(path, "a state dict of tensors", found, "download it again") from error
    return _tensors(content, path)


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    """The named tensors, from below the usual names of wrapping dictionaries."""
    for _ in range(3):
        if not isinstance(content, Mapping):
            break
        tensors = {str(k): v for k, v in content.items() if isinstance(v, Tensor)}
        inner = next((k for k in WRAPPERS if isinstance(content.get(k), Mapping)), None)
        if tensors and inner is None:
            return tensors
        if inner is None:
            found = f"a dictionary of {', '.join(map(str, list(content)[:5])) or 'nothing'}"
            raise wrong(
                path,
                f"tensors, or one of {', '.join(WRAPPERS)}",
                found,
                "name the file of the network's weights",
            )
        content = content[inner]
    raise wrong(path, "a state dict of tensors", type(content).__name__, "save model.state_dict()")


def load_weights(
    model: nn.Module, state: Mapping[str, Tensor], source: str, name: str
) -> tuple[str, ...]:
    """Loads named tensors into a network of their architecture, in place.

    Args:
        model: the network.
        state: tensors by name, perhaps behind a usual prefix.
        source: where they come from, for messages.
        name: the network's name, for messages.

    Returns:
        What was done beside loading: a prefix taken off, a classifier left out; for people.

    Raises:
        DataError: the tensors belong to another network: the first names that are unknown, missing
            or of another shape, with the shapes.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
        >>> state = {f"module.{k}": torch.ones_like(v) for k, v in net.state_dict().items()}
        >>> load_weights(net, state, "w.pth", "two layers")
        ("names without 'module.'",)
    """
    own = model.state_dict()
    notes = []
    prefix = _prefix(state, own)
    if prefix:
        notes.append(f"names without {prefix!r}")
        state = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    head = _head(model)
    other = sorted(k for k in head & state.keys() if state[k].shape != own[k].shape)
    absent = sorted(head - state.keys())
    if other or absent:
        notes.append(f"classifier {', '.join(other or absent)} left out")
    state = {k: v for k, v in state.items() if k not in other}
    _refuse_difference(state, own, head, source, name)
    model.load_state_dict(dict(state), strict=False)
    return tuple(notes)


def _refuse_difference(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor], head: set[str], source: str, name: str
) -> None:
    unknown = [k for k in state if k not in own]
    shapes = [
        f"{k} {list(v.shape)} for {list(own[k].shape)}"
        for k, v in state.items()
        if k in own and own[k].shape != v.shape
    ]
    counts = {k for k in own if k.endswith("num_batches_tracked")}
    missing = sorted(own.keys() - state.keys() - head - counts)
    if not (unknown or shapes or missing):
        return
    kinds = {"unknown": unknown, "of another shape": shapes, "missing": missing}
    told = "; ".join(
        f"{len(found)} {kind} ({', '.join(found[:SHOWN])})"
        for kind, found in kinds.items()
        if found
    )
    raise DataError(
        f"{source}: expected the weights of {name}, found another architecture's: {told}; name the "
        "network that they were trained in"
    )


def _prefix(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """The prefix, of up to two usual ones, without which the most names are known."""
    candidates = ["", *PREFIXES, *(a + b for a in PREFIXES for b in PREFIXES if a != b)]
    best = max(
        candidates,
        key=lambda p: (sum(k.startswith(p) and k.removeprefix(p) in own for k in state), -len(p)),
    )
    return best


def _head(model: nn.Module) -> set[str]:
    """Names of the classifier's tensors: the linear layer that was registered last."""
    linear = [path for path, part in model.named_modules() if isinstance(part, nn.Linear)]
    own = model.state_dict()
    return {k for k in own if linear and k in (f"{linear[-1]}.weight", f"{linear[-1]}.bias")}
