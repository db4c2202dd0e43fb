"""The executors: kind of job -> the function that does it.

One module per kind, loaded when a job of the kind runs: a result's provenance names the modules
that were loaded, and a detector's numbers do not depend on how calibration is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from pipelines.execute.context import Context
from pipelines.execute.outcome import Outcome
from pipelines.plan.kinds import KINDS

Executor = Callable[[Any, Context], Outcome]


def executor(kind: str) -> Executor:
    """The function ``run`` of ``pipelines.execute.<kind>``; imports torch.

    Args:
        kind: a word of :data:`pipelines.plan.kinds.KINDS`.

    Raises:
        KeyError: there is no such kind.

    Example:
        >>> executor("localize").__module__
        'pipelines.execute.localize'
    """
    if kind not in KINDS:
        raise KeyError(f"no kind of job is called {kind!r}; known: {', '.join(KINDS)}")
    run: Executor = import_module(f"pipelines.execute.{kind}").run
    return run
