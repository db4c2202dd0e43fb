"""What does a mixing method look like from outside?  ``mixlib.build("cutmix")``; see
:mod:`mixlib.mixer`.

Names are resolved when they are first used: importing mixlib, or its catalogs, loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixlib.catalog.build import policy
    from mixlib.catalog.methods import METHODS
    from mixlib.core.mix import Mix, blend
    from mixlib.core.net import Net
    from mixlib.core.objective import MixOnce
    from mixlib.mixer import Mixed, Mixer, build
    from mixlib.models.wrap import wrap

__all__ = ["METHODS", "Mix", "MixOnce", "Mixed", "Mixer", "Net", "blend", "build", "policy", "wrap"]

_HOME = {
    "METHODS": "catalog.methods",
    "Mix": "core.mix",
    "MixOnce": "core.objective",
    "Mixed": "mixer",
    "Mixer": "mixer",
    "Net": "core.net",
    "blend": "core.mix",
    "build": "mixer",
    "policy": "catalog.build",
    "wrap": "models.wrap",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"mixlib.{_HOME[name]}"), name)
    raise AttributeError(f"module 'mixlib' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
