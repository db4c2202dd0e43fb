"""LaTeX of a sheet: a ``table`` environment for booktabs; the best of the compared means in
bold."""

from __future__ import annotations

from mixlib.core.markdown import CODE
from paper_tables.sheet import Sheet, Value

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "_": r"\_",
    "#": r"\#",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # signs that the old font encoding prints as others
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
}
# at the start of a line of a table these would belong to the \\ before it
_OPTIONS = ("[", "*")


def write_tex(sheet: Sheet) -> str:
    """The sheet as it goes into a paper: without notes and comparisons."""
    # a backtick is a quotation mark there
    caption = escape(CODE.sub(r"\1", sheet.caption))
    inside = "; ".join(part for part in (sheet.units, sheet.scale) if part)
    lines = [
        f"% {_one_line(sheet.header)}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(sheet.title)} ({escape(inside)}). {caption}}}",
        rf"\begin{{tabular}}{{l{'r' * len(sheet.heads)}}}",
        r"\toprule",
        _row([sheet.stub, *map(escape, sheet.heads)]),
        r"\midrule",
    ]
    lines += [_row([_label(row.label), *map(_cell, row.values)]) for row in sheet.lines]
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


def escape(text: str) -> str:
    r"""Text that LaTeX prints as it is written; its lines become one.

    Example:
        >>> escape("50 % of $x^2$")
        '50 \\% of \\$x\\textasciicircum{}2\\$'
    """
    return "".join(_ESCAPES.get(letter, letter) for letter in _one_line(text))


def _one_line(text: str) -> str:
    """A blank line would end a paragraph, any line break a comment."""
    return " ".join(text.split())


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _label(text: str) -> str:
    label = escape(text)
    return f"{{}}{label}" if label.startswith(_OPTIONS) else label


def _cell(value: Value) -> str:
    text = rf"{value.mean} $\pm$ {value.spread}" if value.spread else value.mean
    return rf"\textbf{{{text}}}" if value.best else text
