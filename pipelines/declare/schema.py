"""Schema of declarations: type and range of every field of a table, a scale and what they set.

Ranges stand here and not beside the dataclasses, so that all of them can be read on one page; a
test compares the names with the dataclasses' fields and the methods' parameters, and lets every
value of the catalogs pass.  A relation between fields is checked on the resolved settings.
"""

from __future__ import annotations

from collections.abc import Mapping

from downstream.detection.settings import AP_RULES, BACKENDS, NORMS
from mixlib.core.method import FAMILIES
from mixlib.data.augmentations import CROPS, FILTERS, PADDINGS
from mixlib.data.catalog import DATASETS
from mixlib.models.backbones import BACKBONES
from mixlib.training.recipes import RECIPES
from pipelines.declare import evaluation_schema as evaluation
from pipelines.declare.values import (
    Anything,
    Entries,
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

POSITIVE = Real(0, above=True)
SHARE = Real(0, 1)
RATE = Real(0, 100, above=True)
SIDE = Whole(1, 100_000)
COUNT = Whole(1, 10**9)

RECIPE: Mapping[str, Kind] = {
    "optimizer": OneOf(("sgd", "adamw", "lamb"), "optimizer"),
    "lr": RATE,
    "min_lr": Real(0, 100),
    "momentum": Real(0, 0.9999),
    "nesterov": Flag(),
    "weight_decay": Real(0, 10),
    "decay_all": Flag(),
    "warmup_epochs": Whole(0, 10_000),
    "schedule_by": OneOf(("epoch", "step"), "schedule_by"),
    "block_lr": Maybe(RATE),
    "block_min_lr": Maybe(Real(0, 100)),
    "batch": Whole(1, 1_000_000),
    "epochs": Whole(1, 100_000),
    "augment": Text(what="the name of an augmentation"),
    "loss": OneOf(("ce", "bce", "bce_share"), "loss"),
    "smoothing": Real(0, 0.9999),
    "grad_clip": Maybe(POSITIVE),
    "weight_ema": Maybe(Real(0, 1)),
    "precision": OneOf(("32-true", "bf16-mixed"), "precision"),
    "channels_last": Flag(),
    "compile": Maybe(OneOf(("inductor", "aot_eager", "eager"), "backend of torch.compile")),
    "shards": Whole(1, 1024),
    "batch_norm": OneOf(("shard", "global"), "batch_norm"),
    "drop_path": Real(0, 0.9999),
    "mix_prob": SHARE,
    "mix_until": Maybe(Whole(0, 100_000)),
}

AUGMENTATION: Mapping[str, Kind] = {
    "size": SIDE,
    "crop": OneOf(CROPS, "crop"),
    "padding": Whole(0, 10_000),
    "padding_mode": OneOf(PADDINGS, "padding_mode"),
    "scale": Many(Real(0, 1, above=True), 2, 2, growing=True),
    "ratio": Many(Real(0, 100, above=True), 2, 2, growing=True),
    "before": Whole(0, 100_000),
    "interpolation": OneOf(FILTERS, "interpolation"),
    "flip": SHARE,
    "randaugment": Text(),
    "color_jitter": Real(0, 10),
    "erase": SHARE,
    "repeats": Whole(1, 1000),
    "test_size": Whole(0, 100_000),
    "test_ratio": SHARE,
}

DETECTION: Mapping[str, Kind] = {
    "backend": OneOf(BACKENDS, "backend"),
    "iterations": COUNT,
    "batch": Whole(1, 100_000),
    "lr": RATE,
    "warmup_iters": Whole(0),
    "warmup_factor": SHARE,
    "steps": Many(COUNT, rising=True),
    "gamma": Real(0, 1, above=True),
    "momentum": Real(0, 0.9999),
    "weight_decay": Real(0, 10),
    "weight_decay_norm": Real(0, 10),
    "train_sizes": Many(SIDE, 1),
    "test_size": SIDE,
    "max_size": SIDE,
    "test_batch": Whole(1, 100_000),
    "flip": SHARE,
    "pixel_mean": Many(Real(0, 255), 3, 3),
    "pixel_std": Many(Real(0, 255, above=True), 3, 3),
    "freeze_at": Whole(0, 4),
    "norm": OneOf(NORMS, "norm"),
    "extra_norm": Flag(),
    "precise_bn_iters": Whole(0),
    "anchor_sizes": Many(Real(0, 100_000, above=True), 1),
    "anchor_ratios": Many(Real(0, 1000, above=True), 1),
    "rpn_per_image": COUNT,
    "rpn_positive": SHARE,
    "rpn_iou": Many(SHARE, 2, 2, growing=True),
    "pre_nms": Many(COUNT, 2, 2),
    "post_nms": Many(COUNT, 2, 2),
    "rpn_nms": SHARE,
    "rois_per_image": COUNT,
    "roi_positive": SHARE,
    "roi_iou": SHARE,
    "roi_size": Whole(1, 1000),
    "box_weights": Many(POSITIVE, 4, 4),
    "score_threshold": SHARE,
    "nms": SHARE,
    "detections_per_image": COUNT,
    "ap_rule": OneOf(AP_RULES, "ap_rule"),
    "shards": Whole(1, 1024),
}

SHAPES: Mapping[str, Kind] = {
    "train": Whole(0, 10**7),
    "val": Whole(0, 10**7),
    "test": Whole(0, 10**7),
    "size": Whole(16, 4096),
    "classes": Whole(2, 10_000),
    "seed": Whole(0, 2**31),
    "objects": Many(Whole(1, 100), 2, 2, growing=True),
    "radius": Many(Real(0, 1, above=True), 2, 2, growing=True),
    "anywhere": Flag(),
    "outline": SHARE,
    "surface": SHARE,
    "hue": SHARE,
    "mark": SHARE,
    "scenery": SHARE,
    "decoy": SHARE,
    "least": Whole(0, 4),
    "distractors": Whole(0, 100),
    "crowd": SHARE,
    "noise": Real(0, 255),
}

EPOCH_RULES = ("median_last_10", "last", "best")
LINE = Text(r"[^\x00-\x1f\x7f]+", "a text of one line")
NAME = Text(r"[A-Za-z][\w-]{0,63}", "a plain name: letters, digits, _ and -")
PROSE = Text(r"[^\x00-\x08\x0b-\x1f\x7f]*", "a text")
NETWORK = Text(
    r"[A-Za-z][\w-]{0,63}|[A-Za-z_][\w.]*:[A-Za-z_]\w*",
    "the name of a network, or a function of your own as package.module:function",
)

_TRAINING: Mapping[str, Kind] = {
    **RECIPE,
    "augmentation": Fields(AUGMENTATION, "augmentation field"),
    "weights": Maybe(LINE),
    "evaluate_every": Whole(1, 100_000),
    "pick": OneOf(EPOCH_RULES, "pick"),
}

CHANGES: Mapping[str, Kind] = {
    "train": Fields(_TRAINING, "recipe field"),
    "detect": Fields(DETECTION, "detector setting"),
    "localize": Fields(evaluation.LOCALIZATION, "localization setting"),
    "mixed": Fields({}, "setting"),
    "masks": Fields({}, "setting"),
    "robustness": Fields({**evaluation.ROBUSTNESS, "published": Maybe(NAME)}, "robustness setting"),
    "calibration": Fields(evaluation.CALIBRATION, "calibration setting"),
    "occlusion": Fields(evaluation.OCCLUSION, "occlusion setting"),
    "attention": Fields(evaluation.ATTENTION, "attention setting"),
    "segment": Fields(evaluation.SEGMENTATION, "segmentation setting"),
}
"""Kind of job -> what a scale may change of its settings."""

CELL: Mapping[str, Kind] = {
    "data": NAME,
    "backbone": NETWORK,
    "method": NAME,
    "pipeline": NAME,
    "recipe": NAME,
    "settings": NAME,
    "pretrain": NAME,
    "params": Entries(Anything()),
    "changes": CHANGES["train"],
    "pick": OneOf(EPOCH_RULES, "pick"),
    "weights": Maybe(LINE),
    "snapshots": Many(Whole(0, 100_000), rising=True),
    "length": Real(0, 100, above=True),
    "prior": Maybe(OneOf(("center",), "prior")),
    "rounds": Whole(1, 1000),
    "after": Whole(0, 100_000),
    "pairs": Whole(2, 1_000_000),
    "published": Maybe(NAME),
    "baseline": Maybe(NAME),
    "teacher": Fields(
        {"backbone": NAME, "method": NAME, "recipe": NAME, "weights": Maybe(LINE)},
        "field of a teacher",
        ("backbone",),
    ),
}
"""Field of a table's cell -> what it may be; which kind of job has which field its class says."""

PRINTED = Real(-1e9, 1e9)
"""A number that a paper prints."""
TABLE: Mapping[str, Kind] = {
    "title": LINE,
    "caption": PROSE,
    "source": LINE,
    "kind": NAME,
    "rows": Anything(),
    "columns": Anything(),
    "fixed": Entries(Anything()),
    "metric": NAME,
    "unit": LINE,
    "higher_is_better": Flag(),
    "decimals": Whole(0, 10),
    "tolerance": Maybe(Real(0, 1e6, above=True)),
    "tolerance_source": LINE,
    "tolerance_columns": Many(LINE, 1),
    "reference": Entries(Many(Maybe(PRINTED))),
    "gains": Many(Anything()),
    "paired": Fields(
        {
            "with": Many(LINE, 1),
            "margin": Real(0, 1e6, above=True),
            "level": Real(0, 0.5, above=True),
        },
        "key",
        ("with",),
    ),
    "footnotes": Many(PROSE),
    "figure": NAME,
    "pictures": Maybe(NAME),
    "compare": OneOf(("rows", "columns"), "axis to compare"),
    "skip": Entries(Many(LINE)),
}
ENTRY: Mapping[str, Kind] = {
    "label": LINE,
    "set": Entries(Anything()),
    "metric": NAME,
    "unit": LINE,
    "decimals": Whole(0, 10),
    "higher_is_better": Flag(),
    "ranked": Flag(),
}
GAIN: Mapping[str, Kind] = {
    "label": LINE,
    "row": LINE,
    "column": LINE,
    "over": LINE,
    "over_rows": Entries(LINE),
    "relative": Flag(),
    "decimals": Whole(0, 10),
    "reference": Anything(),
}
FIGURE: Mapping[str, Kind] = {
    "title": LINE,
    "caption": PROSE,
    "source": LINE,
    "figure": NAME,
    "settings": Entries(Anything()),
}
DATASET: Mapping[str, Kind] = {
    "path": LINE,
    "title": LINE,
    "size": SIDE,
    "splits": Many(Text(r"[\w][\w. -]*", "the name of a folder"), 2, 2),
    "train_images": COUNT,
    "held_out": COUNT,
    "mean": Many(Real(0, 1), 3, 3),
    "std": Many(Real(0, 1, above=True), 3, 3),
    "family": OneOf(FAMILIES, "data family"),
}
"""A dataset of one's own: a folder with a folder of images for each class."""
FILE: Mapping[str, Kind] = {
    "paper": LINE,
    "study": LINE,
    "seeds": Whole(1, 1000),
    "portable": Flag(),
    "plugins": Many(LINE),
    "datasets": Entries(Fields(DATASET, "key", ("path",)), key=NAME),
    "tables": Entries(Anything(), key=NAME),
    "figures": Entries(Anything(), key=NAME),
}
"""A file of declarations: of a paper, or of a study of one's own."""
OF_STUDY = ("seeds", "portable", "plugins", "datasets")
"""Keys that only a study has."""
MOST_CELLS = 10_000
"""Rows times columns that a table may have."""
MOST_JOBS = 200_000
"""Cells times seeds that all tables together may have."""

SCALE: Mapping[str, Kind] = {
    "title": LINE,
    "note": PROSE,
    "base": NAME,
    "seeds": Whole(1, 1000),
    "seeds_of": Entries(Whole(1, 1000)),
    "short": Fields(
        {"epochs": Whole(1, 1000), "steps": Whole(1, 1000), "images": Whole(2, 1000)},
        "length",
        ("epochs", "steps", "images"),
    ),
    "compare": Flag(),
    "portable": Flag(),
    "family": Maybe(OneOf(FAMILIES, "data family")),
    "remarks": Many(PROSE),
    "lambda_per": Maybe(OneOf(("batch", "sample"), "lambda_per")),
    "data": Entries(
        Fields(
            {
                "name": OneOf(tuple(DATASETS), "dataset"),
                "spec": Fields(SHAPES, "field of a generated dataset"),
                "train_cap": Maybe(COUNT),
                "test_cap": Maybe(COUNT),
            },
            "key",
        ),
        (*DATASETS, *(f"{data}/{recipe}" for data in DATASETS for recipe in RECIPES)),
        "dataset",
    ),
    "backbones": Entries(OneOf(tuple(BACKBONES), "backbone")),
    "parts": Entries(Fields({"rows": Many(LINE, 1), "columns": Many(LINE, 1)}, "axis")),
    "kinds": Fields(
        {
            kind: Entries(changes, ("default", *DATASETS, *RECIPES), "dataset or recipe")
            for kind, changes in CHANGES.items()
        },
        "kind",
    ),
}
"""A scale's file."""
