"""What is a unit of work?  A job: frozen, fully resolved, its parents inside; its digest is its
address.

Everything that changes a job's numbers is a field; nothing else is (no path, device, worker or
executor).  A job kind is one class here with a runner, plus its rule in the Snakefile.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from downstream.detection.settings import DetectSettings

from mixlib.recipes import Recipe

# One number for what all jobs share (the loop, the evaluation, the readers): raised by hand when a
# change there changes results.  Kinds, methods, recipes, networks and data sets carry their own.
REVISION = 1


@dataclass(frozen=True)
class Data:
    """A data set as a job sees it.

    Attributes:
        name: its row in ``mixlib.datasets``.
        fingerprint: identity of its content (``pipelines.datasets.fingerprint``).
        spec: (key, value) pairs of a generated set's specification; empty for real sets.
        train_cap, test_cap: most images used of each split; None is all.
    """

    name: str
    fingerprint: str
    spec: tuple[tuple[str, Any], ...] = ()
    train_cap: int | None = None
    test_cap: int | None = None


@dataclass(frozen=True)
class Row:
    """A catalogue row as a job sees it: its name, its revision and its resolved parameters."""

    name: str
    revision: int
    params: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Job(ABC):
    """Base of all jobs.

    ``kind`` is the word in declarations; ``runner`` the function "module:name" that does the work
    (imported only by the process that runs it, so that building a graph imports no torch);
    ``revision`` is raised by hand whenever the kind's numbers change.
    """

    kind: ClassVar[str]
    runner: ClassVar[str]
    revision: ClassVar[int] = 1

    @abstractmethod
    def describe(self) -> str:
        """One line for people: what, on what, how much, which seed."""

    @property
    @abstractmethod
    def data(self) -> Data:
        """The data set that the job reads."""

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

    @property
    def digest(self) -> str:
        """Address of the result: 16 hex digits of SHA-256 over :meth:`canonical`."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()[:16]

    def replace(self, **changes: Any) -> Self:
        """The same job with other fields."""
        return dataclasses.replace(self, **changes)


def plain(value: Any) -> Any:
    """A job, or any value in one, as JSON knows it; a job names its kind and revisions."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        body = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(value, Job):
            body |= {"kind": value.kind, "revision": [REVISION, value.revision]}
        return body
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value


@dataclass(frozen=True)
class TrainJob(Job):
    """Training one classifier.

    Attributes:
        images: the data.
        backbone, method: catalogue rows.
        recipe: every setting of the training.
        augment: every setting of the augmentation, as (key, value) pairs.
        seed: of initial weights, data order and all draws.
        pick: which epoch's accuracy counts: "median_last_10" (AutoMix 4.1), "last" or "best".
        start: the job whose weights it starts from; or None.
        weights: published weights that it starts from (a word of torchvision's), or None.
    """

    kind = "train"
    runner = "pipelines.train:run"

    images: Data
    backbone: Row
    method: Row
    recipe: Recipe
    augment: tuple[tuple[str, Any], ...]
    seed: int
    pick: str = "median_last_10"
    evaluate_every: int = 10
    start: TrainJob | None = None
    weights: str | None = None

    @property
    def data(self) -> Data:
        return self.images

    def describe(self) -> str:
        r = self.recipe
        return (
            f"train {self.backbone.name} with {self.method.name} on {self.images.name}: {r.epochs} epochs, "
            f"batch {r.batch}, {r.optimizer} lr {r.lr:g} to {r.min_lr:g}, seed {self.seed}"
        )


@dataclass(frozen=True)
class DetectJob(Job):
    """Fine-tuning Faster R-CNN from a trained classifier's backbone."""

    kind = "detect"
    runner = "pipelines.detect:run"

    scenes: Data
    parent: TrainJob
    settings: DetectSettings
    seed: int

    @property
    def data(self) -> Data:
        return self.scenes

    def describe(self) -> str:
        s, p = self.settings, self.parent
        return (
            f"detect on {self.scenes.name} from {p.backbone.name} pretrained with {p.method.name} on {p.images.name}: "
            f"{s.backend}, {s.iterations} iterations, batch {s.batch}, lr {s.lr:g}, seed {self.seed}"
        )


KINDS: dict[str, type[Job]] = {job.kind: job for job in (TrainJob, DetectJob)}
