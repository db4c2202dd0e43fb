"""Color and marker of every row name: a method looks the same in every picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import cycle, product
from types import MappingProxyType
from typing import NamedTuple


class Style(NamedTuple):
    """How a row is drawn."""

    color: str
    marker: str


BASELINE = Style("#999999", "o")

# Okabe and Ito's palette, then four of Paul Tol's muted one: told apart by color-blind readers; so
# many colors are close to each other, and markers differ too
METHODS: Mapping[str, Style] = MappingProxyType(
    {
        **dict.fromkeys(("vanilla", "deit", "rsb", "none"), BASELINE),
        "mixup": Style("#0072B2", "s"),
        "cutmix": Style("#E69F00", "^"),
        "automix": Style("#D55E00", "o"),
        "tokenmix": Style("#009E73", "o"),
        "saliencymix": Style("#CC79A7", "D"),
        "puzzlemix": Style("#56B4E9", "v"),
        "fmix": Style("#F0E442", "p"),
        "hmix": Style("#882255", "P"),
        "gmix": Style("#332288", "X"),
        "resizemix": Style("#999933", ">"),
        "manifoldmix": Style("#44AA99", "<"),
        **dict.fromkeys(("comixup", "comix"), Style("#000000", "h")),
    }
)
"""Name, in small letters without other signs -> its style.  Baselines are gray."""

_COLORS = tuple(dict.fromkeys(s.color for s in METHODS.values() if s != BASELINE))
_MARKERS = tuple(dict.fromkeys(style.marker for style in METHODS.values()))


def styles(labels: Iterable[str]) -> dict[str, Style]:
    """The styles of one picture's labels.

    A label that is the name of a method has the method's own.  The others take, in their order, the
    first colors that no name in the picture has, then all colors again with another marker.

    Example:
        >>> styles(["Vanilla", "Puzzle-Mix"])["Puzzle-Mix"].color
        '#56B4E9'
        >>> found = styles(["Mixup", "Mixup + EMA"])
        >>> found["Mixup"].color == found["Mixup + EMA"].color
        False
    """
    names = list(dict.fromkeys(labels))
    found = {name: METHODS[_key(name)] for name in names if _key(name) in METHODS}
    taken = set(found.values())
    marks = [m for m in _MARKERS if m not in {style.marker for style in taken}] or _MARKERS
    free = [color for color in _COLORS if color not in {style.color for style in taken}]
    rest = [Style(color, marks[number % len(marks)]) for number, color in enumerate(free)]
    again = [Style(color, marker) for marker, color in product(_MARKERS, _COLORS)]
    rest += [style for style in again if style not in taken and style not in rest]
    others = [name for name in names if name not in found]
    found.update(zip(others, cycle(rest), strict=False))
    return {name: found[name] for name in names}


def _key(label: str) -> str:
    return "".join(letter for letter in label.lower() if letter not in " -()")
