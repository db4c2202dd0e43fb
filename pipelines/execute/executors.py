"""The executors: kind of job -> the function that does it.  One module per kind; imports torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipelines.execute import (
    attention,
    calibration,
    detect,
    localize,
    mixed,
    occlusion,
    robustness,
    segment,
    train,
)
from pipelines.execute.context import Context
from pipelines.execute.outcome import Outcome

EXECUTORS: dict[str, Callable[[Any, Context], Outcome]] = {
    "train": train.run,
    "detect": detect.run,
    "localize": localize.run,
    "mixed": mixed.run,
    "robustness": robustness.run,
    "calibration": calibration.run,
    "occlusion": occlusion.run,
    "attention": attention.run,
    "segment": segment.run,
}
