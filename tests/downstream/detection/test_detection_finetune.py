"""Does the fine-tuning job learn, resume exactly, and refuse what it cannot do?"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from downstream.detection.batches import index_batches, training_batches
from downstream.detection.c4 import C4Detector
from downstream.detection.checkpoint import FILE
from downstream.detection.finetune import finetune
from downstream.detection.readers import Records
from downstream.detection.schedule import optimizer
from downstream.detection.settings import DetectSettings
from mixlib.seed import generator
from tests.convolutions import Convolutions
from tests.downstream.detection.detection_data import drawn_records
from tests.downstream.detection.detection_resnets import tiny_basic, tiny_bottleneck

CPU = torch.device("cpu")
DEMO = DetectSettings(
    iterations=8,
    batch=4,
    warmup_iters=2,
    steps=(6,),
    train_sizes=(96,),
    test_size=96,
    test_batch=4,
    anchor_sizes=(16, 32, 64),
    rpn_per_image=32,
    rois_per_image=16,
    roi_size=7,
    pre_nms=(200, 100),
    post_nms=(50, 30),
)
SCRATCH = replace(DEMO, norm="trainable", freeze_at=0)


class Killed(Exception):
    """Stands for the machine going away."""


def run(settings, folder, **more):
    given = {"seed": 3, "device": "cpu", "workdir": folder} | more
    return finetune(tiny_basic(8), settings, drawn_records(), drawn_records(seed=1), **given)


def test_a_detector_learns_two_rectangles(tmp_path):
    settings = replace(SCRATCH, iterations=120, steps=(100,), lr=0.05, warmup_iters=20, batch=8)
    records = drawn_records(16)
    metrics = finetune(
        tiny_basic(8), settings, records, records, seed=0, device="cpu", workdir=tmp_path
    )
    first, last = metrics["losses"][0], metrics["losses"][-1]
    assert last["total"] < 0.7 * first["total"]
    assert metrics["AP50"] > 5
    assert set(metrics["per_class"]) == set(records.classes)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("settings", [DEMO, replace(SCRATCH, extra_norm=True, precise_bn_iters=3)])
def test_a_killed_run_goes_on_bit_identically(tmp_path, settings):
    whole = run(settings, tmp_path / "whole")

    def kill(done, total, losses):
        if done == 5:
            raise Killed

    with pytest.raises(Killed):
        run(settings, tmp_path / "cut", progress=kill, checkpoint_seconds=0.0)
    assert (tmp_path / "cut" / FILE).exists()
    seen = []
    resumed = run(settings, tmp_path / "cut", progress=lambda done, total, row: seen.append(done))
    assert seen[0] == 5  # killed before the fifth step was saved
    assert resumed == whole


@pytest.mark.parametrize("content", [b"", b"PK", b"<html>404</html>", None], ids=str)
def test_a_broken_checkpoint_is_set_aside_and_the_one_before_is_used(tmp_path, content, capsys):
    whole = run(DEMO, tmp_path / "whole")

    def kill(done, total, losses):
        if done == 5:
            raise Killed

    with pytest.raises(Killed):
        run(DEMO, tmp_path / "cut", progress=kill, checkpoint_seconds=0.0)
    path = tmp_path / "cut" / FILE
    saved = path.read_bytes()
    path.write_bytes(saved[: len(saved) // 2] if content is None else content)
    seen = []
    resumed = run(DEMO, tmp_path / "cut", progress=lambda done, total, row: seen.append(done))
    assert seen[0] == 4  # the fifth step and the broken fourth are done again
    assert resumed == whole
    assert f"set aside {path}" in capsys.readouterr().err
    assert not path.exists()
    assert not path.with_name(f"{FILE}.previous").exists()


def test_workers_and_global_random_state_change_nothing(tmp_path):
    before = torch.random.get_rng_state()
    one = run(DEMO, tmp_path)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.rand(7)
    assert run(DEMO, tmp_path, workers=2) == one


def test_a_checkpoint_of_other_settings_names_the_file(tmp_path):
    def kill(done, total, losses):
        if done == 2:
            raise Killed

    with pytest.raises(Killed):
        run(DEMO, tmp_path, progress=kill, checkpoint_seconds=0.0)
    with pytest.raises(ValueError, match=FILE):
        run(replace(DEMO, lr=0.01), tmp_path)


@pytest.mark.parametrize("net", [tiny_basic(8), tiny_bottleneck(4)], ids=["basic", "bottleneck"])
def test_no_convolution_that_crashes_on_avx512_is_run(tmp_path, net):
    settings = replace(SCRATCH, iterations=2, steps=(1,), precise_bn_iters=1)
    train, test = drawn_records(), drawn_records(seed=1)
    with Convolutions() as seen:
        finetune(net, settings, train, test, seed=0, device="cpu", workdir=tmp_path)
    assert seen.count
    assert not seen.affected


def test_the_given_network_is_not_changed(tmp_path):
    net = tiny_basic(8)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    finetune(net, SCRATCH, drawn_records(), drawn_records(), seed=0, device="cpu", workdir=tmp_path)
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_what_is_frozen_stays_and_norms_are_not_decayed():
    model = C4Detector(tiny_basic(8), 3, DEMO, generator(0, "layers"))
    assert not any(p.requires_grad for p in model.layer1.parameters())
    assert not model.layer4[0].bn1.training
    assert not model.layer4[0].bn1.weight.requires_grad
    assert model.layer2[0].conv1.weight.requires_grad
    decayed, norms = optimizer(
        C4Detector(tiny_basic(8), 3, SCRATCH, generator(0)), SCRATCH
    ).param_groups
    assert decayed["weight_decay"] == 1e-4
    assert norms["weight_decay"] == 0
    assert all(p.dim() == 1 for p in norms["params"])


def test_timm_and_torchvision_networks_are_accepted():
    import timm

    net = timm.create_model("resnet10t", num_classes=0)
    model = C4Detector(net, 3, DEMO, generator(0, "layers"))
    assert model.stride == 16
    with pytest.raises(TypeError, match="layer1"):
        C4Detector(nn.Sequential(nn.Conv2d(3, 3, 1)), 3, DEMO, generator(0))


def test_batches_never_mix_orientations_and_see_every_image():
    wide, tall = drawn_records(5).items, drawn_records(5).items
    tall = tuple(replace(item, width=90) for item in tall)
    wide = tuple(replace(item, height=90) for item in wide)
    records = Records(wide + tall, ("a", "b", "c"))
    stream = index_batches(records, 2, 0)
    batches = [next(stream) for _ in range(15)]
    assert all(len({n < 5 for n in batch}) == 1 for batch in batches)
    assert {n for batch in batches for n in batch} == set(range(10))


def test_batches_do_not_depend_on_where_they_start():
    records = drawn_records()
    settings = replace(DEMO, train_sizes=(64, 96))
    given = {"seed": 1, "device": CPU, "workers": 0}
    whole = list(training_batches(records, settings, start=0, **given))
    late = list(training_batches(records, settings, start=5, **given))
    assert len(whole) == 8
    assert len(late) == 3
    for a, b in zip(whole[5:], late, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_an_image_whose_boxes_vanish_still_trains():
    records = drawn_records(4)
    items = [
        replace(i, boxes=np.array([[5.0, 5, 5, 9]]), labels=i.labels[:1]) for i in records.items
    ]
    items = [replace(i, crowd=np.zeros(1, bool)) for i in items]
    empty = Records(tuple(items), records.classes)
    batch = next(training_batches(empty, DEMO, seed=0, start=0, device=CPU, workers=0))
    assert (batch.labels == -1).all()
    model = C4Detector(tiny_basic(8), 3, DEMO, generator(0, "layers"))
    losses = model(batch, generator(0, "samples"))
    assert losses["box"] == 0
    assert all(torch.isfinite(value) for value in losses.values())


def test_divergence_is_reported(tmp_path):
    with pytest.raises(FloatingPointError, match="lr"):
        run(replace(SCRATCH, lr=1e9, warmup_iters=0), tmp_path)


def test_classes_must_agree(tmp_path):
    other = Records(drawn_records().items, ("x", "y", "z"))
    with pytest.raises(ValueError, match="same classes"):
        finetune(
            tiny_basic(8), DEMO, drawn_records(), other, seed=0, device="cpu", workdir=tmp_path
        )
