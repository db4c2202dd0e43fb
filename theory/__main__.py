"""``python -m theory verify``: prints what holds, exits with 1 if anything does not."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mixlib.whole_files import aside

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
    atoms: Annotated[int, typer.Option(min=2, help="masks of the empirical law")] = 120,
    samples: Annotated[
        int, typer.Option(min=2, help="masks for the measured moments, per alpha")
    ] = 20_000,
    alpha: Annotated[
        float, typer.Option(min=0.01, help="lambda ~ Beta(alpha, alpha) of the terms")
    ] = 1.0,
    out: Annotated[Path | None, typer.Option(help="folder for table.md, too")] = None,
) -> None:
    """Checks every family of masks and every symbolic statement."""
    from .verify import single_thread, statements
    from .verify import verify as check
    from .verify_table import (
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
    directions: Annotated[int, typer.Option(min=2, help="sampled displacements")] = 1024,
    images: Annotated[int, typer.Option(min=2, help="training images, drawn at random")] = 256,
    data: Annotated[Path, typer.Option(help="folder of prepared datasets")] = Path("data"),
    plot: Annotated[Path | None, typer.Option(help="write the bars as a picture")] = None,
    own: Annotated[
        Path | None, typer.Option("--tables", help="folder of the study that the run is of")
    ] = None,
) -> None:
    """R1, R2, R3 and the remainder of a method on the network of a finished run."""
    from rich.progress import Progress

    from mixlib.catalog.methods import method as known

    from .checkpoints import load_run
    from .explanation import explain as measure

    try:
        if own is not None:
            # its datasets, networks and methods; the wheel has no pipelines
            from pipelines.declare.study import admit_folder

            admit_folder(own)
        known(method)
        run = load_run(checkpoint, images, data)
        with Progress(transient=True) as progress:
            task = progress.add_task("measuring")
            found = measure(
                method,
                run.net,
                run.images,
                run.labels,
                alpha=alpha,
                directions=directions,
                report=lambda done, of: progress.update(task, completed=done, total=of),
            )
    except (FileNotFoundError, KeyError, ModuleNotFoundError, ValueError) as problem:
        typer.echo(problem.args[0] if problem.args else problem, err=True)
        if own is None and isinstance(problem, KeyError | ModuleNotFoundError):
            typer.echo("of a run of your own study, say --tables FOLDER", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{run.title}, {len(run.images)} images\n\n{found.table()}")
    if plot is not None:
        with aside(plot) as part:
            found.plot().savefig(part, dpi=120)


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(help="of paper_tables/<name>; see --list")] = "",
    out: Annotated[Path | None, typer.Argument(help="folder for table.md and figure.png")] = None,
    seeds: Annotated[int | None, typer.Option(help="fewer or more than declared")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="what there is")] = False,
) -> None:
    """An experiment that could refute the theory; goes on where it was cut off."""
    from dataclasses import replace

    from .experiments.registry import EXPERIMENTS
    from .verify import single_thread

    if list_all or not name:
        for one in EXPERIMENTS.values():
            typer.echo(f"{one.name}  {len(one.units(one.declared))} units")
        return
    if name not in EXPERIMENTS:
        typer.echo(f"expected one of {', '.join(EXPERIMENTS)}, found {name!r}", err=True)
        raise typer.Exit(1)
    single_thread()
    chosen = EXPERIMENTS[name]
    if seeds is not None:
        chosen = replace(chosen, declared=replace(chosen.declared, seeds=seeds))
    found = _with_progress(name, chosen.run)
    page = chosen.page(chosen.declared, found)
    typer.echo(page.text())
    if out is not None:
        from .plots import save_png

        page.write(out)
        save_png(chosen.draw(chosen.declared, found), out / "figure.png")


T = TypeVar("T")


def _with_progress(title: str, run: Callable[[Callable[[int, int], None]], T]) -> T:
    """Runs with a bar on a terminal, else with a line every tenth."""
    from rich.progress import Progress

    if not sys.stderr.isatty():
        return run(lambda done, of: _tell(title, done, of))
    with Progress(transient=True, console=Console(stderr=True)) as progress:
        task = progress.add_task(title)
        return run(lambda done, of: progress.update(task, completed=done, total=of))


def _tell(title: str, done: int, of: int) -> None:
    if done == of or done % max(of // 10, 1) == 0:
        typer.echo(f"{title}: {done} of {of}", err=True)


@app.command()
def twins(
    out: Annotated[Path | None, typer.Argument(help="folder for table.md and figure.png")] = None,
    moments_only: Annotated[bool, typer.Option(help="no training")] = False,
    seeds: Annotated[int | None, typer.Option(help="trainings per law")] = None,
) -> None:
    """Two laws with the same coefficients and different masks: do they train alike?"""
    from .experiments.twins import PAIRS
    from .twins import Declaration
    from .twins_table import MOMENTS, moment_rows
    from .verify import single_thread
    from .verify_table import numbers_table

    if not moments_only:
        experiment("twins", out, seeds)
        return
    single_thread()
    rows = [
        row for make in PAIRS.values() for row in moment_rows(make(Declaration()), Declaration())
    ]
    typer.echo("\n".join(numbers_table(MOMENTS, rows)))


@app.command()
def figures(out: Annotated[Path, typer.Argument(help="folder for the pictures")]) -> None:
    """Draws the theory's pictures as PNG and SVG, and writes what they show as table.md."""
    from .coefficients_table import coefficients_page
    from .plots import save_all
    from .verify import single_thread

    single_thread()
    for path in (*save_all(out), coefficients_page().write(out)):
        typer.echo(path)


@app.command()
def notebooks(
    out: Annotated[Path | None, typer.Argument(help="folder for the pages")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="also write the notebooks with their outputs")
    ] = False,
) -> None:
    """Executes the notebooks; a failed assertion in one fails the command."""
    from .run_notebooks import execute, write_pair
    from .run_notebooks import notebooks as sources

    if out is None and not write:
        typer.echo("expected a folder for the pages, or --write", err=True)
        raise typer.Exit(1)
    if not sources():
        typer.echo(
            "the notebooks are not part of an installed package: run it in a clone", err=True
        )
        raise typer.Exit(1)
    if out is not None:
        _with_progress("notebooks", lambda report: _each(execute(out), len(sources()), report))
    if write:
        made = (write_pair(source) for source in sources())
        _with_progress("notebooks", lambda report: _each(made, len(sources()), report))


def _each(paths: Iterator[Path], count: int, report: Callable[[int, int], None]) -> None:
    """Makes one file after the other and says so."""
    for k, path in enumerate(paths):
        report(k + 1, count)
        typer.echo(path)


if __name__ == "__main__":
    app()
