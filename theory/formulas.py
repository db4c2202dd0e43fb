"""Formulas of Markdown text as pictures inside the page, so that it needs nothing from a network.

The pages of the notebooks would load a typesetting library from elsewhere; matplotlib's own sets
the formulas as paths instead.  It knows a subset of TeX: no environments, no braces under terms.
"""

from __future__ import annotations

import html
import re

from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath, TextToPath

_DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_INLINE = re.compile(r"(?<![\\$\w])\$(?!\s)([^$]+?)(?<!\s)\$(?![\d$])")
_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
# TeX that GitHub's renderer wants or allows, and matplotlib's spells otherwise
_SPELLED = {
    **{r"\\tfrac": r"\\frac", r"\\;": r"\\,\\,", r"\\big[lr]": ""},
    **{r"\\le(?![a-z])": r"\\leq", r"\\ge(?![a-z])": r"\\geq"},
}
_COMMANDS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}
SIZE = 100  # units of an em


def picture(formula: str, displayed: bool = False) -> str:
    """One formula as an <svg> element on one line, with its TeX as description.

    Raises:
        ValueError: matplotlib cannot set it; says which formula.

    Example:
        >>> text = picture(r"a_j = 2 c_2")
        >>> text.startswith("<svg"), "aria-label" in text, "http" in text
        (True, True, False)
    """
    spelled = " ".join(formula.split())
    for word, other in _SPELLED.items():
        spelled = re.sub(word, other, spelled)
    font = FontProperties(size=SIZE, math_fontfamily="cm")
    try:
        width, height, depth = TextToPath().get_text_width_height_descent(
            f"${spelled}$", font, ismath=True
        )
        outline = TextPath((0, 0), f"${spelled}$", prop=font)
    except ValueError as problem:
        raise ValueError(f"matplotlib cannot set the formula {formula!r}: {problem}") from None
    em = {"w": width / SIZE, "h": height / SIZE, "d": depth / SIZE}
    style = f"height:{em['h']:.2f}em;width:{em['w']:.2f}em;vertical-align:{-em['d']:.2f}em"
    if displayed:
        style = f"height:{em['h']:.2f}em;width:{em['w']:.2f}em;display:block;margin:0.8em auto"
    box = f"0 {depth - height:.0f} {width:.0f} {height:.0f}"
    said = html.escape(" ".join(formula.split()), quote=True)
    return (
        f'<svg role="img" aria-label="{said}" viewBox="{box}" style="{style}" '
        f'fill="currentColor"><path d="{_outline(outline)}"/></svg>'
    )


def _outline(path: Path) -> str:
    """A path's commands, y downwards."""
    parts = []
    for points, code in path.iter_segments(curves=True, simplify=False):
        if code == Path.CLOSEPOLY:
            parts.append("Z")
            continue
        pairs = points.reshape(-1, 2)
        parts.append(_COMMANDS[code] + " ".join(f"{x:.1f} {-y:.1f}" for x, y in pairs))
    return "".join(parts)


def with_pictures(markdown: str) -> str:
    """Markdown with every formula outside code as a picture.

    Example:
        >>> with_pictures("costs `$5` and $x$").count("<svg")
        1
    """
    parts = _CODE.split(markdown)
    for k in range(0, len(parts), 2):
        shown = _DISPLAYED.sub(lambda m: picture(m[1], displayed=True), parts[k])
        parts[k] = _INLINE.sub(lambda m: picture(m[1]), shown)
    return "".join(parts)
