"""HTML of a sheet: one self-contained page that fits a phone."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from mixlib.core.markdown import CODE
from paper_tables.sheet import MEASURED, Comparison, Line, Sheet, Value

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
color: #1b1f24; overflow-wrap: break-word }
.scale { background: #fff6d6; border-left: 4px solid #d8a800; padding: .6rem 1rem }
.table { overflow-x: auto } table { border-collapse: collapse; margin: 1rem 0 }
caption { text-align: left; margin-bottom: .5rem }
th, td { padding: .35rem .9rem; border-bottom: 1px solid #d6dae0; text-align: right }
td { white-space: nowrap }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff }
td.best { font-weight: 700 }
.spread, .legend { color: #5a6472 } img { max-width: 100%; height: auto }
footer { color: #5a6472; font-size: 14px }
@media (max-width: 40rem) { body { margin: 1rem auto; padding: 0 .6rem } h1 { font-size: 1.4rem }
th, td { padding: .3rem .5rem; font-size: 14px } }
"""


def write_html(sheet: Sheet, pictures: Sequence[Path] = ()) -> str:
    """The page: the table, its pictures, where its numbers come from, and the measured runs of the
    repository.

    Args:
        sheet: what to write.
        pictures: files (.png) to show below the table.
    """
    caption = f"<caption>{prose(sheet.caption)} ({escape(sheet.units)})</caption>"
    shown = "".join(image(path, sheet.title) for path in pictures)
    legend = "".join(f"<p class=legend>{prose(text)}</p>" for text in sheet.legend)
    foot = "".join(f"<p>{prose(note)}</p>" for note in (*sheet.notes, sheet.origin) if note)
    body = (
        f"<p class=scale>{escape(sheet.header)}</p><h1>{escape(sheet.title)}</h1>"
        f"{table(sheet.heads, sheet.lines, caption)}{findings(sheet)}{legend}"
        f"{shown}<footer>{foot}</footer>{comparisons(sheet.comparisons, sheet.stale)}"
    )
    return document(sheet.title, body)


def document(title: str, body: str, style: str = STYLE) -> str:
    """A whole page around a body, with everything that it needs inside."""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style>{body}</html>\n"
    )


def prose(text: str) -> str:
    """Escaped text, its words between backticks as code.

    Example:
        >>> prose("a < b where `released: true`")
        'a &lt; b where <code>released: true</code>'
    """
    return CODE.sub(r"<code>\1</code>", escape(text))


def table(heads: Sequence[str], lines: Sequence[Line], caption: str = "") -> str:
    """A table that scrolls sideways inside the page where it is wider than the screen."""
    head = "".join(f"<th scope=col>{escape(text)}</th>" for text in heads)
    rows = "".join(
        f"<tr><th scope=row>{escape(line.label)}</th>{''.join(map(_cell, line.values))}</tr>"
        for line in lines
    )
    return (
        f"<div class=table><table>{caption}<thead><tr><th></th>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def findings(sheet: Sheet) -> str:
    """What the numbers show the other way around than the paper says, and comparisons of rows; a
    paragraph each."""
    return "".join(f"<p>{prose(line)}</p>" for line in sheet.findings)


def image(path: Path, alt: str) -> str:
    """A picture (.png) inside the page."""
    encoded = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{encoded}">'


def _cell(value: Value) -> str:
    best = " class=best" if value.best else ""
    spread = f" <span class=spread>± {escape(value.spread)}</span>" if value.spread else ""
    paper = f" ({escape(value.paper)})" if value.paper else ""
    return f"<td{best}>{escape(value.mean)}{spread}{paper}</td>"


def comparisons(parts: Sequence[Comparison], stale: str = "", heading: str = "h2") -> str:
    """The measured runs of the repository under a title of their own; "" where there are none."""
    if not (parts or stale):
        return ""
    found = [f"<{heading}>{escape(MEASURED)}</{heading}>"]
    for part in parts:
        found += [f"<p class=scale>{escape(part.caveat)}</p>", table(part.heads, part.lines)]
        found += [f"<p>{prose(note)}</p>" for note in part.notes]
    if stale:
        found.append(f"<p>{escape(stale)}</p>")
    return "".join(found)
