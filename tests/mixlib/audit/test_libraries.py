"""What docs/audit.md says about the libraries that are installed with the project."""

from __future__ import annotations

from timm.data import Mixup
from torchvision.transforms import v2

from mixlib.audit import Claims, Effort, Report, audit

EFFORT = Effort(draws=1000, batch=4, size=(8, 8), wide=(8, 20), workers=0, coefficients=False)


def names(report: Report) -> tuple[set[str], set[str]]:
    return {f.check for f in report.failures()}, {f.check for f in report.notes()}


def test_timm_overwrites_its_input_and_refuses_odd_batches() -> None:
    mixup = Mixup(mixup_alpha=0.4, num_classes=6)
    failed, noted = names(audit(mixup, Claims("mixup", alpha=0.4, prob=1.0), EFFORT))
    assert failed == {"the caller's batch is kept"}
    assert noted == {"single samples", "odd batches, 3 samples"} | (
        {"odd batches, 5 samples"} & noted
    )


def test_torchvisions_boxes_lean_to_the_origin() -> None:
    cutmix = v2.CutMix(alpha=1.0, num_classes=6)
    failed, noted = names(audit(cutmix, Claims("box", alpha=1.0, prob=1.0), EFFORT))
    assert not failed
    assert noted & {"borders are alike: rows, small", "borders are alike: columns, small"}


def test_torchvisions_mixup_has_nothing_to_note() -> None:
    mixup = v2.MixUp(alpha=0.4, num_classes=6)
    assert names(audit(mixup, Claims("mixup", alpha=0.4, prob=1.0), EFFORT)) == (set(), set())
