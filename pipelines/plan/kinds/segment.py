"""Job kind "segment": fine-tuning UPerNet from a trained vision transformer (TokenMix, ADE20K)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from downstream.segmentation.settings import SETTINGS, SegmentSettings
from mixlib.data.catalog import DATASETS
from pipelines.declare.errors import DeclarationError
from pipelines.declare.evaluation_schema import SEGMENTATION
from pipelines.declare.mapping import overlaid, without
from pipelines.plan.inputs import Data
from pipelines.plan.job import Job
from pipelines.plan.kinds.settings import changed_settings
from pipelines.plan.kinds.train import TrainJob
from pipelines.plan.setting import Setting

PARENT_FIELDS = ("backbone", "method", "recipe", "params", "changes", "teacher")
FIELDS = ("pretrain", "data", "settings", *PARENT_FIELDS)
LAYOUTS = ("ade20k", "camvid")


@dataclass(frozen=True)
class SegmentJob(Job):
    """Fine-tuning one segmenter.

    Attributes:
        scenes: images with a class for every pixel.
        parent: the classifier that it starts from.
        settings: every setting of the segmenter, its training and its tests.
        seed: of new layers, data order, crops and dropout; the parent's too.
    """

    kind = "segment"
    # 2: crops are padded after normalization, not with black
    revision = 2
    checkpoints = True
    metrics = ("mIoU", "mAcc", "aAcc", "mIoU_ms", "mAcc_ms", "aAcc_ms", "classes")

    scenes: Data
    parent: TrainJob
    settings: SegmentSettings
    seed: int

    @property
    def data(self) -> Data:
        return self.scenes

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> SegmentJob:
        setting.check(point, FIELDS, ("pretrain", "data", "settings", "backbone", "method"))
        parent = overlaid(
            without(point, *(set(point) - set(PARENT_FIELDS))), {"data": point["pretrain"]}
        )
        scenes = setting.data(point["data"])
        if DATASETS[scenes.name].layout not in LAYOUTS:
            raise DeclarationError(
                f"{setting.where}: expected a dataset with masks (layout {' or '.join(LAYOUTS)}), "
                f"found {scenes.name} in layout {DATASETS[scenes.name].layout}"
            )
        settings = setting.look_up("segmenter settings", point["settings"], SETTINGS)
        changes = setting.scale.settings("segment", point["data"])
        return cls(
            scenes,
            TrainJob.build(parent, setting),
            changed_settings(settings, changes, SEGMENTATION, setting, "segmentation setting"),
            setting.seed,
        )

    def describe(self) -> str:
        s, p = self.settings, self.parent
        return (
            f"segment {self.scenes.name} from {p.backbone.name} pretrained with {p.method.name} "
            f"on {p.images.name}: {s.steps} steps, batch {s.batch}, lr {s.lr:g}, seed {self.seed}"
        )
