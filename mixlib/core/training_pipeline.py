"""The training pipelines that AutoMix's Table 10 crosses with mixing methods.

A pipeline says which networks take part in a step and which losses they get, whatever decides the
masks: "+ MP" is the momentum pipeline of AutoMix (Liu et al., ECCV 2022, section 3.3), "+ CE" its
cross-entropy on clean samples.  Plain weight averaging stands beside them, because the momentum
network is an average too.  Imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mixlib.core.catalog import Catalog

PipelineName = Literal["none", "ema", "mp0", "mp", "mp_ce"]


@dataclass(frozen=True)
class TrainingPipeline:
    """One row of Table 10.

    Attributes:
        name: the word of declarations.
        title: what a table adds to the method's title.
        averaged: a second network follows the first as a moving average.
        one_hot: the first network also learns clean samples, with a head of its own.

    Example:
        >>> TRAINING_PIPELINES["mp_ce"].title
        ' + MP + CE'
    """

    name: str
    title: str
    averaged: bool
    one_hot: bool = False


TRAINING_PIPELINES = Catalog(
    "training pipeline",
    (
        TrainingPipeline("none", "", averaged=False),
        # not in the paper: an average that never sees a batch
        TrainingPipeline("ema", " + EMA", averaged=True),
        # the second network is a copy of the first
        TrainingPipeline("mp0", " + MP (m = 0)", averaged=False),
        TrainingPipeline("mp", " + MP", averaged=True),
        TrainingPipeline("mp_ce", " + MP + CE", averaged=True, one_hot=True),
    ),
)

# Momentum of the average where the default, 0.999, is too slow: runs of a few hundred steps on
# generated data average over the last fifty.
MOMENTUM = {"generated": {"start": 0.98}}
