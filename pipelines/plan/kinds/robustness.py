"""Job kind "robustness": common corruptions and adversarial attacks (AutoMix, Table 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from downstream.robustness.settings import RobustnessSettings
from downstream.robustness.severities import CORRUPTIONS
from pipelines.declare.evaluation_schema import ROBUSTNESS
from pipelines.declare.mapping import overlaid, without
from pipelines.plan.inputs import Data
from pipelines.plan.job import Job
from pipelines.plan.kinds.settings import changed_settings
from pipelines.plan.kinds.train import FIELDS as PARENT_FIELDS
from pipelines.plan.kinds.train import TrainJob
from pipelines.plan.setting import Setting

FIELDS = ("published", "baseline", *PARENT_FIELDS)
METRICS = (
    *("clean_top1", "clean_error", "corruption_15", "corruption_19", "mce", *CORRUPTIONS),
    *("fgsm_error", "pgd_error", "apgd_ce_error", "apgd_dlr_error"),
    *("strongest_error", "fgsm_gap"),
)


@dataclass(frozen=True)
class RobustnessJob(Job):
    """Measuring one classifier on corrupted and on attacked images.

    Attributes:
        parent: the trained classifier.
        published: a published set of corrupted images (the CIFAR-C or ImageNet-C layout); None:
            the parent's own test images, corrupted by our generator.
        settings: every setting of the measurement.
        baseline: the measurement that errors are divided by for mCE; None: no mCE.
    """

    kind = "robustness"
    checkpoints = True
    metrics = METRICS

    parent: TrainJob
    published: Data | None
    settings: RobustnessSettings
    baseline: RobustnessJob | None = None

    @property
    def data(self) -> Data:
        return self.parent.images

    @property
    def datasets(self) -> Iterator[Data]:
        yield self.data
        if self.published is not None:
            yield self.published

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> RobustnessJob:
        setting.check(point, FIELDS, ("data", "method"))
        trained = without(point, "published", "baseline")
        changes = setting.scale.settings("robustness", point["data"])
        # a scale says null where no corrupted images of its own are published
        published = changes.pop("published", point.get("published"))
        own = cls(
            parent=TrainJob.build(trained, setting),
            published=None if published is None else setting.data(published),
            settings=changed_settings(
                RobustnessSettings(), changes, ROBUSTNESS, setting, "robustness setting"
            ),
        )
        baseline = point.get("baseline")
        if baseline is None or baseline == point["method"]:
            return own
        # what only this method has stays out of the baseline
        other = overlaid(without(trained, "params", "pipeline"), {"method": baseline})
        return own.replace(baseline=own.replace(parent=TrainJob.build(other, setting)))

    def describe(self) -> str:
        p = self.parent
        where = "generated corruptions" if self.published is None else self.published.name
        return (
            f"robustness of {p.backbone.name} trained with {p.method.name} on {p.images.name}, "
            f"seed {p.seed}: {where}, FGSM, PGD, APGD at {255 * self.settings.epsilon:g}/255"
        )
