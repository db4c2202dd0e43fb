"""How are mixing methods set on each family of datasets?  As in the AutoMix paper's appendix A.1.

"Hand-crafted methods use dataset-specific hyper-parameter settings": alphas per family, with values
of their own for ResNet-18 on some ("<family>/small").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixlib.core.method import Params

CIFAR = {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2023, 0.1994, 0.2010)}
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
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
    return {"default": params}
