"""Training: the loop, optimizers, schedules, recipes, checkpoints, evaluation."""

from mixlib.lazy_names import lazy_names

_HOMES = {
    "RECIPES": "recipes",
    "Checkpoint": "checkpoint",
    "Recipe": "recipes",
    "accuracy": "evaluate",
    "cosine": "schedules",
    "mixed_hits": "evaluate",
    "recipe": "recipes",
}
__all__ = [
    "RECIPES",
    "Checkpoint",
    "Recipe",
    "accuracy",
    "cosine",
    "mixed_hits",
    "recipe",
]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
