"""One of the processes of the test of detectors on several; run under torchrun, or called.

Argument: folder for the results.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed

from downstream.detection.c4 import C4Detector
from downstream.detection.checkpoint import RunCheckpoint
from downstream.detection.evaluate import detect_all
from downstream.detection.finetune import estimate_norms, train_detector
from downstream.detection.processes import Processes
from downstream.detection.settings import DetectSettings
from mixlib.seed import generator
from mixlib.training.sync_batch_norm import synchronize
from tests.downstream.detection.detection_data import drawn_records
from tests.downstream.detection.detection_resnets import tiny_basic

CPU = torch.device("cpu")
SETTINGS = DetectSettings(
    iterations=3, batch=8, shards=4, warmup_iters=1, steps=(2,), lr=0.02,
    train_sizes=(64, 96), test_size=96, test_batch=2, anchor_sizes=(16, 32, 64),
    rpn_per_image=32, rois_per_image=16, roi_size=7, pre_nms=(200, 100), post_nms=(50, 30),
)  # fmt: skip
CASES = {
    "frozen": SETTINGS,
    "synchronized": replace(
        SETTINGS, norm="trainable", freeze_at=0, extra_norm=True, precise_bn_iters=2
    ),
}


def train(name: str, folder: Path, processes: Processes, recompute: bool) -> None:
    """One case to its end, in double precision: its state, log and detections."""
    settings = CASES[name]
    records = drawn_records(12)
    model = C4Detector(tiny_basic(8), len(records.classes), settings, generator(0, "layers"))
    if settings.norm != "frozen" and processes.world > 1:
        synchronize(model, CPU)
        model.freeze()
    model.recompute = recompute
    model.double()
    torch.set_default_dtype(torch.float64)  # of normalized pixels
    kept = RunCheckpoint(folder / name, "key", 1e9, writer=False)
    given = {"seed": 0, "device": CPU, "workers": 0, "processes": processes}
    log = train_detector(model, settings, records, kept, progress=lambda *_: None, **given)
    if settings.precise_bn_iters:
        estimate_norms(model, settings, records, **given)
    found = detect_all(model, drawn_records(5, seed=1), settings, CPU, processes)
    torch.set_default_dtype(torch.float32)
    if not processes.rank:
        scores = [torch.from_numpy(each.scores) for each in found]
        torch.save(
            {"state": model.state_dict(), "log": log, "scores": scores}, folder / f"{name}.pt"
        )


def main(folder: Path, recompute: bool = False) -> None:
    """Every case."""
    torch.set_num_threads(1)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1:
        distributed.init_process_group("gloo")
    processes = Processes(int(os.environ.get("RANK", "0")), world)
    for name in CASES:
        train(name, folder, processes, recompute)
    if world > 1:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
