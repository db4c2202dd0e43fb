"""Job kind "localize": boxes from a fine-tuned classifier's class activation maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from downstream.localization.settings import LocalizeSettings
from mixlib.data.catalog import DATASETS
from pipelines.declare.evaluation_schema import LOCALIZATION
from pipelines.declare.mapping import without
from pipelines.declare.values import check_fields
from pipelines.plan.inputs import Data
from pipelines.plan.job import Job
from pipelines.plan.kinds.train import FIELDS as PARENT_FIELDS
from pipelines.plan.kinds.train import TrainJob
from pipelines.plan.setting import Setting, pairs

FIELDS = ("prior", *PARENT_FIELDS)
_DELTAS = ("", "_30", "_50", "_70")
METRICS = tuple(
    f"{name}{delta}"
    # the best threshold of the test boxes; the validation boxes'; one that no box chose
    for name in ("MaxBoxAccV2", "MaxBoxAcc", "BoxAccV2_validation", "BoxAccV2_no_boxes")
    for delta in _DELTAS
)


@dataclass(frozen=True)
class LocalizeJob(Job):
    """Measuring how well one classifier's maps localize.

    Nothing here is drawn at random: two seeds differ in their parents only.

    Attributes:
        scenes: the images with boxes; the parent is trained on the same dataset.
        parent: the fine-tuned classifier; None is the center prior, which no network made.
        settings: every setting of the measurement.
    """

    kind = "localize"
    # 2: thresholds of a validation split and of no boxes beside that of the test boxes
    revision = 2
    metrics = METRICS

    scenes: Data
    parent: TrainJob | None
    settings: LocalizeSettings

    @property
    def data(self) -> Data:
        return self.scenes

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> LocalizeJob:
        setting.check(point, FIELDS, ("data",))
        prior = point.get("prior")
        parent = without(point, "prior")
        setting.look_up("dataset", point["data"], DATASETS)
        changes = setting.scale.settings("localize", point["data"])
        check_fields(setting.where, changes, LOCALIZATION, "localization setting")
        return cls(
            scenes=setting.data(point["data"], point.get("recipe", "")),
            parent=None if prior else TrainJob.build(parent, setting),
            settings=LocalizeSettings(**dict(pairs(changes))),
        )

    def describe(self) -> str:
        s = self.settings
        if self.parent is None:
            what = f"the center prior (sigma {s.center_sigma:g})"
        else:
            p = self.parent
            what = f"{p.backbone.name} trained with {p.method.name}, seed {p.seed}"
        return f"localize on {self.scenes.name} by {what}: {s.thresholds} thresholds"
