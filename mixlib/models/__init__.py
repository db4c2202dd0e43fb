"""Networks: the catalog of backbones, and sites for classifiers from elsewhere."""

from mixlib.lazy_names import lazy_names

_HOMES = {
    "BACKBONES": "backbones",
    "Backbone": "backbones",
    "backbone": "backbones",
    "last_attention": "attention",
}
__all__ = ["BACKBONES", "Backbone", "backbone", "last_attention"]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
