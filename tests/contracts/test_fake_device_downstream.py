"""What evaluations and fine-tunings promise on a GPU, found without one: attacks, detectors and
segmenters meet no tensor of another device and wait for the device only where it says why."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from downstream.detection.batches import collate
from downstream.detection.c4 import C4Detector
from downstream.detection.finetune import update
from downstream.detection.schedule import optimizer
from downstream.detection.settings import DetectSettings, moco_norm
from downstream.robustness.attacks import Normalized
from downstream.robustness.settings import RobustnessSettings
from downstream.segmentation.finetune import Preparation, Training
from downstream.segmentation.settings import SegmentSettings
from downstream.segmentation.upernet import UPerNet
from mixlib.counting.backward import backward_in_python
from mixlib.counting.fake_device import FakeDevice, ReadBackError
from mixlib.models import backbones
from pipelines.execute.robustness import attacks

ATTACK_READS = {
    # whether pixels lie in [0, 1], once an attack: a normalized image would be attacked wrongly
    "downstream.checks.check_images": 1,
}
DETECTOR_READS = {
    # suppression leaves as many boxes as it leaves; beside it, whether they are finite
    "downstream.detection.c4.propose": 1,
    # sampled anchors and regions, and those of an object among them, are listed
    "downstream.detection.c4.rpn_losses": 1,
    "downstream.detection.c4.roi_losses": 1,
    "downstream.detection.sampling.sample_rois": 1,
}
DETECTION_READS = DETECTOR_READS | {"downstream.detection.c4._select": 1}
SMALL = {
    "batch": 2, "train_sizes": (64,), "test_size": 64, "max_size": 96, "anchor_sizes": (16.0, 32.0),
    "pre_nms": (60, 40), "post_nms": (30, 20), "rpn_per_image": 16, "rois_per_image": 8,
    "roi_size": 4,
}  # fmt: skip


@pytest.mark.parametrize("name", ["fgsm", "pgd", "apgd_ce", "apgd_dlr"])
def test_an_attack_stays_on_the_device(name):
    net = backbones.build("resnet10_w16", 5, 0)
    model = Normalized(net, (0.5,) * 3, (0.2,) * 3)
    settings = RobustnessSettings(pgd_steps=2, apgd_steps=4)
    with FakeDevice(ATTACK_READS) as device, backward_in_python():
        model.to("cuda")
        x = torch.empty(2, 3, 32, 32, device="cuda")
        y = torch.zeros(2, dtype=torch.int64, device="cuda")
        # every attack draws its start on the CPU
        assert attacks(settings, 0, 5)[name](model, x, y).device.type == "cuda"
    assert device.used == set(ATTACK_READS)


def detector(**changes):
    settings = replace(DetectSettings(**SMALL), **changes)
    net = backbones.build("resnet10_w16", 10, 0)
    return C4Detector(net, 3, settings, torch.Generator().manual_seed(0)), settings


def scenes(settings, device="cuda"):
    """A batch as the loader makes it: two images of one object each."""
    image = np.zeros((64, 80, 3), np.uint8)
    boxes, labels = np.array([[4.0, 4.0, 40.0, 50.0]], np.float32), np.array([1])
    return collate([(image, boxes, labels)] * 2, settings, torch.device(device))


@pytest.mark.parametrize("changes", [{}, moco_norm()], ids=["frozen", "moco"])
def test_a_detector_s_step_stays_on_the_device(changes):
    model, settings = detector(**changes)
    with FakeDevice(DETECTOR_READS) as device, backward_in_python():
        model.to("cuda", memory_format=torch.channels_last).train()
        batch = scenes(settings)
        assert {t.device.type for t in batch} == {"cuda"}
        terms = update(model, iter([batch]), optimizer(model, settings), settings, 0, 0)
        assert {t.device.type for t in terms.values()} == {"cuda"}
        grads = [p.grad for p in model.parameters() if p.requires_grad]
        assert all(g is not None and g.device.type == "cuda" for g in grads)
    assert device.used == set(DETECTOR_READS)


def test_detections_stay_on_the_device():
    model, settings = detector()
    with FakeDevice(DETECTION_READS):
        model.to("cuda").eval()
        batch = scenes(settings)
        found = model.detect(batch.images, batch.sizes)
        assert {t.device.type for each in found for t in each} == {"cuda"}


def test_a_detector_that_leaves_its_anchors_on_the_cpu_is_noticed(monkeypatch):
    """The mutation: the buffer of anchors is none, and so stays where it was made."""
    model, settings = detector()
    cell = model.cell
    with FakeDevice(DETECTOR_READS), backward_in_python():
        model.to("cuda").train()
        del model._buffers["cell"]
        model.cell = cell
        with pytest.raises(RuntimeError, match=r"device|cpu"):
            model(scenes(settings), torch.Generator().manual_seed(0))


class Masks:
    """Two drawn images with their masks."""

    names = ("background", "thing", "other")

    def __len__(self):
        return 2

    def image(self, number):
        return np.full((80, 96, 3), 10 * number, np.uint8)

    def mask(self, number):
        return np.tile(np.arange(96, dtype=np.uint8) % 3, (80, 1))


@pytest.fixture
def segmenter(monkeypatch):
    """A fine-tuning on the fake device; its generator's state is no part of what is looked at."""
    monkeypatch.setattr(torch.random, "fork_rng", lambda devices: contextmanager(lambda: (yield))())
    settings = SegmentSettings(
        crop=64, stride=32, short=64, longest=128, layers=(1, 2, 4, 5), channels=8,
        auxiliary_channels=8, batch=2, steps=4, warmup=1,
    )  # fmt: skip
    model = UPerNet(backbones.build("vit6_w64", 10, 0), 3, settings)

    def make():
        pixels = Preparation((0.5,) * 3, (0.2,) * 3, "cuda")
        return Training(model.to("cuda"), Masks(), settings, pixels, seed=0)

    return make


def test_a_segmenter_s_step_waits_for_nothing(segmenter):
    with FakeDevice(), backward_in_python():
        training = segmenter()
        x, y = training._batch()
        assert x.device.type == y.device.type == "cuda"
        assert training._train_on(x, y).device.type == "cuda"
        # its classifier's own head has no part in it
        grads = [p.grad for p in training.model.parameters() if p.requires_grad]
        assert sum(g is not None and g.device.type == "cuda" for g in grads) > 0.9 * len(grads)


def test_a_segmentation_looks_for_broken_losses_at_its_end(segmenter):
    look = "downstream.segmentation.finetune.stop_if_broken"
    with FakeDevice({look: 2**62}) as device, backward_in_python():
        segmenter().run()
    assert device.used == {look}


def test_a_segmentation_that_reads_its_loss_is_noticed(segmenter):
    with FakeDevice(), backward_in_python(), pytest.raises(ReadBackError, match="waits for the"):
        segmenter().run(report=lambda done, total, loss: float(loss))
