"""``python -m theory verify``: prints what holds, exits with 1 if anything does not."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mixlib.whole_files import aside, write_whole

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def main() -> None:
    """The theory of mixed samples, checked on the masks that training uses."""


def _print_table(console: Console, title: str, columns: list[str], rows: list[list[str]]) -> None:
    table = Table(title=title)
    for heading in columns:
        table.add_column(heading, justify="left" if heading == "family" else "right")
    for cells in rows:
        table.add_row(*cells)
    console.print(table)


@app.command()
def verify(
    atoms: Annotated[int, typer.Option(help="masks of the empirical law")] = 120,
    samples: Annotated[
        int, typer.Option(help="masks for the measured moments, per alpha")
    ] = 20_000,
    alpha: Annotated[float, typer.Option(help="lambda ~ Beta(alpha, alpha) of the terms")] = 1.0,
    out: Annotated[Path | None, typer.Option(help="folder for table.md, too")] = None,
) -> None:
    """Checks every family of masks and every symbolic statement."""
    from theory.verify import single_thread, statements
    from theory.verify import verify as check
    from theory.verify_table import (
        CHECKS,
        TERMS,
        check_cells,
        check_columns,
        term_cells,
        term_columns,
        write_table,
    )

    single_thread()
    start = time.perf_counter()
    console = Console(width=None if sys.stdout.isatty() else 200)
    with console.status("checking") as status:
        rows = check(atoms, samples, lambda row: status.update(f"checked {row.name}"), alpha)
        proofs = statements()
    _print_table(console, CHECKS, check_columns(), [check_cells(row) for row in rows])
    _print_table(console, TERMS, term_columns(), [term_cells(row) for row in rows])
    proved = Table(title="Symbolic statements")
    proved.add_column("statement")
    proved.add_column("seconds", justify="right")
    proved.add_column("holds")
    for name, seconds, wrong in proofs:
        proved.add_row(escape(name), f"{seconds:.2f}", wrong or "yes")
    console.print(proved)
    if out is not None:
        write_table(out, rows, proofs)
    failures = [text for row in rows for text in row.failures()]
    failures += [wrong for _, _, wrong in proofs if wrong]
    for text in failures:
        console.print(f"FAILED  {escape(text)}")
    console.print(f"{time.perf_counter() - start:.0f} s, {len(failures)} failures")
    raise typer.Exit(1 if failures else 0)


@app.command()
def explain(
    method: Annotated[str, typer.Option(help="a method of the catalog")],
    checkpoint: Annotated[Path, typer.Option(help="a finished run: results/<digest>")],
    alpha: Annotated[
        float | None, typer.Option(help="of lambda; the method's own if left out")
    ] = None,
    directions: Annotated[int, typer.Option(help="sampled displacements")] = 1024,
    images: Annotated[int, typer.Option(help="training images, drawn at random")] = 256,
    data: Annotated[Path, typer.Option(help="folder of prepared datasets")] = Path("data"),
    plot: Annotated[Path | None, typer.Option(help="write the bars as a picture")] = None,
) -> None:
    """R1, R2, R3 and the remainder of a method on the network of a finished run."""
    from rich.progress import Progress

    import theory
    from theory.checkpoints import load_run

    try:
        run = load_run(checkpoint, images, data)
        with Progress(transient=True) as progress:
            task = progress.add_task("measuring")
            found = theory.explain(
                method,
                run.net,
                run.images,
                run.labels,
                alpha=alpha,
                directions=directions,
                report=lambda done, of: progress.update(task, completed=done, total=of),
            )
    except (FileNotFoundError, KeyError, ValueError) as problem:
        typer.echo(problem.args[0] if problem.args else problem, err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{run.title}, {len(run.images)} images\n\n{found.table()}")
    if plot is not None:
        with aside(plot) as part:
            found.plot().savefig(part, dpi=120)


@app.command()
def twins(
    moments_only: Annotated[bool, typer.Option(help="no training")] = False,
    seeds: Annotated[int, typer.Option(help="trainings per law")] = 8,
    out: Annotated[Path | None, typer.Option(help="folder for table.md, too")] = None,
) -> None:
    """Two laws with the same coefficients and different masks: do they train alike?"""
    from rich.progress import Progress

    from theory.twins import Declaration, compare
    from theory.twins import twins as twin_laws
    from theory.twins_table import moment_lines, training_lines
    from theory.verify import single_thread

    single_thread()
    declared = Declaration(seeds=seeds)
    lines = moment_lines(declared)
    typer.echo("\n".join(lines))
    if not moments_only:
        with Progress(transient=True) as progress:
            task = progress.add_task("training")
            pair = twin_laws(declared)
            found = compare(
                pair, declared, lambda done, of: progress.update(task, completed=done, total=of)
            )
        trained = training_lines(pair, declared, *found)
        typer.echo("\n".join(trained))
        lines += trained
    if out is not None:
        write_whole(out / "table.md", "\n".join(lines) + "\n", durable=False)


@app.command()
def figures(out: Annotated[Path, typer.Argument(help="folder for the pictures")]) -> None:
    """Draws the theory's pictures as PNG and SVG."""
    from theory.plots import save_all
    from theory.verify import single_thread

    single_thread()
    for path in save_all(out):
        typer.echo(path)


@app.command()
def notebooks(out: Annotated[Path, typer.Argument(help="folder for the pages")]) -> None:
    """Executes the notebooks; a failed assertion in one fails the command."""
    from theory.run_notebooks import execute

    for path in execute(out):
        typer.echo(path)


if __name__ == "__main__":
    app()
