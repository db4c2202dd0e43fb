"""Pinned copies of batches, detectors and attacks on a real GPU, and the benchmarks' figures, which
go to docs/benchmarks.md."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from downstream.detection.c4 import C4Detector
from downstream.detection.settings import DetectSettings
from downstream.robustness.attacks import Normalized
from downstream.robustness.settings import RobustnessSettings
from mixlib.data.augmentations import AUGMENTS
from mixlib.data.images import Images
from mixlib.data.loader import Loader
from mixlib.models import backbones
from pipelines.execute.robustness import attacks
from tests.contracts.test_fake_device_downstream import SMALL, scenes

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.xdist_group("gpu"),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
ROOT = Path(__file__).parents[2]


def test_decoded_pictures_are_copied_from_pinned_memory(monkeypatch):
    images = Images(np.zeros(8, np.int64), ("a",), pixels=np.zeros((8, 40, 40, 3), np.uint8))
    loader = Loader(
        images, AUGMENTS["deit"].resized(32), 4, 0, True,
        mean=(0.5,) * 3, std=(0.2,) * 3, device="cuda", workers=2,
    )  # fmt: skip
    pinned, to = [], torch.Tensor.to

    def watch(tensor, *where, **how):
        if how.get("non_blocking"):
            pinned.append(tensor.is_pinned())
        return to(tensor, *where, **how)

    monkeypatch.setattr(torch.Tensor, "to", watch)
    batches = list(loader.epoch(0))
    assert len(batches) == 2
    assert len(pinned) == 4
    assert all(pinned)


@pytest.mark.parametrize("name", ["fgsm", "pgd", "apgd_ce", "apgd_dlr"])
def test_an_attack_finds_what_it_finds_on_the_cpu(name):
    model = Normalized(backbones.build("resnet10_w16", 5, 0), (0.5,) * 3, (0.2,) * 3).eval()
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    y = torch.arange(4)
    found = []
    for device in ("cpu", "cuda"):
        attack = attacks(RobustnessSettings(pgd_steps=2, apgd_steps=4), 0, 5)[name]
        found.append(attack(model.to(device), x.to(device), y.to(device)).cpu())
    # the sign of a gradient near 0 turns with its last digit
    assert float(((found[0] - found[1]).abs() < 1e-3).float().mean()) > 0.98


def test_a_detector_has_the_losses_of_the_cpu():
    settings = DetectSettings(**SMALL)
    net, losses = backbones.build("resnet10_w16", 10, 0), []
    for device in ("cpu", "cuda"):
        model = C4Detector(net, 3, settings, torch.Generator().manual_seed(0)).to(device).train()
        terms = model(scenes(settings, device), torch.Generator().manual_seed(1))
        sum(terms.values()).backward()
        losses.append({name: float(value) for name, value in terms.items()})
    assert losses[1] == pytest.approx(losses[0], rel=2e-2, abs=1e-4)


@pytest.mark.parametrize(
    "words",
    [
        ("benchmarks.automix_step", "--device", "cuda", "--batch", "100", "--rounds", "5",
         "--check-waits"),
        ("benchmarks.automix_step", "--device", "cuda", "--batch", "256", "--bf16"),
        ("benchmarks.gpu_steps",),
        ("benchmarks.loading", "--rounds", "3", "--count", "16"),
    ],
    ids=lambda words: " ".join(words[:1]),
)  # fmt: skip
def test_figures(words):
    """Prints what docs/benchmarks.md shows (``-s``)."""
    run = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=240,
    )  # fmt: skip
    print(f"\n$ python -m {' '.join(words)}\n{run.stdout}")
    assert run.returncode == 0, run.stderr[-3000:]
