"""Combinations of a plan's jobs: what differs in the code that they run, one job each.  Imports no
torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec

from mixlib.catalog.methods import METHODS
from mixlib.data.catalog import DATASETS
from mixlib.models.backbones import BACKBONES
from pipelines.plan.job import Job
from pipelines.plan.kinds import DetectJob, TrainJob
from pipelines.plan.setting import unpaired

BLOCKS = 16
"""Blocks of a network whose row does not say."""
FINE_TUNING = 100.0
"""What a step of a detector or a segmenter costs beside one of a classifier at 224 pixels."""


def classifier(job: Job) -> TrainJob | None:
    """The training that a job is, or starts from; None: no network plays a part."""
    found = job if isinstance(job, TrainJob) else getattr(job, "parent", None)
    return found if isinstance(found, TrainJob) else None


def combination(job: Job) -> tuple[str, ...]:
    """(kind, network, layouts, recipe, method, pipeline) of a job; "-" where there is none."""
    trained = classifier(job)
    layouts = "+".join(dict.fromkeys(layouts_of(job)))
    if trained is None:
        return (job.kind, "-", layouts, "-", "-", "-")
    return (
        job.kind,
        trained.backbone.name,
        layouts,
        trained.recipe.name + ("" if trained.weights is None else f"/{trained.weights.name}"),
        trained.method.name,
        pipeline(trained),
    )


def layouts_of(job: Job) -> list[str]:
    """The layouts that a job reads, the classifier's first."""
    trained = classifier(job)
    data = [*([trained.images] if trained else []), *job.datasets]
    return [DATASETS[each.name].layout for each in data]


def pipeline(job: TrainJob) -> str:
    """AutoMix' Table 10: which networks take part in a step."""
    return str(dict(job.method.params).get("pipeline", METHODS[job.method.name].pipeline))


def traits(job: Job) -> set[tuple[str, str]]:
    """What a job covers: ("kind", "train"), ("network", "resnet18"), ... each once."""
    kind, network, _, recipe, method, pipe = combination(job)
    found = {("kind", kind), ("network", network), ("recipe", recipe), ("method", method)}
    found |= {("pipeline", pipe)} | {("layout", layout) for layout in layouts_of(job)}
    return {(what, name) for what, name in found if name != "-"}


def distinct(jobs: Iterable[Job]) -> list[Job]:
    """One job of every combination, and what these start from; ancestors first.

    Trainings that others start from stand for their combination, so that they are shared.
    """
    chosen: dict[tuple[str, ...], Job] = {}
    last_first = sorted(jobs, key=lambda job: isinstance(job, TrainJob))
    for job in last_first:
        if isinstance(job, TrainJob):
            break
        chosen.setdefault(combination(job), job)
    needed = [each for job in chosen.values() for each in job.closure()]
    for job in (*needed, *last_first):
        chosen.setdefault(combination(job), job)
    return with_ancestors(chosen.values())


def with_ancestors(jobs: Iterable[Job]) -> list[Job]:
    """Jobs and whatever they start from, each once, ancestors first."""
    return list({each.digest: each for job in jobs for each in job.closure()}.values())


def cost(job: Job) -> float:
    """About what a job takes, in passes of an image at 224 pixels by a network of eight blocks:
    enough to prefer small images, shallow networks and plain methods."""
    if job.kind in ("detect", "segment"):
        return FINE_TUNING
    if not isinstance(job, TrainJob):
        return 20.0 if job.kind == "robustness" else 2.0
    row, size = METHODS[job.method.name], dict(job.augment)["size"]
    averaged = unpaired(job.method.params).get("pipeline", "none") != "none"
    passes = 3 if row.objective != "once" or averaged else 1 + ("input_grad" in row.needs)
    if not job.recipe.epochs:  # a published network as it is, and a large one
        return 50.0
    images = job.recipe.batch * job.recipe.epochs
    blocks = sum(BACKBONES[job.backbone.name].options.get("layers", (BLOCKS,)))
    return 1.0 + images * passes * (size / 224) ** 2 * blocks / 8


def cover(
    jobs: Sequence[Job],
    price: Callable[[Job], float] = cost,
    wanted: Callable[[Job], set[tuple[str, str]]] = traits,
) -> list[Job]:
    """Few and cheap jobs that cover whatever the jobs cover (greedy set cover), with ancestors.

    Args:
        jobs: with their ancestors.
        price: of one job.
        wanted: what a job covers.
    """
    prices = {job.digest: price(job) for job in jobs}
    left = set().union(*(wanted(job) for job in jobs))
    chosen: dict[str, Job] = {}

    def worth(job: Job) -> float:
        more = [each for each in with_ancestors([job]) if each.digest not in chosen]
        gain = left & set().union(*map(wanted, more))
        return len(gain) / sum(prices[each.digest] for each in more) if more else 0.0

    while left:
        best = max(jobs, key=worth)
        for each in with_ancestors([best]):
            chosen[each.digest] = each
            left -= wanted(each)
    return with_ancestors(chosen.values())


def sample(jobs: Sequence[Job], price: Callable[[Job], float] = cost) -> list[Job]:
    """Few and cheap jobs of every kind, recipe and pipeline: those that are stopped and resumed.

    Published weights that are evaluated as they are have no step at which to stop.
    """
    jobs = [job for job in jobs if not isinstance(job, TrainJob) or job.recipe.epochs]
    left: set[tuple[str, str]] = set().union(*map(own_traits, jobs))
    chosen = []
    while left:
        best = max(jobs, key=lambda job: len(left & own_traits(job)) / price(job))
        chosen.append(best)
        left -= own_traits(best)
    return chosen


def own_traits(job: Job) -> set[tuple[str, str]]:
    """What a job covers when it is resumed: a measurement's kind, and of a training its recipe and
    pipeline, too."""
    wanted = ("kind", "recipe", "pipeline") if isinstance(job, TrainJob) else ("kind",)
    return {(what, name) for what, name in traits(job) if what in wanted}


def runnable(jobs: Iterable[Job]) -> tuple[list[Job], list[str]]:
    """The jobs as this machine can do them, and what was put in the place of what."""
    found, notes = [], []
    for job in jobs:
        if isinstance(job, DetectJob) and job.settings.backend == "detectron2" and not installed():
            job = job.replace(settings=replace(job.settings, backend="torchvision"))
            notes.append("backend torchvision in the place of detectron2, which is not installed")
        found.append(job)
    return found, list(dict.fromkeys(notes))


def installed() -> bool:
    """Whether Detectron2 is."""
    return find_spec("detectron2") is not None


def counted(jobs: Iterable[Job]) -> Mapping[str, int]:
    """How many names there are of each trait.

    Example:
        >>> counted([])
        {}
    """
    found: dict[str, set[str]] = {}
    for job in jobs:
        for what, name in traits(job):
            found.setdefault(what, set()).add(name)
    return {what: len(names) for what, names in sorted(found.items())}
