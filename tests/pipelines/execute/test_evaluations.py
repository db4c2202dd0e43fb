"""Executors of the evaluations on a tiny world: what they measure, keep, resume and refuse."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from downstream.errors import InputError
from downstream.robustness.corrupt import write_cifar_c
from downstream.robustness.severities import CORRUPTIONS, LEVELS
from downstream.segmentation.readers import read_segmentations
from mixlib.data.catalog import DATASETS, dataset
from mixlib.data.readers import read
from mixlib.models import backbones
from mixlib.training.checkpoint import StoppedAtCheckpoint
from pipelines.data import datasets, places
from pipelines.data.fingerprints import specify
from pipelines.data.places import MissingDataError
from pipelines.declare.scale import Scale, load
from pipelines.execute import attention, calibration, occlusion, robustness, segment, splits
from pipelines.execute.context import Context
from pipelines.execute.perform import perform
from pipelines.execute.progress import Progress
from pipelines.execute.stop_at_checkpoint import SIGNALS
from pipelines.execute.store import Store
from pipelines.plan import setting
from pipelines.plan.kinds import (
    AttentionJob,
    CalibrationJob,
    OcclusionJob,
    RobustnessJob,
    SegmentJob,
)
from pipelines.plan.setting import Setting

SPEC = {"train": 20, "val": 20, "size": 32}
MASKS = {"train": 8, "val": 2, "size": 64}
AUGMENT = {"size": 32, "crop": "none", "flip": 0.0, "test_ratio": 0.0}
SCALE = Scale(
    "tiny", "tiny", "a test", 1,
    family="generated",
    data={
        "cifar10": {"name": "shapes", "spec": SPEC},
        "imagenet": {"name": "shapes", "spec": {**SPEC, "size": 64}},
        "ade20k": {"name": "shapes_ade20k", "spec": MASKS},
        "cifar10_c": {"name": "cifar10_c_small"},
    },
    backbones={"resnet18_cifar": "resnet10_w16", "deit_tiny": "vit6_w64"},
    kinds={
        "train": {
            "default": {"augmentation": AUGMENT},
            "imagenet": {"augmentation": {**AUGMENT, "size": 64}},
        },
        "robustness": {"default": {"pgd_steps": 2, "apgd_steps": 3, "batch": 8}},
        "occlusion": {"default": {"patch": 8, "ratios": [0.0, 0.5, 1.0], "repeats": 2}},
        "attention": {"default": {"input": 64, "batch": 8}},
        "segment": {"default": {
            "crop": 64, "stride": 32, "short": 64, "longest": 128, "layers": [1, 2, 4, 5],
            "channels": 8, "auxiliary_channels": 8, "batch": 2, "steps": 4, "warmup": 1,
            "lr": 1e-3, "scales": [1.0, 0.5],
        }},
    },
)  # fmt: skip
SETTING = Setting("here", SCALE, 0)
SMALL = {"data": "cifar10", "backbone": "resnet18_cifar", "method": "vanilla", "recipe": "cifar"}
VIT = {**SMALL, "data": "imagenet", "backbone": "deit_tiny", "recipe": "imagenet_pytorch"}


@dataclass(frozen=True)
class Parents(Store):
    """A store in which every parent is there: what it is given."""

    results: dict = field(default_factory=dict)

    def read(self, job):
        return self.results.get(job.digest, {})

    def kept_file(self, job, name):
        return self.folder(job) / name


@pytest.fixture(autouse=True)
def world(tmp_path, monkeypatch):
    """An empty folder with the drawn datasets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIX_DATA", raising=False)
    # identities of measured sets are asked once a process, and every test has files of its own
    setting._fingerprint.cache_clear()


def context(job, tmp_path, network=None, **options):
    """A context whose parent result is a random network's; its datasets are drawn."""
    for each in job.closure():
        for data in each.datasets:
            row = dataset(data.name)
            datasets.prepare(row, specify(row, dict(data.spec)), places.DATA)
    store = Parents(tmp_path / "results")
    folder = store.folder(job.parent)
    folder.mkdir(parents=True, exist_ok=True)
    state = backbones.build(network or job.parent.backbone.name, 10, seed=1).state_dict()
    torch.save(state, folder / "weights.pt")
    (tmp_path / "work").mkdir(exist_ok=True)
    return Context(tmp_path / "work", store, Progress("test"), **options)


def test_calibration_keeps_its_bins_and_scales_on_other_images(tmp_path):
    job = CalibrationJob.build(SMALL, SETTING)
    outcome = calibration.run(job, context(job, tmp_path))
    assert outcome.metrics.keys() == set(job.metrics)
    assert sum(row["count"] for row in outcome.history) == 20 == outcome.metrics["n"]
    assert len(outcome.history) == 15
    assert outcome.history[0]["lower"] == 0
    assert outcome.history[-1]["upper"] == 1
    assert sum(row["count"] for row in outcome.more["bins_after"]) == 10
    assert outcome.metrics["fitted_on"] == 10
    # dividing logits by one number changes no prediction
    assert outcome.metrics["accuracy_before"] == outcome.metrics["accuracy_after"]
    gaps = sum(row["count"] * abs(row["accuracy"] - row["confidence"]) for row in outcome.history)
    assert outcome.metrics["ece"] == pytest.approx(100 * gaps / 20)


def test_robustness_measures_every_corruption_and_attack(tmp_path):
    job = RobustnessJob.build({**SMALL, "published": None}, SETTING)
    outcome = robustness.run(job, context(job, tmp_path))
    assert outcome.metrics.keys() == set(job.metrics) - {"mce"}
    assert len(outcome.more["corruptions"]["accuracy"]) == 19
    strongest = outcome.metrics["strongest_error"]
    for name in ("clean", "fgsm", "pgd", "apgd_ce", "apgd_dlr"):
        assert outcome.metrics[f"{name}_error"] <= strongest
    assert outcome.metrics["clean_error"] == 100 - outcome.metrics["clean_top1"]
    assert outcome.metrics["fgsm_gap"] == strongest - outcome.metrics["fgsm_error"]


def test_a_baseline_gives_mce(tmp_path):
    job = RobustnessJob.build({**SMALL, "method": "mixup", "baseline": "vanilla"}, SETTING)
    found = context(job, tmp_path)
    table = {"names": list(CORRUPTIONS), "accuracy": [[50.0] * 5] * 19}
    found.store.results[job.baseline.digest] = {"corruptions": table}
    outcome = robustness.run(job, found)
    errors = 100 - np.array(outcome.more["corruptions"]["accuracy"])
    assert outcome.metrics["mce"] == pytest.approx(100 * (errors.sum(1) / 250).mean())


def test_a_killed_measurement_goes_on_where_it_was(tmp_path, monkeypatch):
    job = RobustnessJob.build(SMALL, SETTING)
    found = context(job, tmp_path, checkpoint_seconds=0.0)
    whole = robustness.run(job, found)
    # what the first attempt kept; the second must only read it
    monkeypatch.setattr(robustness, "corrupt", lambda *_: pytest.fail("measured again"))
    monkeypatch.setattr(robustness, "measure_attacks", lambda *_: pytest.fail("attacked again"))
    again = robustness.run(job, found)
    assert again.metrics == whole.metrics
    assert again.seconds >= whole.seconds


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("at", ["corruptions", "attacks"])
def test_a_signal_keeps_what_was_measured(tmp_path, monkeypatch, number, at):
    """Sent within a corruption's third severity, or before the second batch is attacked."""
    job = RobustnessJob.build(SMALL, SETTING)
    found = context(job, tmp_path, checkpoint_seconds=1e9)
    name = "corrupt" if at == "corruptions" else "measure_attacks"
    real, calls = getattr(robustness, name), []

    def interrupted(*given):
        calls.append(given)
        if len(calls) == (3 if at == "corruptions" else 2):
            signal.raise_signal(number)
        return real(*given)

    monkeypatch.setattr(robustness, name, interrupted)
    with pytest.raises(StoppedAtCheckpoint, match="goes on from"):
        robustness.run(job, found)
    state = torch.load(tmp_path / "work" / "checkpoint.pt")["state"]
    if at == "corruptions":
        assert [len(row) for row in state["accuracy"].values()] == [3]
    else:
        assert len(state["attacks"]) == 2
    done = len(calls)
    again = robustness.run(job, found)
    batches = -(-SPEC["val"] // job.settings.batch)
    assert len(calls) == (len(CORRUPTIONS) * len(LEVELS) if at == "corruptions" else batches)
    assert done < len(calls)
    (tmp_path / "work" / "checkpoint.pt").unlink()
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIX_DATA", raising=False)
    assert robustness.run(job, found).metrics == again.metrics


def test_published_images_are_read_as_they_are(tmp_path, monkeypatch):
    """The generator's own images, in the published layout: the same numbers as without it."""
    row = DATASETS["shapes"]
    job = RobustnessJob.build(SMALL, SETTING)
    own = context(job, tmp_path)
    images = read(row.layout, own.data_folder(job.parent.images), row.test)
    pixels = images.in_memory(32).pixels
    write_cifar_c(pixels, images.labels, tmp_path / "mine" / "CIFAR-10-C", job.settings.seed)
    monkeypatch.setenv("MIX_DATA", str(tmp_path / "mine"))
    published = RobustnessJob.build({**SMALL, "published": "cifar10_c"}, SETTING)
    assert published.published is not None
    assert published.digest != job.digest
    other = context(published, tmp_path)
    for name in CORRUPTIONS[::6]:
        expected = list(robustness.corrupted(job, own, name, LEVELS))
        found = list(robustness.corrupted(published, other, name, LEVELS))
        for ours, theirs in zip(expected, found, strict=True):
            assert (ours.pixels == theirs.pixels).all()
            assert (ours.labels == theirs.labels).all()


def test_corrupted_images_of_other_classes_are_refused(tmp_path, monkeypatch):
    pixels = np.zeros((2, 32, 32, 3), np.uint8)
    write_cifar_c(pixels, np.array([0, 1]), tmp_path / "mine" / "CIFAR-10-C")
    monkeypatch.setenv("MIX_DATA", str(tmp_path / "mine"))
    scale = replace(SCALE, data={**SCALE.data, "cifar10": {
        "name": "shapes", "spec": {**SPEC, "classes": 3}}})  # fmt: skip
    job = RobustnessJob.build({**SMALL, "published": "cifar10_c"}, Setting("here", scale, 0))
    with pytest.raises(InputError, match=r"expected the 3 classes .* found a set of 10"):
        next(robustness.published(job, context(job, tmp_path), "fog", LEVELS))


def test_occlusion_measures_three_curves_and_keeps_examples(tmp_path):
    job = OcclusionJob.build(VIT, SETTING)
    outcome = occlusion.run(job, context(job, tmp_path))
    assert {"random_0", "salient_50", "nonsalient_100", "random_mean"} <= outcome.metrics.keys()
    assert outcome.metrics.keys() <= set(job.metrics)
    # nothing is dropped at 0 and everything at 1, whichever patches come first
    for ratio in (0, 100):
        values = {outcome.metrics[f"{which}_{ratio}"] for which in job.settings.which}
        assert len(values) == 1
    samples = np.load(tmp_path / "work" / outcome.keep[0])
    assert samples["images"].shape == (5, 3, 64, 64, 3)
    assert ((samples["confidence"] >= 0) & (samples["confidence"] <= 1)).all()


def test_finished_curves_survive_a_kill(tmp_path, monkeypatch):
    job = OcclusionJob.build(VIT, SETTING)
    found = context(job, tmp_path)
    whole = occlusion.run(job, found)
    monkeypatch.setattr(occlusion, "occlusion_curve", lambda *_: pytest.fail("measured again"))
    assert occlusion.run(job, found).metrics == whole.metrics


def test_attention_is_measured_against_the_drawn_boxes(tmp_path):
    job = AttentionJob.build(VIT, SETTING)
    outcome = attention.run(job, context(job, tmp_path))
    assert outcome.metrics.keys() == set(job.metrics)
    assert len(outcome.history) == 6
    layers = [row["inside"] for row in outcome.history]
    assert outcome.metrics["inside"] == pytest.approx(np.mean(layers), rel=1e-5)
    assert outcome.metrics["inside_last"] == pytest.approx(layers[-1])
    # a random network attends evenly
    assert outcome.metrics["inside"] == pytest.approx(outcome.metrics["box"], abs=5)
    samples = np.load(tmp_path / "work" / outcome.keep[0])
    assert samples["maps"].shape == (6, 3, 8, 8)


@pytest.mark.parametrize("kind", [AttentionJob, OcclusionJob])
def test_networks_without_a_class_token_are_refused(kind, tmp_path):
    job = kind.build({**VIT, "backbone": "resnet18_cifar"}, SETTING)
    run = attention.run if kind is AttentionJob else occlusion.run
    with pytest.raises(InputError, match="expected a timm vision transformer with a class token"):
        run(job, context(job, tmp_path))


POINT = {**VIT, "data": "ade20k", "pretrain": "imagenet", "settings": "upernet_160k"}


def test_segmentation_trains_and_is_tested_at_one_scale_and_several(tmp_path):
    job = SegmentJob.build(POINT, SETTING)
    outcome = segment.run(job, context(job, tmp_path))
    assert outcome.metrics.keys() == set(job.metrics)
    assert [row["step"] for row in outcome.history] == [1, 2, 3, 4]
    assert next(iter(outcome.more["per_class"])) == "background"
    samples = np.load(tmp_path / "work" / outcome.keep[0])
    assert samples["predicted_0"].shape == samples["true_0"].shape == (64, 64)


def test_a_stopped_segmentation_continues_as_if_it_had_not(tmp_path, monkeypatch):
    job = SegmentJob.build(POINT, SETTING)
    whole = segment.run(job, context(job, tmp_path / "a", checkpoint_seconds=1e9))
    found = context(job, tmp_path / "b", checkpoint_seconds=0.0)
    progress = found.progress.__class__.__call__

    def stop(self, phase, done, total, values):
        progress(self, phase, done, total, values)
        if (phase, done) == ("train", 3):
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "__call__", stop)
    with pytest.raises(KeyboardInterrupt):
        segment.run(job, found)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    again = segment.run(job, found)
    assert again.metrics == whole.metrics
    assert [row["step"] for row in again.history] == [1, 2, 3, 4]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_segmentation_at_its_next_step(tmp_path, monkeypatch, number):
    job = SegmentJob.build(POINT, SETTING)
    whole = segment.run(job, context(job, tmp_path / "a", checkpoint_seconds=1e9))
    found = context(job, tmp_path / "b", checkpoint_seconds=1e9)
    batch = segment.Training._batch

    def interrupted(training):
        if training.step == 1:
            signal.raise_signal(number)
        return batch(training)

    monkeypatch.setattr(segment.Training, "_batch", interrupted)
    with pytest.raises(StoppedAtCheckpoint, match="goes on from"):
        segment.run(job, found)
    saved = torch.load(tmp_path / "b" / "work" / "checkpoint.pt")
    assert saved["state"]["training"]["step"] == 2
    again = segment.run(job, found)
    assert again.metrics == whole.metrics
    assert [row["step"] for row in again.history] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("kind", "point"),
    [(RobustnessJob, SMALL), (CalibrationJob, SMALL), (OcclusionJob, VIT), (AttentionJob, VIT),
     (SegmentJob, POINT)],
    ids=lambda value: getattr(value, "kind", ""),
)  # fmt: skip
def test_a_checkpoint_of_another_architecture_leaves_no_result(kind, point, tmp_path):
    job = kind.build(point, SETTING)
    found = context(job, tmp_path, network="resnet10_w16_dense")
    with pytest.raises(ValueError, match="another architecture"):
        perform(job, found.store)
    assert not found.store.finished(job)


def test_a_network_that_says_nan_has_no_accuracy(tmp_path):
    job = RobustnessJob.build(SMALL, SETTING)
    found = context(job, tmp_path)
    path = found.store.folder(job.parent) / "weights.pt"
    state = torch.load(path)
    state["fc.bias"] = torch.full_like(state["fc.bias"], torch.nan)
    torch.save(state, path)
    with pytest.raises(FloatingPointError, match="logits are not finite"):
        robustness.run(job, found)
    with pytest.raises(InputError, match="the network has diverged"):
        calibration.run(CalibrationJob.build(SMALL, SETTING), found)


def test_one_class_only_is_nothing_to_measure(tmp_path, monkeypatch):
    job = RobustnessJob.build(SMALL, SETTING)
    found = context(job, tmp_path)
    whole = splits.read

    def alone(*where):
        images = whole(*where)
        return replace(images, labels=images.labels * 0, names=images.names[:1])

    monkeypatch.setattr(splits, "read", alone)
    with pytest.raises(InputError, match="expected at least two classes, found 1"):
        robustness.run(job, found)


def test_an_empty_segmentation_set_is_refused(tmp_path):
    job = SegmentJob.build(POINT, SETTING)
    found = context(job, tmp_path)
    folder = found.data_folder(job.scenes)
    for path in (folder / "images" / "validation").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="expected at least one image, found an empty set"):
        read_segmentations("ade20k", folder, "val", 11)
    with pytest.raises(MissingDataError, match="a file is missing or has changed"):
        segment.run(job, found)


def test_the_papers_segmentation_recipe_starts(tmp_path):
    """DeiT-T under UPerNet as declared at scale paper: two of its 160,000 steps, on generated
    images, two a step in the place of 16."""
    real = replace(
        load("paper"),
        data={
            "imagenet": {"name": "shapes", "spec": SPEC},
            "ade20k": {"name": "shapes_ade20k", "spec": {**MASKS, "size": 128}},
        },
        family="generated",
    )
    job = SegmentJob.build({**POINT, "recipe": "imagenet_deit"}, Setting("here", real, 0))
    s = job.settings
    assert (s.steps, s.batch, s.crop, s.channels) == (160_000, 16, 512, 512)
    assert (job.parent.backbone.name, job.parent.recipe.epochs) == ("deit_tiny", 300)
    job = job.replace(settings=replace(s, batch=2))
    training = segment.new_training(job, context(job, tmp_path))
    seen = []

    def report(step, steps, loss):
        seen.append((step, steps, float(loss), training.optimizer.param_groups[0]["lr"]))

    training.run(2, report)
    assert [row[:2] for row in seen] == [(1, 160_000), (2, 160_000)]
    assert all(np.isfinite(row[2]) for row in seen)
    # the first steps of 1,500 of warm-up from 1e-6
    assert seen[0][3] == pytest.approx(1e-6)
    assert seen[1][3] == pytest.approx(1e-6 + (6e-5 - 1e-6) / 1500, rel=1e-3)
