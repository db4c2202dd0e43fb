"""Command lines: an expected failure is one line on standard error, anything else a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pipelines.declare.errors import DeclarationError
from pipelines.plan.job_file import JobFileError

EXPECTED = (DeclarationError, JobFileError, FileNotFoundError)


def run_app(app: Callable[..., Any]) -> None:
    """Runs a typer application; a wrong declaration or missing file ends it with one line."""
    try:
        app()
    except EXPECTED as error:
        sys.exit(f"error: {error.args[0] if len(error.args) == 1 else error}")
