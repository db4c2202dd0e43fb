"""Known faults of public mixing code, each with where it was reported and the check that sees it;
and correct code, which no check may object to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mixlib.audit import Claims, Effort, Finding, Report, Verdict
from tests.mixlib.audit import mixers as m

MIXUP = Claims("mixup", alpha=1.0, prob=1.0, scope="sample")
BOX = Claims("box", alpha=1.0, prob=1.0, scope="sample")
HALF = Claims("mixup", alpha=1.0, prob=0.5, scope="sample")


def effort(seed: int, workers: int = 0) -> Effort:
    """A closer look at smaller images: what the mutants are tested with."""
    return Effort(
        draws=1600,
        seed=seed,
        batch=16,
        size=(12, 12),
        wide=(8, 20),
        workers=workers,
        coefficients=False,
    )


def alarms(report: Report) -> list[Finding]:
    """Everything that is not as it should be."""
    return [f for f in report.findings if f.verdict in (Verdict.NOTE, Verdict.FAIL)]


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        name: of the fault.
        make: a fresh mixer that has it.
        claims: what its users were told.
        check: start of the name of a check that must object.
        report: repository and number of a public report, or where it is known from.
    """

    name: str
    make: Callable[[], Callable[..., Any]]
    claims: Claims
    check: str
    report: str


MUTANTS = (
    Mutant(
        "two gammas of different rates",
        lambda: m.TwoGammas("mixup"),
        MIXUP,
        "law of lambda",
        "keras-cv 1361, tensorflow/models 13490",
    ),
    Mutant(
        "alpha ignored",
        lambda: m.AlphaIgnored("mixup", alpha=0.2),
        Claims("mixup", alpha=0.2, prob=1.0),
        "law of lambda",
        "kornia 0.9.0, RandomMixUpV2",
    ),
    Mutant("lambda folded", lambda: m.LargerHalf("mixup"), MIXUP, "law of lambda", "MixMatch's"),
    Mutant(
        "probability applied twice",
        lambda: m.ProbTwice("mixup", prob=0.5),
        HALF,
        "rate of mixing",
        "kornia 4649",
    ),
    Mutant(
        "probability as a weight",
        lambda: m.ProbAsWeight("mixup", prob=0.5),
        HALF,
        "rate of mixing",
        "mmpretrain 875",
    ),
    Mutant(
        "labels of another permutation",
        lambda: m.OtherPermutation("mixup"),
        MIXUP,
        "label share",
        "several",
    ),
    Mutant(
        "lambda and 1 - lambda exchanged",
        lambda: m.LabelsExchanged("mixup"),
        MIXUP,
        "label share",
        "kornia 3077",
    ),
    Mutant(
        "clipped area not corrected",
        lambda: m.ClippedUncorrected("box"),
        BOX,
        "label share",
        "CutMix 1",
    ),
    Mutant(
        "height and width exchanged",
        lambda: m.SidesSwapped("box"),
        BOX,
        "aspect of boxes",
        "composer 3932",
    ),
    Mutant(
        "width from the height",
        lambda: m.WidthFromHeight("box"),
        BOX,
        "aspect of boxes",
        "tensorflow/models 11271",
    ),
    Mutant(
        "one number for both coordinates",
        lambda: m.OneNumber("box"),
        BOX,
        "place is independent",
        "kornia 4712",
    ),
    Mutant(
        "column drawn below the height",
        lambda: m.HeightForBoth("box"),
        BOX,
        "borders are",
        "of the kind of composer 3932",
    ),
    Mutant(
        "last origin never drawn",
        lambda: m.LastNeverReached("box"),
        BOX,
        "borders are reached",
        "timm 2739",
    ),
    Mutant("half a pixel", lambda: m.HalfPixel("box"), BOX, "borders are alike", "torchvision"),
    Mutant("edges excluded", lambda: m.EdgesExcluded("box"), BOX, "label share", "issue's list"),
    Mutant(
        "the box holds the own image",
        lambda: m.OwnInside("box"),
        BOX,
        "kind of mask",
        "kornia 0.9.0, two meanings of lambda",
    ),
    Mutant(
        "own partner in 1 of B rows",
        lambda: m.OwnPartner("mixup"),
        MIXUP,
        "no sample is its own",
        "kornia 0.9.0",
    ),
    Mutant(
        "own partner, one lambda a batch",
        lambda: m.OwnPartner("box", scope="batch"),
        Claims("box", alpha=1.0, prob=1.0),
        "no sample is its own",
        "mixup-cifar10, CutMix releases",
    ),
    Mutant(
        "the first sample for all",
        lambda: m.FirstForAll("mixup"),
        MIXUP,
        "use of the samples",
        "broadcast index",
    ),
    Mutant(
        "middle of an odd batch left out",
        lambda: m.MiddleAlone("mixup"),
        MIXUP,
        "odd batches are mixed whole",
        "reversed batches",
    ),
    Mutant(
        "odd batch loses a sample",
        lambda: m.DropsLast("mixup"),
        MIXUP,
        "odd batches",
        "pairs of halves",
    ),
    Mutant(
        "one lambda for all samples",
        lambda: m.OneLamForAll("mixup"),
        MIXUP,
        "scope of a draw",
        "issue's list",
    ),
    Mutant(
        "one lambda, many boxes",
        lambda: m.OneLamForAll("box"),
        BOX,
        "rows are independent: share",
        "issue's list",
    ),
    Mutant(
        "one place for all samples",
        lambda: m.OnePlaceForAll("box"),
        BOX,
        "rows are independent",
        "same_on_batch leaks",
    ),
    Mutant(
        "batch changed in place",
        lambda: m.InPlace("mixup"),
        MIXUP,
        "the caller's batch",
        "timm 1.0.31",
    ),
    Mutant(
        "bytes cut off", lambda: m.CutOff("mixup"), MIXUP, "dtype is kept: uint8", "issue's list"
    ),
    Mutant(
        "images promoted to float64",
        lambda: m.Promoted("mixup"),
        MIXUP,
        "dtype is kept: float32",
        "NumPy scalars",
    ),
    Mutant(
        "both images get lambda",
        lambda: m.WeightsOver("mixup"),
        MIXUP,
        "weights of a pixel",
        "sign errors",
    ),
    Mutant(
        "targets made integers",
        lambda: m.WholeTargets("mixup"),
        MIXUP,
        "targets are fractions",
        "label dtype kept",
    ),
    Mutant(
        "targets sum to less than one",
        lambda: m.TargetsTwice("mixup"),
        MIXUP,
        "targets sum",
        "smoothing twice",
    ),
    Mutant(
        "equal streams in workers",
        lambda: m.OwnStream("mixup"),
        MIXUP,
        "streams of workers",
        "NumPy generators copied into workers",
    ),
    Mutant(
        "equal streams in epochs",
        lambda: m.OwnStream("box"),
        BOX,
        "streams of epochs",
        "workers started anew from one state",
    ),
    Mutant(
        "global generator set anew",
        lambda: m.Reseeds("mixup"),
        MIXUP,
        "global generators are not set",
        "seeds inside transforms",
    ),
    Mutant(
        "a draw serves two calls",
        lambda: m.EveryOtherRepeated("mixup"),
        MIXUP,
        "calls are independent",
        "parameters kept between calls",
    ),
    Mutant(
        "fill before normalization",
        lambda: m.FillNormalized("box"),
        Claims("erase"),
        "fill value",
        "issue's list",
    ),
)

CORRECT = {
    "mixup": (lambda: m.Mixer("mixup"), MIXUP),
    "mixup, alpha 0.2": (
        lambda: m.Mixer("mixup", alpha=0.2),
        Claims("mixup", alpha=0.2, prob=1.0, scope="sample"),
    ),
    "mixup, half of the samples": (lambda: m.Mixer("mixup", prob=0.5), HALF),
    "boxes": (lambda: m.Mixer("box"), BOX),
    "boxes, alpha 0.3, some of the samples": (
        lambda: m.Mixer("box", alpha=0.3, prob=0.7),
        Claims("box", alpha=0.3, prob=0.7, scope="sample"),
    ),
    "both": (
        lambda: m.Mixer("both", alpha=0.8, prob=0.9),
        Claims(alpha=0.8, prob=0.9, box_prob=0.5, scope="sample"),
    ),
    "one box a batch": (
        lambda: m.Mixer("box", scope="batch"),
        Claims("box", alpha=1.0, prob=1.0, scope="batch"),
    ),
    "one lambda a batch, sometimes": (
        lambda: m.Mixer("mixup", alpha=0.4, prob=0.6, scope="batch"),
        Claims("mixup", alpha=0.4, prob=0.6, scope="batch"),
    ),
    "erasing": (lambda: m.Eraser("box"), Claims("erase", scope="sample")),
}
