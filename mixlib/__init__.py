"""Mixed-sample data augmentation: ``mixlib.build("cutmix")``, see :mod:`mixlib.mixer`.

Names are resolved when they are first used: importing mixlib, or its catalogs, loads no torch.

Example:
    >>> import mixlib, torch
    >>> mixer = mixlib.build("cutmix", alpha=1.0)
    >>> images, labels = torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 2, 3])
    >>> mixer(images, labels, torch.Generator().manual_seed(0)).images.shape
    torch.Size([4, 3, 8, 8])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixlib.lazy_names import lazy_names

if TYPE_CHECKING:
    from mixlib.catalog.build import policy
    from mixlib.catalog.methods import METHODS
    from mixlib.core.mix import Mix, blend
    from mixlib.core.net import Net
    from mixlib.core.objective import MixOnce
    from mixlib.mixer import Mixed, Mixer, build
    from mixlib.models.wrap import wrap
    from mixlib.objectives import MixingObjective, objective

__version__ = "0.1.0"
__all__ = [
    "METHODS",
    "Mix",
    "MixOnce",
    "Mixed",
    "Mixer",
    "MixingObjective",
    "Net",
    "blend",
    "build",
    "objective",
    "policy",
    "wrap",
]

_HOME = {
    "METHODS": "catalog.methods",
    "Mix": "core.mix",
    "MixOnce": "core.objective",
    "Mixed": "mixer",
    "Mixer": "mixer",
    "MixingObjective": "objectives",
    "Net": "core.net",
    "blend": "core.mix",
    "build": "mixer",
    "objective": "objectives",
    "policy": "catalog.build",
    "wrap": "models.wrap",
}


__getattr__, __dir__ = lazy_names(__name__, _HOME)
