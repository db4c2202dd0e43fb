"""The page of all claims: what the papers say, within which margin, and where it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from paper_tables.claims.contradictions import Contradiction
from paper_tables.claims.verdicts import Verdict
from paper_tables.writers import html
from pipelines.declare.claims import Rules
from pipelines.declare.scale import Scale


@dataclass(frozen=True)
class Row:
    """A claim as it is listed.

    Attributes:
        table: it is about.
        claim: in words.
        place: where it is said.
        printed, margin: of a number; "" for a sentence.
        source: of the margin.
        verdict: where it stands.
        hours: GPU-hours of the runs that are still needed; None: not counted.
    """

    table: str
    claim: str
    place: str
    printed: str
    margin: str
    source: str
    verdict: Verdict
    hours: float | None = None


def write_page(
    rows: Sequence[Row], found: Sequence[Contradiction], rules: Rules, scale: Scale
) -> str:
    """The page."""
    states = Counter(row.verdict.state for row in rows)
    summary = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    judged = (
        "Its runs are compared with the papers."
        if scale.compare
        else "Its runs judge nothing that the papers say: other data, networks, schedules."
    )
    sources = {row.source: None for row in rows if row.source}
    wrong = [(each.rule, each.table, each.text) for each in found]
    notes = {source: i + 1 for i, source in enumerate(sources)}
    body = (
        f"<p class=scale>Scale {escape(scale.name)}. {judged}</p><h1>Claims of the papers</h1>"
        f"<p>{len(rows)} claims: {escape(summary)}. Level {rules.level:g}, power {rules.power:g}. "
        "Reproduced and contradicted are results of tests over runs that differ in their seed; "
        "one run decides nothing that is not counted.</p>"
        "<h2>Contradictions inside a paper</h2>"
        f"{_table(('Rule', 'Table', 'What is printed'), wrong)}"
        f"<h2>Claims</h2>{_table(HEADS, [_cells(row, notes) for row in rows])}"
        f"<h2>Sources of the margins</h2><ol>"
        f"{''.join(f'<li>{escape(source)}</li>' for source in sources)}</ol>"
    )
    return html.document("Claims of the papers", body, f"{html.STYLE} td {{ white-space: normal }}")


HEADS = (
    *("Table", "Claim", "Place", "Printed", "Margin", "Source", "State", "Ours"),
    *("Seeds in all", "GPU-hours left"),
)


def _cells(row: Row, notes: dict[str, int]) -> tuple[str, ...]:
    verdict = row.verdict
    note = str(notes[row.source]) if row.source else ""
    seeds = "" if verdict.seeds is None else str(verdict.seeds)
    hours = "" if row.hours is None else f"{row.hours:,.1f}"
    shown = (row.table, row.claim, row.place, row.printed, row.margin, note)
    return (*shown, verdict.state, verdict.ours, seeds, hours)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th scope=col>{escape(text)}</th>" for text in heads)
    lines = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    top = f"<thead><tr>{head}</tr></thead>"
    return f"<div class=table><table>{top}<tbody>{lines}</tbody></table></div>"
