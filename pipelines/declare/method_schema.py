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

PAIRING = OneOf(("roll", "permute", "reverse"), "pairing")
PIPELINE = OneOf(("none", "ema", "mp0", "mp", "mp_ce"), "pipeline")
OF_TRAINING: Mapping[str, Kind] = {"pipeline": PIPELINE, "momentum": MOMENTUM}
"""Of the training pipeline that a method without one of its own is in, see
:mod:`mixlib.core.training_pipeline`."""

PARAMETERS: Mapping[str, Kind] = {
    "area": Many(Real(0, 1, above=True), 2, 2, growing=True),
    "attention": Text(r"\w+", "a name"),
    "blocks": Many(Whole(1, 1000), 1, rising=True),
    "counts": Many(Whole(1, 1000), 1),
    "map_site": SITE,
    "mean": Many(Real(-10, 10), 1, 16),
    "site": SITE,
    "sites": Many(SITE, 1),
    "std": Many(Real(0, 10, above=True), 1, 16),
}
"""Parameters of the library's methods of which an annotation does not say all: sequences, sites."""

OF_RULES: Mapping[str, Kind] = {"area": SHARE, "weight": Real(0, 1000)}
"""Parameters of the methods' label rules."""

AUTOMIX: Mapping[str, Kind] = {
    "preset": Text(r"\w+", "the name of a preset"),
    "pipeline": PIPELINE,
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
    "pairing": PAIRING,
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
