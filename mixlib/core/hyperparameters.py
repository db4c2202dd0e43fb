"""Hyper-parameters of mixing methods by family of datasets, as in the AutoMix paper's appendix A.1.

"Hand-crafted methods use dataset-specific hyper-parameter settings": alphas per family, with values
of their own for ResNet-18 on some ("<family>/small").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from mixlib.core.catalog import nearest
from mixlib.core.method import Params

Spec = TypeVar("Spec")

CIFAR = {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2023, 0.1994, 0.2010)}
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
# families of large images
LARGE = ("imagenet", "inat", "fine", "places", "deit", "rsb")
STATISTICS = {"default": IMAGENET, "cifar": CIFAR, "generated": CIFAR}


def alphas(
    default: float,
    *,
    cifar: float,
    large: float,
    fine: float,
    inat: float | None = None,
    rest: float = 0.2,
) -> dict[str, Params]:
    """The appendix' pattern: ``large`` on Tiny-ImageNet and ImageNet with 0.2 for ResNet-18, the
    same on iNaturalist unless ``inat`` says otherwise, ``rest`` for Places205, DeiT and RSB."""
    rows = {"default": default, "cifar": cifar, "generated": cifar, "fine": fine}
    rows |= dict.fromkeys(("tiny", "imagenet"), large)
    rows |= dict.fromkeys(("tiny/small", "imagenet/small"), min(large, 0.2))
    rows |= {"inat": inat or large, "inat/small": 0.2}
    rows |= dict.fromkeys(("places", "deit", "rsb"), rest)
    return {key: {"alpha": alpha} for key, alpha in rows.items()}


def normalized(params: Mapping[str, Params]) -> dict[str, Params]:
    """The same parameters, with the normalization of the family's images."""
    return {
        key: {**row, **STATISTICS.get(key.partition("/")[0], IMAGENET)}
        for key, row in params.items()
    }


def same(**params: Any) -> dict[str, Params]:
    """The same parameters on every family."""
    return {"default": params}


def merged(params: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with some changed; a mapping changes entries of the mapping in its place.

    >>> merged({"alpha": 2.0, "block": {"init": 1.0}}, {"block": {"embed_lam": False}})
    {'alpha': 2.0, 'block': {'init': 1.0, 'embed_lam': False}}
    """
    out = dict(params)
    for name, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(out.get(name), Mapping)
        out[name] = merged(out[name], value) if both else value
    return out


def changed(spec: Spec, changes: Mapping[str, Any], where: str = "") -> Spec:
    """A dataclass with some fields changed; a mapping changes fields of the dataclass inside.

    Args:
        spec: any frozen dataclass.
        changes: field -> value, as a declaration says it.
        where: what leads to ``spec``, for messages ("block.").

    Raises:
        TypeError: no such field; names the nearest one.

    Example:
        >>> from mixlib.methods.automix import AutoMixSpec
        >>> changed(AutoMixSpec(), {"block": {"embed_lam": False}}).block.embed_lam
        False
    """
    known = [f.name for f in fields(spec)]  # type: ignore[arg-type]
    values = {}
    for name, value in changes.items():
        if name not in known:
            raise TypeError(nearest("parameter", where + name, [where + k for k in known]))
        inner = getattr(spec, name)
        nested = isinstance(value, Mapping) and is_dataclass(inner)
        values[name] = changed(inner, value, f"{where}{name}.") if nested else value
    return replace(spec, **values)  # type: ignore[type-var]
