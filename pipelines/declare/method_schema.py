"""Types and ranges of the parameters of mixing methods, as declarations may set them."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.declare.schema import SHARE, SIDE
from pipelines.declare.values import (
    Fields,
    Flag,
    Kind,
    Many,
    Maybe,
    OneOf,
    Real,
    Text,
    Whole,
)

ALPHA = Real(0, 1000, above=True)
SCOPE = OneOf(("sample", "batch"), "scope")
SITE = Text(r"\w[\w.]*", "the name of a site")
MOMENTUM = Fields(
    {
        "start": SHARE,
        "end": SHARE,
        "hold": SHARE,
        "warm": OneOf(("hold", "linear"), "warm"),
        "copy_first": Flag(),
    },
    "parameter",
)

PARAMETERS: Mapping[str, Kind] = {
    "alpha": Maybe(ALPHA),
    "area": Many(Real(0, 1, above=True), 2, 2, growing=True),
    "aspect": Real(0, 1, above=True),
    "at_test": Real(0, 100),
    "attention": Text(r"\w+", "a name"),
    "beta": Real(0, 1000, above=True),
    "block": Whole(1, 1000),
    "blocks": Many(Whole(1, 1000), 1, rising=True),
    "cell": Maybe(Whole(1, 1000)),
    "cells": Maybe(Whole(1, 10_000)),
    "counts": Many(Whole(1, 1000), 1),
    "cutmix": Real(0, 1000),
    "decay": Real(0, 100),
    "eta": Real(0, 1000),
    "fill": OneOf(("zero", "color", "noise"), "fill"),
    "gamma": Real(0, 1000),
    "grid": Whole(1, 1000),
    "high": SHARE,
    "images": Whole(2, 100),
    "iterations": Whole(1, 100_000),
    "labels": OneOf(("attention", "teacher", "saliency", "area", "relabel"), "labels"),
    "law": OneOf(("uniform", "log"), "law"),
    "levels": Whole(2, 100),
    "low": SHARE,
    "map_site": SITE,
    "mask": OneOf(("block", "random", "region"), "mask"),
    "mean": Many(Real(-10, 10), 1, 16),
    "merges": SHARE,
    "mixup": Real(0, 1000),
    "mode": OneOf(("sample", "pair", "batch", "nearest", "bilinear"), "mode"),
    "momentum": MOMENTUM,
    "move_cost": Real(0, 1000),
    "neighbor": Whole(1, 1000),
    "odds": SHARE,
    "odd": OneOf(("keep", "drop"), "odd"),
    "omega": Real(0, 1000),
    "pairing": OneOf(("roll", "permute", "reverse"), "pairing"),
    "part": Whole(1, 10_000),
    "pipeline": OneOf(("none", "ema", "mp0", "mp", "mp_ce"), "pipeline"),
    "prob": SHARE,
    "ratio": SHARE,
    "released": Flag(),
    "rescale": Flag(),
    "saliency": OneOf(("spectral", "gradient"), "saliency"),
    "scope": SCOPE,
    "severity": Real(0, 10),
    "side": Maybe(Whole(1, 100_000)),
    "sharpness": Maybe(Real(0, 10_000, above=True)),
    "sigma": Real(0, 1000, above=True),
    "site": SITE,
    "sites": Many(SITE, 1),
    "soft": Real(0, 0.5),
    "sparsity": Real(0, 1000),
    "std": Many(Real(0, 10, above=True), 1, 16),
    "sweeps": Whole(1, 1000),
    "switch": SHARE,
    "threshold": SHARE,
    "tolerance": Real(0, 1, above=True),
    "tries": Whole(1, 10_000),
    "unsolved": Real(0, 1000),
    "weight": Real(0, 1000),
}
"""Parameters of the mixing methods whose constructors take them by name."""

OF_RULES: Mapping[str, Kind] = {"area": SHARE, "weight": PARAMETERS["weight"]}
"""Parameters of the methods' label rules."""

AUTOMIX: Mapping[str, Kind] = {
    "preset": Text(r"\w+", "the name of a preset"),
    "pipeline": PARAMETERS["pipeline"],
    "block": Fields(
        {
            "embed_lam": Flag(),
            "separate": Flag(),
            "value": OneOf(("own", "partner"), "value"),
            "squash": OneOf(("before", "after"), "squash"),
            "upsample": OneOf(("nearest", "bilinear", "bicubic"), "upsample"),
            "reduction": Whole(1, 1024),
            "scaled": Flag(),
            "lam_scale": Maybe(Real(0, 100)),
            "paired": Flag(),
            "value_neck": Flag(),
            "init": Real(0, 100, above=True),
            "init_value": Real(0, 100, above=True),
        },
        "parameter",
    ),
    "site": SITE,
    "image": SIDE,
    "alpha": ALPHA,
    "scope": SCOPE,
    "pairing": PARAMETERS["pairing"],
    "lam_margin": Real(0, 0.5),
    "lam_loss": Fields(
        {
            "kind": OneOf(("l1", "l2", "sparsity"), "kind"),
            "scope": SCOPE,
            "margin": SHARE,
            "variance": Real(0, 100),
        },
        "parameter",
    ),
    "lam_weight": Fields(
        {
            "start": Real(0, 1000),
            "shape": OneOf(("linear", "constant", "cosine", "compounding"), "shape"),
        },
        "parameter",
    ),
    "momentum": MOMENTUM,
    "statistics": OneOf(("own", "ema"), "statistics"),
    "one_hot": Flag(),
    "every": Whole(1, 10_000),
    "skip": SHARE,
    "full_pass": Flag(),
    "report": Fields(
        {"network": OneOf(("q", "k"), "network"), "head": OneOf(("one", "mix"), "head")},
        "parameter",
    ),
}
"""Parameters of AutoMix: its fields, and those of the dataclasses inside."""

_SHARED = ("preset", "pipeline", "block", "site", "image", "alpha", "scope", "pairing")

ADAUTOMIX: Mapping[str, Kind] = {
    **{name: AUTOMIX[name] for name in (*_SHARED, "momentum", "statistics", "every", "report")},
    "samples": Whole(2, 64),
    "beta": SHARE,
    "cosine": OneOf(("kept", "lowered"), "cosine"),
    "learned": Flag(),
    "lam_margin": AUTOMIX["lam_margin"],
    "flat": SHARE,
}
"""Parameters of AdAutoMix."""

SETTINGS_OF: Mapping[str, Mapping[str, Kind]] = {"automix": AUTOMIX, "adautomix": ADAUTOMIX}
"""Methods whose parameters are a dataclass: name -> its fields."""
