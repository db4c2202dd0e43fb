"""Command lines: an expected failure is one line on standard error, anything else a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from mixlib.data.errors import DataError
from pipelines.declare.errors import DeclarationError
from pipelines.execute.result_file import CorruptResult
from pipelines.interruptions import FULL, one_line
from pipelines.plan.job_file import JobFileError

ScaleName = Annotated[str, typer.Argument(metavar="SCALE", help="demo, small, paper or rehearsal")]
Tables = Annotated[list[str] | None, typer.Argument(help="tables; none: all of the scale")]
OwnTables = Annotated[
    Path | None,
    typer.Option("--tables", help="folder with declarations of your own (scale own)"),
]
Plugins = Annotated[
    list[Path] | None, typer.Option("--plugin", help="file with a method of your own")
]
ResultsFolder = Annotated[Path, typer.Option(help="folder of all results")]
CheckpointSeconds = Annotated[float, typer.Option(help="least time between checkpoints")]
Workers = Annotated[int, typer.Option(help="data loading processes")]
Accelerator = Annotated[str, typer.Option(help="cpu, cuda or auto")]
Portable = Annotated[
    bool,
    typer.Option(
        help="the same bits on every x86 processor: one thread, AVX2 (pipelines.portable_bits)"
    ),
]

EXPECTED = (DeclarationError, JobFileError, CorruptResult, DataError, OSError)


def run_app(app: Callable[..., Any]) -> None:
    """Runs a typer application; a wrong declaration, missing file or faulty data ends it with one
    line, and so do a signal and a full disk (:mod:`pipelines.interruptions`).  Everything else is a
    fault of ours and shows its traceback."""
    with one_line():
        try:
            app()
        except EXPECTED as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            sys.exit(f"error: {error.args[0] if len(error.args) == 1 else error}")
        except KeyError as error:
            if (message := sentence(error)) is None:
                raise
            sys.exit(f"error: {message}")


def sentence(error: KeyError) -> str | None:
    """The message of a KeyError that a catalog wrote; None for a lone key, which helps nobody."""
    message = error.args[0] if len(error.args) == 1 else None
    return message if isinstance(message, str) and " " in message else None
