"""Saliency maps that mixing methods look at."""

from mixlib.lazy_names import lazy_names

_HOMES = {"gradient_saliency": "gradient", "input_gradient": "gradient", "shares": "gradient"}
__all__ = ["gradient_saliency", "input_gradient", "shares"]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
