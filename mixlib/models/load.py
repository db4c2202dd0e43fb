"""Weights into a network of the catalog: published ones, or a state dict of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixlib.models.backbones import PUBLISHED, PUBLISHED_BY_TIMM, Backbone

if TYPE_CHECKING:
    from torch import nn


def load_published(model: nn.Module, row: Backbone, weights: str) -> None:
    """Loads published weights into a freshly built network, all but a classifier of another size.

    Args:
        model: built by :func:`build`.
        row: its catalog row.
        weights: path of a file that :mod:`mixlib.models.published` can open, or "torchvision" for
            that library's first ImageNet weights, which the papers used, or "timm" for that one's
            (both are downloaded once to the library's cache).

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file belongs to another network: names the first tensors that differ; or
            the library publishes none.
    """
    from mixlib.models.published import load_weights, read_weights

    if weights == PUBLISHED:
        import torchvision

        if row.torchvision is None:
            raise ValueError(f"torchvision publishes no weights of {row.name}: name a file")
        state = torchvision.models.get_model(row.torchvision, weights="IMAGENET1K_V1").state_dict()
    elif weights == PUBLISHED_BY_TIMM:
        import timm

        if row.timm is None:
            raise ValueError(f"timm's weights of {row.name} have no tag here: name a file")
        state = timm.create_model(row.timm, pretrained=True).state_dict()
    else:
        state = read_weights(Path(weights))
    load_weights(model, state, weights, row.name)


def load(
    model: nn.Module,
    state: Mapping[str, Any],
    source: str,
    row: Backbone,
    spare: Iterable[str] = (),
) -> None:
    """Loads a state dict into a network of its own architecture.

    Args:
        model: built by :func:`build`.
        state: tensors by name.
        source: where they come from, for messages.
        row: the network's catalog row.
        spare: names that may be missing; they keep their values.

    Raises:
        ValueError: the tensors belong to another network: names the first that differ.
    """
    own = model.state_dict()
    wrong = [k for k, v in state.items() if k not in own or own[k].shape != v.shape]
    missing = sorted(own.keys() - state.keys() - set(spare))
    if wrong or missing:
        first = ", ".join((wrong + missing)[:3])
        raise ValueError(
            f"{source}: expected the weights of {row.name}, found another architecture's: {first} "
            "do not match; name the network that they were trained in"
        )
    model.load_state_dict(dict(state), strict=False)
