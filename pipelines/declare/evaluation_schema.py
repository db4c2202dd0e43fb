"""Schema of evaluations: type and range of every setting of the measurements of trained networks.

As :mod:`pipelines.declare.schema`, whose page they would overfill.
"""

from __future__ import annotations

from collections.abc import Mapping

from downstream.localization.settings import VALIDATION
from downstream.robustness.occlusion_settings import WHICH
from pipelines.declare.values import Flag, Kind, Many, Maybe, OneOf, Real, Text, Whole

SHARE = Real(0, 1)
SIDE = Whole(1, 100_000)
COUNT = Whole(1, 10**9)
BATCH = Whole(1, 100_000)
SEED = Whole(0, 2**31)
STEPS = Whole(1, 100_000)
POSITIVE = Real(0, above=True)
FILTER = OneOf(("bilinear", "bicubic"), "interpolation")

LOCALIZATION: Mapping[str, Kind] = {
    "input": SIDE,
    "interpolation": FILTER,
    "grid": SIDE,
    "thresholds": STEPS,
    "site": Text(r"\w[\w.]*", "the name of a site"),
    "center_sigma": Real(0, 100_000, above=True),
    "batch": BATCH,
    "samples": Whole(1, 1000),
    "validation": OneOf(VALIDATION, "validation"),
}

ROBUSTNESS: Mapping[str, Kind] = {
    "epsilon": SHARE,
    "pgd_step": Real(0, 1, above=True),
    "pgd_steps": STEPS,
    "apgd_steps": STEPS,
    "corrupted": Maybe(COUNT),
    "attacked": Maybe(COUNT),
    "batch": BATCH,
    "seed": SEED,
}

CALIBRATION: Mapping[str, Kind] = {
    "bins": Whole(1, 10_000),
    "held_out": SHARE,
    "batch": BATCH,
    "seed": SEED,
}

OCCLUSION: Mapping[str, Kind] = {
    "which": Many(OneOf(WHICH, "curve"), 1, len(WHICH)),
    "patch": SIDE,
    "ratios": Many(SHARE, 1, rising=True),
    "rounding": OneOf(("round", "floor"), "rounding"),
    "fill": OneOf(("mean", "black"), "fill"),
    "shared": Flag(),
    "repeats": Whole(1, 1000),
    "seed": SEED,
    "images": Maybe(COUNT),
    "batch": BATCH,
    "samples": Whole(1, 100),
}

ATTENTION: Mapping[str, Kind] = {
    "input": SIDE,
    "interpolation": FILTER,
    "images": Maybe(COUNT),
    "batch": BATCH,
    "samples": Whole(1, 100),
}

SEGMENTATION: Mapping[str, Kind] = {
    "crop": SIDE,
    "stride": SIDE,
    "short": SIDE,
    "longest": SIDE,
    "ratio": Many(Real(0, 100, above=True), 2, 2, growing=True),
    "one_class": SHARE,
    "layers": Many(Whole(0, 1000), 4, 4, rising=True),
    "channels": Whole(1, 100_000),
    "auxiliary_channels": Whole(1, 100_000),
    "auxiliary_weight": Real(0, 100),
    "dropout": Real(0, 0.9999),
    "drop_path": Real(0, 0.9999),
    "batch": BATCH,
    "steps": COUNT,
    "lr": Real(0, 100, above=True),
    "weight_decay": Real(0, 10),
    "layer_decay": Real(0, 1, above=True),
    "warmup": Whole(0, 10**9),
    "warmup_lr": Real(0, 100, above=True),
    "power": POSITIVE,
    "scales": Many(POSITIVE, 1, 100),
}
