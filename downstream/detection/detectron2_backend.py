"""Fine-tuning with Detectron2's own loader, model and solver, from the same settings.

The check on the torchvision backend, and the reference implementation where it is installed. The
metric is this package's, which agrees with Detectron2's evaluators. Two limits, both Detectron2's:
it draws from the global generators of torch and numpy (restored afterwards), and a resumed run
starts a new order of images, so only the torchvision backend resumes bit-identically.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from downstream.detection.checkpoint import RunCheckpoint
from downstream.detection.detections import Found
from downstream.detection.detectron2_model import build_detector, require_detectron2
from downstream.detection.readers import Record, Records
from downstream.detection.settings import DetectSettings
from mixlib.seed import generator
from mixlib.whole_files import aside

TERMS = {
    "loss_rpn_cls": "rpn_cls",
    "loss_rpn_loc": "rpn_box",
    "loss_cls": "cls",
    "loss_box_reg": "box",
}


def train_and_detect(
    net, settings, train, test, *, checkpoint, seed, device, progress, workers
) -> tuple[list[Found], list[dict[str, float]]]:
    """As the torchvision backend: detections of every `test` image, and the log of losses."""
    require_detectron2()
    folder = checkpoint.path.parent / "images"
    start = _drawn(seed, "detectron2 layers")
    with _global_seed(start):
        model, cfg = build_detector(net, settings, len(train.classes), device)
    log = _train(
        model,
        cfg,
        settings,
        dataset(train, folder / "train"),
        checkpoint,
        seed=seed,
        progress=progress,
        workers=workers,
    )
    return detect_all(model, cfg, dataset(test, folder / "test")), log


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


def _loader(rows: list[dict], cfg, seed: int, workers: int):
    from detectron2.data import DatasetMapper, build_detection_train_loader
    from detectron2.data.samplers import TrainingSampler

    return build_detection_train_loader(
        rows,
        mapper=DatasetMapper(cfg, is_train=True),
        sampler=TrainingSampler(len(rows), seed=seed),
        total_batch_size=cfg.SOLVER.IMS_PER_BATCH,
        num_workers=workers,
    )


def _train(
    model: nn.Module,
    cfg,
    settings: DetectSettings,
    rows: list[dict],
    checkpoint: RunCheckpoint,
    *,
    seed: int,
    progress,
    workers: int,
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
    model.train()
    order = _drawn(seed, "detectron2 order", start)
    with _global_seed(order), EventStorage(start) as events:
        steps = range(start, settings.iterations)
        # zip stops at the steps, before asking the endless loader for a batch too many.
        for step, batch in zip(steps, _loader(rows, cfg, order, workers), strict=False):
            events.iter = step
            terms = model(batch)
            sgd.zero_grad()
            sum(terms.values()).backward()
            sgd.step()
            rates.step()
            done = step + 1
            if done % every == 0 or done == settings.iterations:
                log.append(log_row(done, {TERMS[name]: value for name, value in terms.items()}))
                progress(done, settings.iterations, log[-1])
            if checkpoint.due() or done == settings.iterations:
                log_row(done, {TERMS[name]: value for name, value in terms.items()})
                states = {name: part.state_dict() for name, part in parts.items()}
                checkpoint.save(states | {"iteration": done, "log": log})
                checkpoint.leave_if_asked()
        if settings.precise_bn_iters:
            _estimate_norms(model, cfg, rows, settings.precise_bn_iters, order, workers)
    return log


def _estimate_norms(model, cfg, rows, iterations: int, seed: int, workers: int) -> None:
    from fvcore.nn.precise_bn import update_bn_stats

    with torch.no_grad():
        update_bn_stats(model, iter(_loader(rows, cfg, seed + 1, workers)), iterations)


@torch.no_grad()
def detect_all(model: nn.Module, cfg, rows: list[dict]) -> list[Found]:
    """Detections of every image of the dataset dicts `rows`, in its own pixels."""
    from detectron2.data import DatasetMapper

    mapper = DatasetMapper(cfg, is_train=False)
    model.eval()
    found = []
    for row in rows:
        given = model([mapper(row)])[0]["instances"].to("cpu")
        found.append(
            Found(given.pred_boxes.tensor.numpy(), given.scores.numpy(), given.pred_classes.numpy())
        )
    return found
