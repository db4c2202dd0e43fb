"""Which stored results an edit touches: ``python -m pipelines.run SCALE --stale``.

A result names every module of the project that its work had loaded, with the digest of its syntax
tree (:mod:`pipelines.execute.provenance`).  A result is stale when one of these trees is another
now: comments, docstrings and formatting touch none.  It is a question, not a verdict: a stale
result counts until its method's ``revision`` is raised, because most edits change no number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.execute.provenance import LOCK, ROOT, tree_digest, tree_digests
from pipelines.execute.store import Store
from pipelines.plan.job import Job


def source_of(module: str, root: Path = ROOT) -> Path:
    """The file of a module of this project, whether it is there or not.

    Example:
        >>> source_of("mixlib.methods.cutmix").relative_to(ROOT).as_posix()
        'mixlib/methods/cutmix.py'
    """
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def current_digest(module: str) -> str:
    """Digest of a module's syntax tree now, or of the lock file; "" where there is none."""
    if module == LOCK:
        return tree_digests({})[LOCK]
    return tree_digest(source_of(module))


def touched_modules(
    result: Mapping[str, Any], now: Mapping[str, str] | None = None
) -> list[str] | None:
    """Modules behind a result that are no longer what they were when it was made.

    Args:
        result: a stored result.
        now: module -> digest of its syntax tree; what is missing is read from the project.

    Returns:
        Their names, sorted; None where the result does not say with what it was made.

    Example:
        >>> result = {"provenance": {"source": {"modules": {"mixlib.methods.cutmix": "0123"}}}}
        >>> touched_modules(result, {"mixlib.methods.cutmix": "0123"})
        []
        >>> touched_modules(result)
        ['mixlib.methods.cutmix']
    """
    modules = result.get("provenance", {}).get("source", {}).get("modules")
    if not isinstance(modules, Mapping):
        return None
    known = now or {}
    return sorted(
        name
        for name, digest in modules.items()
        if (known[name] if name in known else current_digest(name)) != digest
    )


def report(jobs: Iterable[Job], store: Store) -> list[str]:
    """A line for every finished result that an edit touches, and a summary."""
    lines, stale, unknown, done = [], 0, 0, 0
    for job in jobs:
        if not store.finished(job):
            continue
        done += 1
        modules = touched_modules(store.read(job))
        if modules is None:
            unknown += 1
            lines.append(f"unknown  {job.digest}  {job.describe()}: it names no modules")
        elif modules:
            stale += 1
            lines.append(f"stale    {job.digest}  {job.describe()}: {', '.join(modules)}")
    tail = f", {unknown} do not say" if unknown else ""
    return [*lines, f"{done} results, {stale} made with other code{tail}"]
