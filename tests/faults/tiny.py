"""The smallest declaration that trains: one table of two trainings of a few seconds, in any folder.

``python -m tests.faults.tiny train|render`` does its work in the working folder, as the product's
own processes do.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.declare import scale, table
from pipelines.plan.build import plan_of
from pipelines.plan.grid import Plan

NAME = "tiny"
TABLE = """\
paper: the smallest
tables:
  tiny:
    title: The smallest table
    caption: Two trainings.
    source: nowhere
    kind: train
    metric: top1
    rows: {method: [vanilla, cutmix]}
    columns:
      - {label: generated, set: {data: cifar10}}
    fixed: {backbone: resnet18_cifar, recipe: cifar}
"""
SCALE = """\
title: tiny
note: for tests of faults.
seeds: 1
family: generated
data:
  cifar10: {name: shapes, spec: {train: 48, val: 20, size: 16, seed: 1}}
backbones: {resnet18_cifar: resnet10_w16}
kinds:
  train:
    default:
      epochs: 3
      batch: 16
      lr: 0.1
      augmentation: {size: 16, crop: none, flip: 0.5, test_ratio: 0.0}
"""


def declare(folder: Path) -> None:
    """Writes the declarations into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tables").mkdir(exist_ok=True)
    (folder / "tables" / "tiny.yaml").write_text(TABLE)
    (folder / f"{NAME}.yaml").write_text(SCALE)


def planned(folder: Path) -> Plan:
    """The plan of the declarations in a folder."""
    return plan_of(table.load_all(folder / "tables"), scale.load(NAME, folder))


def train(folder: Path) -> None:
    """Prepares the data and performs every job, with a checkpoint a step."""
    from mixlib.data.catalog import DATASETS
    from pipelines.data.datasets import provide
    from pipelines.data.fingerprints import specify
    from pipelines.execute.perform import perform
    from pipelines.execute.store import Store

    plan, store = planned(folder), Store()
    for data in plan.data.values():
        row = DATASETS[data.name]
        provide(row, specify(row, dict(data.spec)))
    for job in plan.jobs.values():
        perform(job, store, checkpoint_seconds=0.0, accelerator="cpu")


def draw(folder: Path) -> Path:
    """Renders the table; returns its folder."""
    from paper_tables.render import render
    from pipelines.execute.store import Store

    return render(planned(folder), NAME, Store())


def main() -> None:
    """The command."""
    from pipelines.command_line import run_app

    work = {"train": train, "render": draw}[sys.argv[1]]
    run_app(lambda: work(Path("declared")))


if __name__ == "__main__":
    main()
