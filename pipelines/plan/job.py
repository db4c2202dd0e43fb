"""The job: a unit of work, frozen, fully resolved, its parents inside; its digest is its address.

Everything that changes a job's numbers is a field; nothing else is (no path, device, worker or
executor).  A kind of job is a class in :mod:`pipelines.plan.kinds`, which declares it, and a module
in :mod:`pipelines.execute`, which does it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

from pipelines.plan.inputs import Data
from pipelines.plan.setting import Setting

# One number for what all jobs share (the loop, the evaluation, the readers): raised by hand when a
# change there changes results.  Kinds, methods, recipes, networks and datasets carry their own.
REVISION = 1


@dataclass(frozen=True)
class Job(ABC):
    """Base of all jobs.

    ``kind`` is the word in declarations; ``revision`` is raised by hand whenever the kind's numbers
    change; ``metrics`` are the numbers of its results that a table may show; ``checkpoints`` says
    whether a scheduler's signal ends it with its state written, so that it goes on from there.
    """

    kind: ClassVar[str]
    revision: ClassVar[int] = 1
    metrics: ClassVar[tuple[str, ...]] = ()
    checkpoints: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> Self:
        """The job of one table cell and seed.

        Args:
            point: the declared fields of the cell.
            setting: resolves words at the scale of the run.

        Raises:
            DeclarationError: a field or word is not known.
        """

    @abstractmethod
    def describe(self) -> str:
        """One line for people: what, on what, how much, which seed."""

    @property
    def shards(self) -> int:
        """Parts in which the work can be shared among processes; 1: one process does it."""
        return 1

    @property
    @abstractmethod
    def data(self) -> Data:
        """The dataset that the job reads."""

    @property
    def datasets(self) -> Iterator[Data]:
        """Every dataset that the job reads; :attr:`data` is the first."""
        yield self.data

    def parents(self) -> Iterator[Job]:
        """Jobs whose results this one starts from."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Job):
                yield value

    def closure(self) -> Iterator[Job]:
        """The job's ancestors and then itself."""
        for parent in self.parents():
            yield from parent.closure()
        yield self

    def canonical(self) -> str:
        """The one JSON text of the job: sorted keys, no spaces."""
        return json.dumps(plain(self), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @cached_property
    def digest(self) -> str:
        """Address of the result: 16 hex digits of SHA-256 over :meth:`canonical`."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()[:16]

    def replace(self, **changes: Any) -> Self:
        """The same job with other fields."""
        return dataclasses.replace(self, **changes)


# most values in a job, so they are asked for first
_AS_IT_IS = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """A job, or any value in one, as JSON knows it; a job names its kind and revisions.

    A field that says so (``metadata={"later": True}``) came after results were there that do not
    know it: at its default it is left out, and their digests stay.
    """
    if type(value) in _AS_IT_IS:
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        body = {
            f.name: plain(getattr(value, f.name))
            for f in dataclasses.fields(value)
            if not (f.metadata.get("later") and getattr(value, f.name) == f.default)
        }
        if isinstance(value, Job):
            body |= {"kind": value.kind, "revision": [REVISION, value.revision]}
        return body
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value
