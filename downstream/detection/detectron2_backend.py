"""Fine-tuning with Detectron2's own model, augmentation and solver, from the same settings.

The check on the torchvision backend, and the reference implementation where it is installed. The
metric is this package's, which agrees with Detectron2's evaluators, and so is the order of images,
which a resumed run goes on with. Detectron2 draws from the global generators of torch and numpy:
they are seeded for every step and every image, and restored afterwards. Under torchrun each process
has its shards' images, and its own means of the losses: with other numbers of processes they are
those of other parts of the batch.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from downstream.detection.batches import index_batches
from downstream.detection.checkpoint import RunCheckpoint
from downstream.detection.detections import Found
from downstream.detection.detectron2_model import build_detector, require_detectron2
from downstream.detection.processes import ALONE, Processes, places
from downstream.detection.readers import Record, Records
from downstream.detection.settings import DetectSettings
from mixlib.seed import derive, generator
from mixlib.whole_files import aside

TERMS = {
    "loss_rpn_cls": "rpn_cls",
    "loss_rpn_loc": "rpn_box",
    "loss_cls": "cls",
    "loss_box_reg": "box",
}


def train_and_detect(
    net, settings, train, test, *, checkpoint, seed, device, progress, workers, processes, recompute
) -> tuple[list[Found], list[dict[str, float]]]:
    """As the torchvision backend: detections of every `test` image, and the log of losses.

    Raises:
        ImportError: Detectron2 is not installed.
        ValueError: activations shall be computed again, which it cannot.
    """
    require_detectron2()
    if recompute:
        raise ValueError(
            "Detectron2 cannot compute activations again: use backend='torchvision' with it, or "
            "more GPUs"
        )
    if processes.world > 1:
        join_group()
    folder = checkpoint.path.parent / "images"
    start = _drawn(seed, "detectron2 layers")
    with _global_seed(start):
        model, cfg = build_detector(net, settings, len(train.classes), device, processes.world)
    batches = partial(
        training_batches, train, dataset(train, folder / "train"), cfg, settings,
        workers=workers, processes=processes,
    )  # fmt: skip
    log = _train(
        model, cfg, settings, batches, checkpoint,
        seed=seed, progress=progress, processes=processes,
    )  # fmt: skip
    return detect_all(model, cfg, dataset(test, folder / "test"), processes), log


def join_group() -> None:
    """Tells Detectron2 of the processes that torchrun started on this machine."""
    from detectron2.utils import comm

    if getattr(comm, "_LOCAL_PROCESS_GROUP", None) is None:
        comm.create_local_process_group(int(os.environ["LOCAL_WORLD_SIZE"]))


def _drawn(seed: int, *keys: int | str) -> int:
    return int(torch.randint(1 << 31, (), generator=generator(seed, *keys)))


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """Seeded global generators of torch and numpy inside, the caller's again outside."""
    before = np.random.get_state()  # noqa: NPY002 - Detectron2 augments from numpy's global state
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002


def dataset(records: Records, folder: Path) -> list[dict]:
    """Records as Detectron2's dataset dicts; images in memory are written to `folder` as PNG."""
    from detectron2.structures import BoxMode

    rows = []
    for item in records.items:
        annotations = [
            {
                "bbox": box.tolist(),
                "bbox_mode": BoxMode.XYXY_ABS,
                "category_id": int(label),
                "iscrowd": int(crowd),
            }
            for box, label, crowd in zip(item.boxes, item.labels, item.crowd, strict=True)
        ]
        rows.append(
            {
                "file_name": str(_file(item, folder)),
                "image_id": item.name,
                "height": item.height,
                "width": item.width,
                "annotations": annotations,
            }
        )
    return rows


def _file(item: Record, folder: Path) -> Path:
    if item.path is not None:
        return item.path
    file = folder / f"{item.name}.png"
    assert item.image is not None
    with aside(file) as part:
        Image.fromarray(item.image).save(part)
    return file


class _Mapped(Dataset):
    """Item (place in the run, number of the image) -> what Detectron2 makes of it."""

    def __init__(self, rows: list[dict], cfg, seed: int) -> None:
        from detectron2.data import DatasetMapper

        self.rows, self.seed = rows, seed
        self.mapper = DatasetMapper(cfg, is_train=True)

    def __getitem__(self, item: tuple[int, int]) -> dict:
        place, number = item
        # its augmentations know numpy's global generator only
        np.random.seed(derive(self.seed, "detectron2 augment", place) % 2**32)  # noqa: NPY002
        made: dict = self.mapper(self.rows[number])
        return made


def training_batches(
    train: Records,
    rows: list[dict],
    cfg,
    settings: DetectSettings,
    *,
    seed: int,
    steps: range,
    workers: int,
    processes: Processes,
) -> Iterator[list[dict]]:
    """Mapped images of every one of the steps: those of this process's shards, in the order of the
    torchvision backend."""
    own = places([s for shards in processes.passes(settings) for s in shards], settings)
    wanted = islice(enumerate(index_batches(train, settings.batch, seed)), steps.start, steps.stop)
    batches = (
        [(step * settings.batch + place, numbers[place]) for place in own]
        for step, numbers in wanted
    )
    return iter(
        DataLoader(
            _Mapped(rows, cfg, seed),
            batch_sampler=batches,  # type: ignore[arg-type]
            num_workers=workers,
            collate_fn=list,
            generator=generator(seed, "detectron2 workers"),
        )
    )


def _train(
    model: nn.Module,
    cfg,
    settings: DetectSettings,
    batches: Callable[..., Iterator[list[dict]]],
    checkpoint: RunCheckpoint,
    *,
    seed: int,
    progress,
    processes: Processes,
) -> list[dict[str, float]]:
    """Train `model` in place with Detectron2's solver; returns the log of losses."""
    from detectron2.solver import build_lr_scheduler, build_optimizer
    from detectron2.utils.events import EventStorage

    from downstream.detection.finetune import LOG_POINTS, log_row

    sgd = build_optimizer(cfg, model)
    rates = build_lr_scheduler(cfg, sgd)
    parts = {"model": model, "optimizer": sgd, "schedule": rates}
    start, log = 0, []
    saved = checkpoint.load()
    if saved is not None:
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        start, log = saved["iteration"], saved["log"]
    every = max(1, settings.iterations // LOG_POINTS)
    steps = range(start, settings.iterations)
    model.train()
    with _global_seed(_drawn(seed, "detectron2")), EventStorage(start) as events:
        for step, batch in zip(steps, batches(seed=seed, steps=steps), strict=True):
            events.iter = step
            torch.manual_seed(derive(seed, "detectron2 samples", step, processes.rank))
            terms = model(batch)
            sgd.zero_grad()
            sum(terms.values()).backward()
            processes.average_gradients(model)
            sgd.step()
            rates.step()
            done = step + 1
            ours = {TERMS[name]: value for name, value in terms.items()}
            if done % every == 0 or done == settings.iterations:
                log.append(log_row(done, processes.average(ours)))
                if not processes.rank:
                    progress(done, settings.iterations, log[-1])
            if checkpoint.due() or (checkpoint.writer and done == settings.iterations):
                log_row(done, ours)
                states = {name: part.state_dict() for name, part in parts.items()}
                checkpoint.save(states | {"iteration": done, "log": log})
                checkpoint.leave_if_asked()
        if settings.precise_bn_iters:
            fresh, count = _drawn(seed, "detectron2 norms"), settings.precise_bn_iters
            _estimate_norms(model, batches(seed=fresh, steps=range(count)), count)
    return log


def _estimate_norms(model: nn.Module, batches: Iterator[list[dict]], count: int) -> None:
    from fvcore.nn.precise_bn import update_bn_stats

    with torch.no_grad():
        update_bn_stats(model, batches, count)


@torch.no_grad()
def detect_all(
    model: nn.Module, cfg, rows: list[dict], processes: Processes = ALONE
) -> list[Found]:
    """Detections of every image of the dataset dicts `rows`, in its own pixels; each process does a
    part, and all have them all."""
    from detectron2.data import DatasetMapper

    mapper = DatasetMapper(cfg, is_train=False)
    model.eval()
    found = []
    for row in processes.share(rows):
        given = model([mapper(row)])[0]["instances"].to("cpu")
        found.append(
            Found(given.pred_boxes.tensor.numpy(), given.scores.numpy(), given.pred_classes.numpy())
        )
    return processes.gather(found)
