"""Findings: what on this machine would stop a job of a plan, looked for before any is started."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import yaml
from huggingface_hub import try_to_load_from_cache
from torchvision.models import get_model_weights

from downstream.localization.image_boxes import METADATA
from mixlib.data.catalog import DATASETS
from mixlib.data.catalog.row import Dataset
from mixlib.data.errors import DataError
from mixlib.data.images import cap
from mixlib.data.readers import READERS, read
from mixlib.data.split_sizes import take_inventory
from mixlib.models.backbones import PUBLISHED, PUBLISHED_BY_TIMM, backbone
from pipelines.data.places import DATA, MissingDataError, bases, find
from pipelines.plan.inputs import Data
from pipelines.plan.job import Job
from pipelines.plan.kinds import AttentionJob, DetectJob, LocalizeJob, TrainJob
from pipelines.start import processes

DETECTRON2 = "02b5c4e2"
"""The commit of Detectron2 that this project was tested with."""
TIMM_FILES = ("model.safetensors", "pytorch_model.bin")
PROFILE = Path(__file__).parents[1] / "profiles/slurm/config.yaml"
LISTED = ("imagefolder", "imagenet100")
"""Layouts whose boxes stand in lists of their own."""
CUB_METADATA = Path("wsol_metadata/CUB/val")
AGAIN = "unpack its archive again"
OTHER = (
    "these are other images than the extract that this row stands for: name your own in a study "
    "(docs/your-own.md), where train_images takes some of a full set"
)
GIB = 2**30
Hours = Callable[[Job], float]
Bytes = Callable[[Job], float]


def of_data(jobs: Iterable[Job]) -> Iterator[str]:
    """Datasets that are missing, or hold another number of images than their owners'."""
    for name in dict.fromkeys(data.name for job in jobs for data in job.datasets):
        row = DATASETS[name]
        if row.identity == "generated":
            continue
        try:
            _, folder = find(row)
        except MissingDataError as error:
            sizes = ", ".join(f"{n:,} {split}" for split, n in row.splits if n)
            room = f"; it takes about {row.gib:g} GiB" if row.gib else ""
            yield f"data: {error} (expected {sizes or 'images'}{room})"
            continue
        try:
            yield from (f"data: {text}" for text in of_splits(row, folder))
        except (DataError, OSError) as error:
            yield f"data: {row.title}: {error}"


def of_amounts(jobs: Iterable[Job]) -> Iterator[str]:
    """Sets of one's own with fewer images than a batch has, or than are held out."""
    sizes: dict[Data, int] = {}
    found = []
    for job in jobs:
        if not isinstance(job, TrainJob) or DATASETS[job.images.name].identity != "measured":
            continue
        data, row = job.images, DATASETS[job.images.name]
        try:
            if data not in sizes:
                read_in = read(row.layout, find(row)[1], row.train)
                sizes[data] = len(cap(read_in, data.train_cap))
        except (MissingDataError, DataError, OSError):
            continue  # said by of_data
        left = sizes[data] - (data.held_out or 0)
        if left < 1:
            found.append(
                f"images: {row.title}: expected held_out below its {sizes[data]:,} training "
                f"images, found {data.held_out:,}"
            )
        elif left < job.recipe.batch:
            found.append(
                f"images: {row.title}: expected a batch of at most the {left:,} images that are "
                f"trained on, found {job.recipe.batch:,} ({job.describe()})"
            )
    yield from dict.fromkeys(found)


def of_boxes(jobs: Iterable[Job]) -> Iterator[str]:
    """True boxes that a measurement wants beside its dataset: WSOL metadata of ImageNet and of
    CUB's validation images."""
    jobs = list(jobs)
    wanted = {
        (job.data.name, METADATA)
        for job in jobs
        if isinstance(job, AttentionJob) and DATASETS[job.data.name].layout in LISTED
    } | {
        (job.data.name, CUB_METADATA)
        for job in jobs
        if isinstance(job, LocalizeJob) and job.settings.validation == "val"
    }
    for name, place in sorted(wanted):
        row = DATASETS[name]
        if row.identity == "generated":
            continue
        try:
            folder = find(row)[1].parent / place
        except MissingDataError:  # said already, and by the same words
            folder = next(iter(bases().values())) / place
        if not (folder / "localization.txt").is_file():
            yield (
                f"boxes: {row.title}: expected the WSOL metadata (Choe et al., CVPR 2020; "
                f"https://github.com/clovaai/wsolevaluation) in {folder}, found none"
            )


def of_splits(row: Dataset, folder: Path) -> Iterator[str]:
    """Splits of a dataset in a folder with a wrong number of images; says which classes."""
    if row.layout not in READERS:
        for split, count in take_inventory(row, folder).splits.items():
            if row.count(split) and count != row.count(split):
                yield _wrong(row, split, count, folder, "")
        return
    ranges = {split: (least, most) for split, least, most in row.per_class}
    for split, expected in row.splits:
        images = read(row.layout, folder, split)
        if not expected or len(images) == expected:
            continue
        each = np.bincount(images.labels, minlength=len(images.names))
        least, most = ranges.get(split, (1, expected))
        odd = [
            f"{name} has {count:,}"
            for name, count in zip(images.names, each.tolist(), strict=True)
            if not least <= count <= most
        ]
        if row.classes and len(images.names) != row.classes:
            odd.append(f"{row.classes} classes expected, {len(images.names)} found")
        allowed = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        smallest = images.names[int(each.argmin())]
        which = f"{', '.join(odd[:20])}{' ...' if len(odd) > 20 else ''} (expected {allowed})"
        nearest = f"every class has {allowed}; the smallest is {smallest} with {each.min():,}"
        more = which if odd else nearest if split in ranges else ""
        yield _wrong(row, split, len(images), folder, more)


def _wrong(row: Dataset, split: str, found: int, folder: Path, which: str) -> str:
    return (
        f"{row.title}, {split}: expected {row.count(split):,} images, found {found:,} in {folder}"
        + (f": {which}" if which else "")
        + f"; {AGAIN if row.official else OTHER}"
    )


def of_software(jobs: Iterable[Job]) -> Iterator[str]:
    """Detectron2, where a detector wants it; published weights that are not here."""
    jobs = list(jobs)
    wants = [j for j in jobs if isinstance(j, DetectJob) and j.settings.backend == "detectron2"]
    if wants and find_spec("detectron2") is None:
        yield (
            f"detectron2: {len(wants)} detectors want it, and it is not installed: pip install "
            "--no-build-isolation 'git+https://github.com/facebookresearch/detectron2@"
            f"{DETECTRON2}' (the tested commit; about five minutes on two cores), or set backend: "
            "torchvision in the scale, which computes the same"
        )
    names = {
        job.backbone.name
        for job in jobs
        if isinstance(job, TrainJob) and job.weights is not None and job.weights.name == PUBLISHED
    }
    for name in sorted(names):
        path = published_file(name)
        if not path.is_file():
            yield (
                f"weights: torchvision's of {name} are not at {path}; load them where there is a "
                f'network: python -c "import torchvision; torchvision.models.get_model('
                f"'{backbone(name).torchvision}', weights='IMAGENET1K_V1')\""
            )

    wanted = {
        job.backbone.name
        for job in jobs
        if isinstance(job, TrainJob)
        and job.weights is not None
        and job.weights.name == PUBLISHED_BY_TIMM
    }
    for name in sorted(wanted):
        tag = backbone(name).timm or ""
        if not any(
            isinstance(try_to_load_from_cache(f"timm/{tag}", file), str) for file in TIMM_FILES
        ):
            yield (
                f"weights: timm's of {name} are not in the cache of the Hugging Face hub; load "
                "them where there is a network: "
                f"python -c \"import timm; timm.create_model('{tag}', pretrained=True)\""
            )


def published_file(name: str) -> Path:
    """Where torchvision keeps a network's weights on this machine."""
    model = backbone(name).torchvision
    assert model is not None
    url = get_model_weights(model)["IMAGENET1K_V1"].url
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]


def of_disk(jobs: Iterable[Job], results: Path, stored: Bytes) -> Iterator[str]:
    """Folders with less room than results and missing datasets take."""
    jobs = list(jobs)
    need: dict[Path, float] = {results: sum(map(stored, jobs))}
    for name in dict.fromkeys(data.name for job in jobs for data in job.datasets):
        try:
            find(DATASETS[name])
        except MissingDataError:
            folder = (
                bases(DATA)["data"] if DATASETS[name].archives else next(iter(bases().values()))
            )
            need[folder] = need.get(folder, 0) + DATASETS[name].gib * GIB
    for folder, size in need.items():
        there = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.is_dir())
        free = shutil.disk_usage(there).free
        if size > free:
            yield (
                f"disk: {folder} needs about {size / GIB:,.0f} GiB, {free / GIB:,.0f} GiB are free;"
                " make room, or put a link to another disk in its place"
            )


def of_shards(jobs: Iterable[Job], gpus: int) -> Iterator[str]:
    """GPUs that do not divide the shards; a batch that they do not divide is no declaration."""
    said = set()
    for job in jobs:
        used = processes(job.shards, gpus)
        if job.shards > 1 and used != min(gpus, job.shards):
            said.add(
                f"shards: {gpus} GPUs do not divide the {job.shards} shards of kind {job.kind}: "
                f"{used} would work; ask for {used}"
            )
    yield from sorted(said)


def of_memory(jobs: Iterable[Job], gib: float, memory: Bytes) -> Iterator[str]:
    """Jobs that want more memory of a GPU than there is, the first of its kind each."""
    said: set[str] = set()
    for job in jobs:
        text = job.describe().rpartition(", seed")[0]
        if text in said or memory(job) <= gib * GIB:
            continue
        said.add(text)
        yield (
            f"memory: {text}: about {memory(job) / GIB:.0f} GiB a GPU (counted), there are "
            f"{gib:g}; take a GPU with more, or more GPUs for a detector"
        )


def of_time(jobs: Iterable[Job], gpus: int, hours: Hours) -> Iterator[str]:
    """Jobs that the cluster's profile ends for good before they are done."""
    profile = yaml.safe_load(PROFILE.read_text())
    minutes = next(
        int(entry.split("=")[1]) for entry in profile["default-resources"] if "runtime=" in entry
    )
    attempts = 1 + profile["retries"]
    said: set[str] = set()
    for job in jobs:
        text = job.describe().rpartition(", seed")[0]
        takes = hours(job) / max(1, processes(job.shards, gpus))
        if takes > attempts * minutes / 60 and text not in said:
            said.add(text)
            yield (
                f"time: {text}: about {takes:.0f} hours, {PROFILE.parent.name}'s profile gives "
                f"{attempts} times {minutes / 60:g}; raise runtime or retries there"
            )
