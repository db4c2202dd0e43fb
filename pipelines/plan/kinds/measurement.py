"""Jobs on one training and its own images, measurements of its classifier among them: what their
kinds share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pipelines.declare.values import Kind
from pipelines.plan.inputs import Data
from pipelines.plan.job import Job
from pipelines.plan.kinds.settings import changed_settings
from pipelines.plan.kinds.train import TrainJob
from pipelines.plan.setting import Setting


class OfTraining(Job):
    """A job that reads a training's result and images; a dataclass with the field ``parent``."""

    parent: TrainJob

    @property
    def data(self) -> Data:
        return self.parent.images


class Measurement(OfTraining):
    """A job that reads a parent's weights and images; a dataclass with the fields ``parent`` and
    ``settings``.

    ``protocol``: the settings, as the paper has them; ``known``: what a scale may change of them,
    and to what.
    """

    protocol: ClassVar[Any]
    known: ClassVar[Mapping[str, Kind]]

    @classmethod
    def build(cls, point: Mapping[str, Any], setting: Setting) -> Self:
        parent = TrainJob.build(point, setting)
        changes = setting.scale.settings(cls.kind, point["data"])
        settings = changed_settings(
            cls.protocol, changes, cls.known, setting, f"{cls.kind} setting"
        )
        return cls(parent, settings)  # type: ignore[call-arg]
