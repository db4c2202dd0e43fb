"""What does a mixing method look like from outside?  ``mixlib.build("cutmix")``; see
:mod:`mixlib.mixer`.

Names are resolved when they are first used: importing mixlib, or its catalogs, loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixlib.builder import policy
    from mixlib.methods import METHODS
    from mixlib.mix import Mix, blend
    from mixlib.mixer import Mixed, Mixer, build
    from mixlib.net import Net
    from mixlib.objective import MixOnce
    from mixlib.sites import wrap

__all__ = ["METHODS", "Mix", "MixOnce", "Mixed", "Mixer", "Net", "blend", "build", "policy", "wrap"]

_HOME = {
    "METHODS": "methods",
    "Mix": "mix",
    "MixOnce": "objective",
    "Mixed": "mixer",
    "Mixer": "mixer",
    "Net": "net",
    "blend": "mix",
    "build": "mixer",
    "policy": "builder",
    "wrap": "sites",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"mixlib.{_HOME[name]}"), name)
    raise AttributeError(f"module 'mixlib' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
