"""Places and shapes of what the partner fills: borders, reach, aspect."""

from __future__ import annotations

import numpy as np

from mixlib.audit.evidence import Evidence
from mixlib.audit.finding import Finding, Verdict, exact
from mixlib.audit.recover import Draws
from mixlib.audit.significance import mean_within

ENOUGH = 100
HALF_PIXEL = 0.5


def borders(evidence: Evidence) -> list[Finding]:
    """The partner's part lies as far from one border as from the other, and reaches both.

    Up to half a pixel is a note: integer centers of boxes with even sides do that, in most public
    code.
    """
    if evidence.claims.kind == "mosaic":
        return []
    found = []
    for name, d in evidence.by_size.items():
        if d.shaped.sum() < ENOUGH:
            continue
        size = f"{d.mask.shape[1]} x {d.mask.shape[2]}"
        offset = d.offset()[d.shaped]
        for axis, words in ((0, ("up", "down")), (1, ("left", "right"))):
            mean, p = mean_within(offset[:, axis])
            _, beyond = mean_within(offset[:, axis], HALF_PIXEL)
            severity = Verdict.FAIL if beyond < 1e-6 else Verdict.NOTE
            seen = f"{abs(mean):.2f} pixels {words[int(mean > 0)]} on average ({size})"
            title = f"borders are alike: {('rows', 'columns')[axis]}, {name}"
            found.append(Finding(title, seen, "0", p=p, severity=severity))
        found += _reach(d, name, size)
    return found


def _reach(d: Draws, name: str, size: str) -> list[Finding]:
    """Rows and columns at a border that are never reached while the opposite ones are."""
    other = d.mask[d.shaped] < 0.999
    ends = {
        ("first row", "last row"): (other[:, 0].any(1).sum(), other[:, -1].any(1).sum()),
        ("first column", "last column"): (
            other[:, :, 0].any(1).sum(),
            other[:, :, -1].any(1).sum(),
        ),
    }
    found = []
    for names, counts in ends.items():
        # one of them never, the other often: 2 ** -40 by chance
        for i in (0, 1):
            if counts[i] == 0 and counts[1 - i] >= 40:
                seen = f"the {names[i]} is never reached, the {names[1 - i]} {counts[1 - i]} times"
                found.append(
                    exact(f"borders are reached, {name}", False, f"{seen} ({size})", "both")
                )
    return found


def aspect(evidence: Evidence) -> list[Finding]:
    """Boxes take the same part of the height as of the width on images that are not square."""
    if evidence.claims.kind in ("erase", "mosaic"):
        return []
    found = []
    for name in ("wide", "tall"):
        d = evidence.by_size.get(name)
        if d is None or d.box.sum() < ENOUGH:
            continue
        height, width = d.mask.shape[1:]
        top, bottom, left, right = d.edges[d.box].T
        if (bottom - top == height).all() or (right - left == width).all():
            continue  # bands from side to side, not boxes: they have no aspect to keep
        gap = (bottom - top) / height - (right - left) / width
        # sides are whole pixels, even ones in some libraries
        _, p = mean_within(gap, 1.25 / min(height, width))
        seen = (
            f"boxes take {np.mean((bottom - top) / height):.2f} of the height and "
            f"{np.mean((right - left) / width):.2f} of the width ({height} x {width})"
        )
        found.append(Finding(f"aspect of boxes, {name}", seen, "the same part", p=p))
    return found
