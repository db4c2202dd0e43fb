"""How does an error name the word that was probably meant?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(what: str, given: str, known: Iterable[str]) -> str:
    """One line: what was asked for, the nearest known word, and where that leaves the reader.

    >>> nearest("method", "cutmx", ["cutmix", "mixup"])
    "no method 'cutmx'; did you mean 'cutmix'? (known: cutmix, mixup)"
    """
    words = sorted(known)
    close = difflib.get_close_matches(given, words, n=1, cutoff=0.5)
    guess = f" did you mean {close[0]!r}?" if close else ""
    return f"no {what} {given!r};{guess} (known: {', '.join(words)})"
