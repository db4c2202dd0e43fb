r"""Markdown tables (GitHub's dialect): cells in, lines out.

Two steps, so that a cell may be text or markup: :func:`escape` makes text literal, and
:func:`table` keeps every cell inside its column, whatever it holds; :func:`escape_prose` leaves
words of code to text outside of tables.  Imports nothing of the project and no torch.

>>> print("\n".join(table(["", "top-1"], [[escape("a|b"), "**47.0**"]], align="lr")))
| | top-1 |
|---|---:|
| a\|b | **47.0** |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_ALIGN = {"l": "---", "r": "---:", "c": ":---:"}
# what opens markup anywhere in a line; $ opens formulas on GitHub.  A minus one of them, an
# underscore inside a word and an asterisk between blanks open nothing and stay readable.
_INLINE = re.compile(
    r"[\\`~$\[\]]"
    r"|(?<![ ])\*|\*(?![ ])"
    r"|(?<![^\W_])_|_(?![^\W_])"
    r"|<(?=[A-Za-z/!?])"
    r"|&(?=#?\w+;)"
)
# what opens a block at the start of a line: heading, quote, list, rule; two dashes are one behind
# that of a list
_BLOCK = re.compile(r"^(?:[#>]|[-+](?= |$)|-(?=-)|=(?==|$)|:(?=-)|\d{1,9}(?=[.)](?: |$)))")
_LISTED = re.compile(r"^(\d{1,9})([.)])(?= |$)")
_BLANKS = re.compile(r"\s+")
CODE = re.compile(r"(?<!`)`([^`\s](?:[^`]*[^`\s])?)`(?!`)")
"""A word of code in prose, as declarations write it: between single backticks, no blanks inside
them at the ends (a parser would take one away)."""
_PROSE = re.compile(f"{CODE.pattern}|{_INLINE.pattern}")


def escape(text: str) -> str:
    r"""Text that reads as itself: markup in it is shown and not obeyed, its lines become one.

    Args:
        text: anything.

    Example:
        >>> escape("5 * 3 = $15, *not* snake_case")
        '5 * 3 = \\$15, \\*not\\* snake_case'
    """
    return _INLINE.sub(lambda found: "\\" + found[0], _one_line(text))


def escape_line(text: str) -> str:
    """:func:`escape` for text that begins a paragraph or the item of a list, where "# " or "1. "
    would begin something else.

    Example:
        >>> escape_line("1. epoch")
        '1\\\\. epoch'
    """
    return _at_start(escape(text))


def escape_prose(text: str) -> str:
    r""":func:`escape_line` for prose, whose :data:`CODE` stays code.

    Example:
        >>> escape_prose("set `alpha_2: *` or *not*; a ` alone")
        'set `alpha_2: *` or \\*not\\*; a \\` alone'
    """
    return _at_start(_PROSE.sub(_escaped, _one_line(text)))


def _escaped(found: re.Match[str]) -> str:
    return found[0] if found[1] else f"\\{found[0]}"


def _one_line(text: str) -> str:
    return _BLANKS.sub(" ", text).strip()


def _at_start(line: str) -> str:
    """A line whose start opens no block."""
    if _LISTED.match(line):
        return _LISTED.sub(r"\1\\\2", line)
    return "\\" + line if _BLOCK.match(line) else line


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], align: str = "") -> list[str]:
    """The lines of a table.

    Args:
        heads: Markdown of the first line's cells.
        rows: Markdown of the others'; pipes and line breaks in them are taken care of.
        align: a letter per column: l, r or c; empty: all to the left.

    Raises:
        ValueError: a row or ``align`` is not as long as ``heads``.

    Example:
        >>> table(["name", "n"], [["a", "1"]], align="lr")
        ['| name | n |', '|---|---:|', '| a | 1 |']
    """
    align = align or "l" * len(heads)
    if len(align) != len(heads) or not set(align) <= set(_ALIGN):
        raise ValueError(f"align: expected {len(heads)} letters of l, r, c, got {align!r}")
    lines = [_line(heads), "|" + "".join(f"{_ALIGN[letter]}|" for letter in align)]
    for row in rows:
        if len(row) != len(heads):
            raise ValueError(f"expected {len(heads)} cells as in {list(heads)}, got {list(row)}")
        lines.append(_line(row))
    return lines


def _line(cells: Sequence[str]) -> str:
    return "|" + "".join(f" {text} |" if (text := _inside(cell)) else " |" for cell in cells)


def _inside(cell: str) -> str:
    """One cell: no line break, no bar that would end it.  A bar that is escaped already stays."""
    line = _BLANKS.sub(" ", cell).strip()
    return re.sub(r"(\\*)\|", _bar, line)


def _bar(found: re.Match[str]) -> str:
    slashes = found[1]
    return f"{slashes}|" if len(slashes) % 2 else f"{slashes}\\|"
