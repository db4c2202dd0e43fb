"""HTML of the index: every table and figure on one self-contained page, picture first."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from paper_tables.overview import Entry
from paper_tables.sheet import Sheet
from paper_tables.writers import html
from pipelines.declare.scale import Scale

TITLE = "Tables and figures"
STYLE = f"""{html.STYLE}
nav ul {{ list-style: none; padding: 0; columns: 18rem; column-gap: 2rem }}
nav li {{ break-inside: avoid; padding: .15rem 0 }}
a {{ color: #0b5cad }} h2 {{ margin-top: 3rem; border-bottom: 2px solid #1b1f24 }}
.status {{ font-size: 13px; padding: .05rem .5rem; border-radius: 1rem; white-space: nowrap;
background: #eceff3; color: #414b57 }} .status.done {{ background: #d9f0e3; color: #10562f }}
article {{ margin: 2rem 0 3rem; padding-top: .5rem; border-top: 1px solid #d6dae0 }}
article h3 {{ margin: .5rem 0 }} article img {{ display: block; margin: .5rem auto }}
pre {{ overflow-x: auto; background: #f4f6f8; padding: .6rem }}
.more {{ color: #5a6472; font-size: 14px }} summary {{ cursor: pointer }}
"""


def write_index(entries: Sequence[Entry], scale: Scale, folder: Path) -> str:
    """The page.

    Args:
        entries: everything that is declared.
        scale: at which they were measured.
        folder: where the page will lie, for its links.
    """
    done = sum(entry.rendered for entry in entries)
    study = all(entry.table.study for entry in entries)
    compared = (
        "The paper's numbers stand beside ours."
        if scale.compare
        else ""
        if study
        else "Numbers of this scale must not be compared with the papers': other data, networks, "
        "schedules."
    )
    groups = [(paper, list(part)) for paper, part in groupby(entries, lambda entry: entry.paper)]
    parts = [
        f"<h1>{TITLE}</h1><p class=scale>Scale {escape(scale.name)}: {escape(scale.note)} "
        f"{compared}</p><p>{done} of {len(entries)} are done at this scale; the others say what "
        "is missing and how to run it.</p>",
        f"<nav>{''.join(map(_contents, groups))}</nav>",
    ]
    for paper, members in groups:
        parts.append(f"<h2>{escape(paper)}</h2>")
        parts += [_article(entry, scale, folder) for entry in members]
    return html.document(f"{TITLE} ({scale.title})", "".join(parts), STYLE)


def _contents(group: tuple[str, list[Entry]]) -> str:
    paper, members = group
    items = "".join(
        f'<li><a href="#{escape(entry.table.name)}">{escape(entry.table.name)}</a> '
        f"{escape(entry.table.title)} {_status(entry)}</li>"
        for entry in members
    )
    return f"<p><b>{escape(paper)}</b></p><ul>{items}</ul>"


def _status(entry: Entry) -> str:
    done = " done" if entry.rendered else ""
    return f'<span class="status{done}">{escape(entry.status)}</span>'


def _article(entry: Entry, scale: Scale, folder: Path) -> str:
    """One table or figure: its picture, what it shows, its numbers, and where they come from."""
    table = entry.table
    pictures = "".join(
        # wide pictures are small on a phone: a tap opens the file itself
        f'<a href="{escape(path.relative_to(folder).as_posix())}">'
        f"{html.image(path, table.title)}</a>"
        for path in entry.pictures
    )
    caption = f"<p>{html.prose(table.caption)}</p>" if table.caption else ""
    below = _missing(entry, scale)
    if entry.rendered:
        below = (_numbers(entry.sheet) if entry.sheet else "") + _links(entry, folder)
    return (
        f"<article id={escape(table.name)}>{pictures}"
        f"<h3>{escape(table.name)}: {escape(table.title)} {_status(entry)}</h3>"
        f"{caption}{below}{html.comparisons(entry.comparisons, heading='h4')}</article>"
    )


def _numbers(sheet: Sheet) -> str:
    units = f"<caption>In {escape(sheet.units)}:</caption>"
    legend = " ".join(sheet.legend)
    notes = "".join(f"<p>{html.prose(note)}</p>" for note in (*sheet.notes, sheet.origin) if note)
    return (
        f"{html.table(sheet.heads, sheet.lines, units)}{html.findings(sheet)}"
        f"<p class=more>{escape(sheet.header)} {html.prose(legend)}</p>"
        f"<details class=more><summary>Source, notes, provenance</summary>{notes}</details>"
    )


def _links(entry: Entry, folder: Path) -> str:
    links = [(path.relative_to(folder).as_posix(), path.name) for path in entry.files]
    found = " · ".join(f'<a href="{escape(at)}">{escape(name)}</a>' for at, name in links)
    return f"<p class=more>{found}</p>"


def _missing(entry: Entry, scale: Scale) -> str:
    target, folder = entry.table.target, Path(entry.table.file).parent
    config = f"tables={folder}" if entry.table.study else f"scale={scale.name}"
    command = f"snakemake --cores all --config {config} -- {target}"
    runs = f"{entry.needed - entry.finished} of {entry.needed} runs are missing. "
    return (
        f"<p class=more>{escape(entry.table.source)}. {runs if entry.needed else ''}To make it:"
        f"</p><pre>{escape(command)}</pre>"
    )
