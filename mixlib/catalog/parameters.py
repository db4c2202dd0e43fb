"""The parameters of a method as its user names them, and the networks among them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from mixlib.core.catalog import nearest
from mixlib.core.method import GIVEN, Method, resolve
from mixlib.core.net import Net
from mixlib.core.policy import Scope
from mixlib.models.wrap import wrap


def of_objective(row: Method) -> list[str]:
    """Parameters that a user of ``mixlib.objective`` may change, ``pipeline`` apart.

    Example:
        >>> from mixlib.catalog.methods import method
        >>> of_objective(method("cutmix"))[0]
        'alpha'
    """
    if row.settings is not None:
        fields = vars(resolve(row.path(row.settings))({}))
        return ["preset", *fields, *row.rule_params]
    names = inspect.signature(resolve(row.path())).parameters
    own = [name for name in names if name not in GIVEN]
    return [*own, *row.rule_params, *(["momentum"] if row.objective == "once" else [])]


def check_names(name: str, params: Iterable[str], known: Iterable[str]) -> None:
    """Refuses parameters that a method has not.

    Raises:
        TypeError: names the nearest one.
    """
    for word in params:
        if word not in known:
            raise TypeError(f"{name}: {nearest('parameter', word, list(known))}")


def scope_word(row: Method, known: Iterable[str], scope: Scope | None) -> Mapping[str, Any]:
    """The method's own word for one lambda a sample or a batch.

    Raises:
        ValueError: the method cannot have one for the batch.
    """
    if scope is None:
        return {}
    for word in ("scope", "mode"):
        if word in known:
            return {word: scope}
    if scope == "sample":
        return {}
    raise ValueError(f"{row.title} draws for every sample, it has no one lambda for the batch")


def looked_into(row: Method, net: nn.Module) -> Net:
    """A network with its sites; a transformer whose attention is read gets that site, too.

    Raises:
        ValueError: the method reads attention and the model has none that could be read.
    """
    return wrap(net, attention="attention" in row.needs)


def with_networks(row: Method, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, each module among them (a teacher) as a network with its sites."""
    return {k: looked_into(row, v) if isinstance(v, nn.Module) else v for k, v in given.items()}
