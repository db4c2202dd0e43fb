"""Reports of an audit, for a terminal and as Markdown."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mixlib.audit.claims import Claims
from mixlib.audit.finding import Finding, Verdict
from mixlib.audit.moments import Coefficients
from mixlib.audit.run import Report
from mixlib.core.markdown import table

_COLORS = {
    Verdict.PASS: "green",
    Verdict.NOTE: "yellow",
    Verdict.FAIL: "bold red",
    Verdict.INFO: "dim",
}
_HEADINGS = ("verdict", "check", "seen", "expected", "p")


def show(report: Report, console: Console) -> None:
    """Prints a report."""
    table = Table(title=escape(report.name), title_justify="left")
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading == "p" else "left")
    for finding in report.findings:
        color = _COLORS[finding.verdict]
        verdict, *cells = _cells(finding)
        table.add_row(f"[{color}]{verdict}[/]", *map(escape, cells))
    console.print(table)
    if report.coefficients is not None:
        console.print(_coefficient_lines(report.coefficients))
    console.print(summary(report))


def summary(report: Report) -> str:
    """The last line: counts, level, time."""
    failures, notes = len(report.failures()), len(report.notes())
    tests = sum(finding.p is not None for finding in report.findings)
    return (
        f"{failures} failed, {notes} to note, of {len(report.findings)} findings; {tests} tests at "
        f"a family-wise level of {report.effort.level:g}; {report.effort.draws} draws, seed "
        f"{report.effort.seed}; {report.seconds:.1f} s"
    )


def markdown(report: Report) -> str:
    """The report as a Markdown section."""
    lines = [
        f"## {report.name}",
        "",
        f"Said: {_stated(report.claims)}. {summary(report)}.",
        "",
        *table(_HEADINGS, [_cells(finding) for finding in report.findings], "llllr"),
    ]
    if report.coefficients is not None:
        lines += ["", _coefficient_lines(report.coefficients).replace("\n", "  \n")]
    return "\n".join(lines) + "\n"


def failure_text(report: Report) -> str:
    """Failures one a line, for an assertion."""
    lines = [f"{report.name}: {summary(report)}"]
    for finding in report.failures():
        _, check, seen, expected, p = _cells(finding)
        lines.append(f"  {check}: {seen}; expected {expected or 'otherwise'} {p and f'(p {p})'}")
    return "\n".join(lines)


def _cells(finding: Finding) -> tuple[str, str, str, str, str]:
    p = "" if finding.p is None else "<1e-99" if finding.p < 1e-99 else f"{finding.p:.1g}"
    return str(finding.verdict), finding.check, finding.seen, finding.wanted, p


def _stated(claims: Claims) -> str:
    default = Claims()
    stated = [
        f"{name} {getattr(claims, name)}"
        for name in Claims.__dataclass_fields__
        if getattr(claims, name) != getattr(default, name)
    ]
    return ", ".join(stated) or "nothing"


def _coefficient_lines(found: Coefficients) -> str:
    pairs = [(d, found.at_distance(d)) for d in found.distances()]
    values = ", ".join(f"{value:.4f} at {d}" for d, value in pairs)
    return (
        f"Regularizer (A by pixel distance, {found.draws} masks): {values}.\n"
        f"One weight for all pixels would give {found.mixup:.4f} at every distance; the excess at "
        f"distance 0 is {pairs[0][1] - found.mixup:+.4f}."
    )
