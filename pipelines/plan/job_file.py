"""Job files: a resolved job as its canonical JSON, from which a process does it without planning.

The file is named by the job's digest, and reading it computes the digest of the job that today's
code makes of it: a job of other code, or an edited file, is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from mixlib.whole_files import write_whole
from pipelines.plan.job import Job
from pipelines.plan.kinds import KINDS


class JobFileError(ValueError):
    """A job file cannot be used; the message names the file and what to do."""


def write(job: Job, folder: Path) -> Path:
    """Writes ``<folder>/<digest>.json`` whole or not at all, and returns its path."""
    path = folder / f"{job.digest}.json"
    text = job.canonical()
    if path.is_file() and path.read_text() == text:
        return path
    write_whole(path, text, durable=False)
    return path


def read(path: Path) -> Job:
    """The job of a file.

    Raises:
        JobFileError: there is no such file, it is damaged, or today's code makes another job of it.
    """
    again = "start the command that planned it again"
    try:
        job = rebuild(json.loads(path.read_text()))
    except FileNotFoundError:
        raise JobFileError(f"{path}: expected a planned job, found no file; {again}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobFileError(
            f"{path}: expected a planned job of this version of the code, found something else "
            f"({type(error).__name__}: {error}); {again}"
        ) from None
    if job.digest != path.stem:
        raise JobFileError(
            f"{path}: expected the job {path.stem}, found {job.digest}: the file or the code has "
            f"changed since it was planned; {again}"
        )
    return job


def rebuild(body: Mapping[str, Any]) -> Job:
    """The job whose canonical JSON has this content, parents included.

    Raises:
        KeyError, TypeError, ValueError: it is not a job of today's classes.
    """
    job = _value(Job, body)
    assert isinstance(job, Job)
    return job


def _value(hint: Any, value: Any) -> Any:
    """A JSON value as the annotation ``hint`` has it."""
    if get_origin(hint) in (Union, UnionType):
        if value is None:
            return None
        (hint,) = (option for option in get_args(hint) if option is not NoneType)
    if is_dataclass(hint):
        return _instance(hint, value)
    if get_origin(hint) is tuple and isinstance(value, list):
        options = get_args(hint)
        if len(options) == 2 and options[1] is Ellipsis:
            return tuple(_value(options[0], item) for item in value)
        return tuple(_value(o, item) for o, item in zip(options, value, strict=True))
    return _frozen(value)


def _instance(hint: Any, body: Mapping[str, Any]) -> Any:
    """A dataclass from its fields; a job's class is that of its kind."""
    names = dict(body)
    if issubclass(hint, Job):
        hint = KINDS[names.pop("kind")]
        del names["revision"]  # of the code that wrote it; the digest compares it with today's
    if unknown := names.keys() - {field.name for field in fields(hint)}:
        raise KeyError(f"{hint.__name__} has no field {sorted(unknown)}")
    hints = get_type_hints(hint)
    return hint(**{name: _value(hints[name], value) for name, value in names.items()})


def _frozen(value: Any) -> Any:
    """Lists as tuples, at every depth: what jobs hold."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value
