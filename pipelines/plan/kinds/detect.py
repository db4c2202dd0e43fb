"""Job kind "detect": fine-tuning Faster R-CNN from a trained classifier's backbone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from downstream.detection.settings import SETTINGS, DetectSettings
from mixlib.data.catalog import DATASETS
from pipelines.declare.errors import DeclarationError
from pipelines.declare.mapping import overlaid, without
from pipelines.declare.relations import DETECTION_RELATIONS, check_relations
from pipelines.declare.schema import DETECTION
from pipelines.declare.values import check_fields
from pipelines.plan.inputs import Data
from pipelines.plan.job import Job
from pipelines.plan.kinds.train import TrainJob
from pipelines.plan.setting import Setting

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
    checkpoints = True
    metrics = ("AP", "AP50", "AP75")

    scenes: Data
    parent: TrainJob
    settings: DetectSettings
    seed: int

    @property
    def data(self) -> Data:
        return self.scenes

    @property
    def shards(self) -> int:
        return self.settings.shards

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> DetectJob:
        setting.check(point, FIELDS, ("pretrain", "data", "settings", "backbone", "method"))
        parent = overlaid(
            without(point, *(set(point) - set(PARENT_FIELDS))), {"data": point["pretrain"]}
        )
        paper = point["data"]
        setting.look_up("dataset", paper, DATASETS)
        settings = setting.look_up("detector settings", point["settings"], SETTINGS)
        changes = setting.scale.settings("detect", paper)
        check_fields(setting.where, changes, DETECTION, "detector setting")
        # the detector sees pixels normalized as the classifier did
        trained_on = DATASETS[setting.data(point["pretrain"], point.get("recipe", "")).name]
        for name, values in (("pixel_mean", trained_on.mean), ("pixel_std", trained_on.std)):
            changes.setdefault(name, tuple(round(255 * value, 3) for value in values))
        frozen: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()
        }
        try:
            chosen = dataclasses.replace(settings, **frozen)
        except ValueError as error:
            raise DeclarationError(f"{setting.where}: {error}") from None
        check_relations(setting.where, chosen, DETECTION_RELATIONS)
        return cls(
            scenes=setting.data(paper),
            parent=TrainJob.build(parent, setting),
            settings=chosen,
            seed=setting.seed,
        )

    def describe(self) -> str:
        s, p = self.settings, self.parent
        return (
            f"detect on {self.scenes.name} from {p.backbone.name} pretrained with {p.method.name} "
            f"on {p.images.name}: {s.backend}, {s.iterations} iterations, batch {s.batch}, "
            f"lr {s.lr:g}, seed {self.seed}"
        )
