"""mixlib's own methods pass, and what is noted of them is known."""

from __future__ import annotations

import pytest

import mixlib
from mixlib.audit import Claims, Effort, audit

EFFORT = Effort(draws=200, batch=4, workers=0, coefficients=False)
CLAIMS = {
    "mixup": Claims("mixup", alpha=1.0, prob=1.0),
    "cutmix": Claims("box", alpha=1.0, prob=1.0),
    "stochastic": Claims(alpha=1.0, prob=1.0, box_prob=0.5, scope="batch"),
    # four images at places that go with their permutation, fixed points and all
    "ricap": Claims("mosaic", self_pairs=True),
    "cutout": Claims("erase"),
    "random_erasing": Claims("erase", prob=0.5, fill=0.0),
    "hide_and_seek": Claims("erase"),
}
# what a user should know: labels of FMix are the drawn lambda, boxes on pixels lean half of one
NOTED = ("label share is pixel share", "borders are alike")


def mixers() -> dict[str, mixlib.Mixer]:
    """Methods that mix a batch of images with as many channels as samples, without a network."""
    found = {}
    for name, row in mixlib.METHODS.items():
        # SaliencyMix looks at colors, of which there are three; GuidedMixup draws nothing
        if row.needs or name in ("saliencymix", "guidedmixup"):
            continue
        try:
            found[name] = mixlib.build(name)
        except ValueError:  # is an objective, or mixes inside the network
            continue
    return found


MIXERS = mixers()


def test_there_are_methods_to_audit() -> None:
    assert {"mixup", "cutmix", "fmix", "hmix", "gmix", "resizemix", "ricap"} <= set(MIXERS)


@pytest.mark.parametrize("name", MIXERS)
def test_own_methods_pass(name: str) -> None:
    report = audit(MIXERS[name], CLAIMS.get(name, Claims()), EFFORT, name=name)
    assert not report.failures()
    assert all(note.check.startswith(NOTED) for note in report.notes())
