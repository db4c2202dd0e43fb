"""Job kind "detect": fine-tuning Faster R-CNN from a trained classifier's backbone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from downstream.detection.settings import SETTINGS, DetectSettings
from mixlib.datasets import DATASETS
from pipelines.declare.errors import check_keys
from pipelines.plan.job import Data, Job, Outcome
from pipelines.plan.kinds.train import TrainJob
from pipelines.plan.setting import Setting

if TYPE_CHECKING:
    from downstream.detection.readers import Records
    from pipelines.execute.context import Context

PARENT_FIELDS = ("backbone", "method", "recipe", "params", "changes")
FIELDS = ("pretrain", "data", "settings", *PARENT_FIELDS)


@dataclass(frozen=True)
class DetectJob(Job):
    """Fine-tuning one detector.

    Attributes:
        scenes: the detection data.
        parent: the classifier whose backbone it starts from.
        settings: every setting of the detector and its training.
        seed: of new layers, data order and sampling; the parent's too.
    """

    kind = "detect"

    scenes: Data
    parent: TrainJob
    settings: DetectSettings
    seed: int

    @property
    def data(self) -> Data:
        return self.scenes

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> DetectJob:
        setting.check(point, FIELDS, ("pretrain", "data", "settings", "backbone", "method"))
        parent = {k: point[k] for k in PARENT_FIELDS if k in point} | {"data": point["pretrain"]}
        paper = point["data"]
        setting.look_up("dataset", paper, DATASETS)
        settings = setting.look_up("detector settings", point["settings"], SETTINGS)
        changes: dict[str, Any] = setting.scale.settings("detect", paper)
        known = {f.name for f in dataclasses.fields(DetectSettings)}
        check_keys(setting.where, changes, known, "detector setting")
        # the detector sees pixels normalized as the classifier did
        trained_on = DATASETS[setting.data(point["pretrain"]).name]
        for name, values in (("pixel_mean", trained_on.mean), ("pixel_std", trained_on.std)):
            changes.setdefault(name, tuple(round(255 * value, 3) for value in values))
        frozen: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()
        }
        return cls(
            scenes=setting.data(paper),
            parent=TrainJob.build(parent, setting),
            settings=dataclasses.replace(settings, **frozen),
            seed=setting.seed,
        )

    def describe(self) -> str:
        s, p = self.settings, self.parent
        return (
            f"detect on {self.scenes.name} from {p.backbone.name} pretrained with {p.method.name} "
            f"on {p.images.name}: {s.backend}, {s.iterations} iterations, batch {s.batch}, "
            f"lr {s.lr:g}, seed {self.seed}"
        )

    def run(self, context: Context) -> Outcome:
        import time

        import torch

        from downstream.detection.finetune import finetune
        from mixlib import backbones

        train, test = self.splits(context)
        weights = context.weights(self.parent)
        net = backbones.build(self.parent.backbone.name, classes_of(weights), seed=0)
        net.load_state_dict(weights)
        began = time.monotonic()
        measured: dict[str, Any] = finetune(
            net, self.settings, train, test,
            seed=self.seed,
            device="cuda" if torch.cuda.is_available() else "cpu",
            workdir=context.folder,
            progress=lambda n, total, losses: context.progress("train", n, total, dict(losses)),
            checkpoint_seconds=context.checkpoint_seconds,
            workers=context.options.get("workers", 0),
        )  # fmt: skip
        return Outcome(
            metrics={name: float(measured[name]) for name in ("AP", "AP50", "AP75")},
            history=measured["losses"],
            seconds=time.monotonic() - began,
            more={"per_class": measured["per_class"]},
        )

    def splits(self, context: Context) -> tuple[Records, Records]:
        """Training and test records, capped as the job says."""
        from downstream.detection.readers import read_split

        row, root = DATASETS[self.scenes.name], context.data_folder(self.scenes)
        classes = tuple(context.data_classes(self.scenes))
        train, test = (
            read_split(row.layout, root, split, classes, cap)
            for split, cap in (
                (row.train, self.scenes.train_cap),
                (row.test, self.scenes.test_cap),
            )
        )
        return train, test


def classes_of(weights: Mapping[str, Any]) -> int:
    """Outputs of the classifier that a state dict holds."""
    return len(weights["fc.bias"])
