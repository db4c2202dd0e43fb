"""The catalog of methods, and builders from its names."""

from mixlib.lazy_names import lazy_names

_HOMES = {
    "METHODS": "methods",
    "method": "methods",
    "net": "build",
    "objective": "build",
    "policy": "build",
    "rule": "build",
}
__all__ = ["METHODS", "method", "net", "objective", "policy", "rule"]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
