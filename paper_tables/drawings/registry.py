"""Registry of drawings: the word after ``figure:`` or ``pictures:`` in a declaration -> its
function.

Imports no drawing and no torch; a function is loaded when its drawing is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from mixlib.core.catalog import nearest
from paper_tables.drawings.canvas import Drawing
from pipelines.declare.errors import DeclarationError

Draw = Callable[[Drawing, tuple[Path, ...]], None]

_HERE = "paper_tables.drawings"
DRAWINGS: Mapping[str, str] = MappingProxyType(
    {
        "dots": f"{_HERE}.dots:dots",
        "paired_differences": f"{_HERE}.paired_differences:forest",
        "lines_over_rows": f"{_HERE}.curves:over_rows",
        "accuracy_over_cost": f"{_HERE}.curves:accuracy_over_cost",
        "label_mismatch": f"{_HERE}.label_mismatch:mismatched",
        "samples_over_lambda": f"{_HERE}.samples:over_lambda",
        "samples_over_training": f"{_HERE}.samples:over_training",
        "trivial_or_not": f"{_HERE}.samples:trivial_or_not",
        "samples_of_a_trained_block": f"{_HERE}.samples:of_a_trained_block",
        "gradient_products": f"{_HERE}.gradients:product_maps",
        "localization": f"{_HERE}.localization:localized",
        "robustness": f"{_HERE}.robustness:by_corruption_and_attack",
        "reliability": f"{_HERE}.reliability:reliability",
        "attention_by_layer": f"{_HERE}.attention:by_layer",
        "attention_maps": f"{_HERE}.attention:maps",
        "target_scores": f"{_HERE}.attention:scores",
        "occlusion_curves": f"{_HERE}.occlusion:curves",
        "occlusion_examples": f"{_HERE}.occlusion:examples",
        "segmentations": f"{_HERE}.segmentations:segmented",
        "gallery": f"{_HERE}.gallery:draw",
    }
)


def check_drawing(where: str, word: str) -> None:
    """Refuses a drawing that is not registered.

    Args:
        where: file and key, for the message.
        word: what the declaration says.

    Raises:
        DeclarationError: names the nearest registered word.

    Example:
        >>> check_drawing("automix.yaml: fig9: figure", "dots")
    """
    if word not in DRAWINGS:
        raise DeclarationError(f"{where}: {nearest('drawing', word, DRAWINGS)}")


def load_drawing(word: str) -> Draw:
    """The function of a registered drawing.

    Raises:
        DeclarationError: no such drawing; names the nearest registered word.
    """
    check_drawing("figure", word)
    module, _, name = DRAWINGS[word].partition(":")
    return getattr(import_module(module), name)
