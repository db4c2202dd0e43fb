"""The way from the loop to a tensor operation is short: at most five frames of our own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from mixlib.training import fit as loop
from tests.mixlib.training.test_fit import make, run

PACKAGE = str(Path(loop.__file__).parents[1])
AT_MOST = 5


class Reached(Exception):
    """Leaves the first step."""


def own_frames() -> list[str]:
    """Functions of mixlib on the stack, from ``fit`` on."""
    frame, names = sys._getframe(1), []
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE):
            names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names[::-1]


# vanilla mixes nothing: its first tensor operation of ours is the loss
@pytest.mark.parametrize(
    ("name", "patched"),
    [
        ("vanilla", (torch.nn.functional, "log_softmax")),
        ("mixup", (torch, "lerp")),
        ("cutmix", (torch, "lerp")),
        ("automix", (torch, "lerp")),
    ],
)
def test_at_most_five_frames(monkeypatch, name, patched):
    found = []

    def operation(*_args, **_options):
        found.extend(own_frames())
        raise Reached

    monkeypatch.setattr(*patched, operation)
    with pytest.raises(Reached):
        run(make(name))
    assert found[0] == "fit"
    assert len(found) <= AT_MOST, " > ".join(found)
    assert name == "vanilla" or "blend" in found
