"""The check before spending: everything that would stop a job later is said at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from mixlib.core.catalog import Catalog
from mixlib.data.catalog import DATASETS
from mixlib.training.recipes import RECIPES
from pipelines import check, findings
from pipelines.plan import setting
from pipelines.plan.build import plan
from tests.small_sets import imagefolder


@pytest.fixture(scope="module")
def whole():
    return plan("paper")


@pytest.fixture(scope="module")
def jobs(whole):
    return list({a.digest: a for j in whole.needed("table7") for a in j.closure()}.values())


@pytest.fixture
def empty(monkeypatch, tmp_path):
    monkeypatch.delenv("MIX_DATA", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("empty")
def test_missing_data_and_detectron2_are_named_in_one_run(jobs, monkeypatch):
    monkeypatch.setattr(findings, "find_spec", lambda name: None)
    text = "\n".join([*findings.of_data(jobs), *findings.of_software(jobs)])
    for row in ("ImageNet-1k", "Pascal VOC 2007+2012", "COCO 2017"):
        assert f"{row} is not here" in text
    assert "expected 1,281,167 train, 50,000 val" in text
    assert "register at https://image-net.org" in text
    assert "pipelines.data fetch coco2017" in text
    assert "36 detectors want it" in text
    assert "detectron2@02b5c4e2" in text


def test_missing_weights_are_named(whole, empty):
    needed = [a for j in whole.needed("table8") for a in j.closure()]
    text = "\n".join(findings.of_software(needed))
    assert "weights: torchvision's of resnet18 are not at" in text
    assert "resnext50_32x4d" in text


def test_missing_boxes_are_named_before_a_training(whole, empty, tmp_path):
    """Class-token attention reads ImageNet's boxes, localization CUB's validation boxes: both stand
    beside the datasets."""
    attention = [a for j in whole.needed("tokenmix_fig3") for a in j.closure()]
    (text,) = findings.of_boxes(attention)
    assert "ImageNet-1k: expected the WSOL metadata" in text
    assert "wsol_metadata/ILSVRC/test" in text
    localization = [a for j in whole.needed("table8") for a in j.closure()]
    (text,) = findings.of_boxes(localization)
    assert "wsol_metadata/CUB/val" in text
    place = tmp_path / "data/wsol_metadata/CUB/val/localization.txt"
    place.parent.mkdir(parents=True)
    place.write_text("a.jpg,0,0,1,1\n")
    assert not list(findings.of_boxes(localization))
    assert not list(findings.of_boxes(whole.needed("table7")))


def folder_of(root, counts):
    """An image folder with so many images of each class."""
    for split, classes in counts.items():
        for name, count in classes.items():
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                (root / split / name / f"{i}.JPEG").write_bytes(b"x")
    return root


def test_a_wrong_image_count_says_which_class(tmp_path):
    row = replace(
        DATASETS["imagenet"],
        classes=3,
        splits=(("train", 12), ("val", 6)),
        per_class=(("train", 3, 5), ("val", 2, 2)),
    )
    good = {"train": {"n01": 4, "n02": 5, "n03": 3}, "val": {"n01": 2, "n02": 2, "n03": 2}}
    assert list(findings.of_splits(row, folder_of(tmp_path / "good", good))) == []
    bad = {"train": {"n01": 4, "n02": 5, "n03": 1}, "val": {"n01": 2, "n02": 1, "n03": 2}}
    train, val = findings.of_splits(row, folder_of(tmp_path / "bad", bad))
    assert "train: expected 12 images, found 10" in train
    assert "n03 has 1 (expected 3 to 5)" in train
    assert "n02 has 1 (expected 2)" in val
    fewer = {"train": {"n01": 4, "n02": 4, "n03": 3}, "val": good["val"]}
    (text,) = findings.of_splits(row, folder_of(tmp_path / "fewer", fewer))
    assert "the smallest is n03 with 3" in text


@pytest.mark.parametrize(
    ("declared", "changes", "words"),
    [
        ("", "batch: 40", "a batch of at most the 4 images that are trained on, found 40"),
        (", held_out: 4", "batch: 1", "held_out below its 4 training images, found 4"),
        (", train_images: 3", "batch: 4", "at most the 3 images that are trained on, found 4"),
        (", held_out: 2", "batch: 2", ""),
    ],
)
def test_a_study_of_fewer_images_than_it_asks_for_is_caught(
    declared, changes, words, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    imagefolder(tmp_path / "mine/images")
    (tmp_path / "mine/one.yaml").write_text(
        f"study: Which?\ndatasets:\n  amounts: {{path: images, size: 16{declared}}}\n"
        "tables:\n  amounts_table:\n    rows: {method: [vanilla, cutmix]}\n"
        "    fixed: {data: amounts, backbone: resnet18_cifar, recipe: cifar,"
        f" changes: {{{changes}}}}}\n"
    )
    found = plan("own", tmp_path / "mine")
    try:
        texts = list(findings.of_amounts(found.jobs.values()))
    finally:
        DATASETS.pop("amounts", None)
    assert bool(texts) == bool(words)
    assert all(words in text for text in texts)


def test_a_recipe_whose_batch_its_shards_do_not_divide_is_caught(monkeypatch):
    """Batch 100 over 8 shards: no plan, and the check says so."""
    broken = [replace(r, shards=8) if r.name == "cifar" else r for r in RECIPES.values()]
    monkeypatch.setattr(setting, "RECIPES", Catalog("recipe", broken))
    result = CliRunner().invoke(check.app, ["paper", "table13"])
    assert result.exit_code == 1
    assert "expected a batch that is a multiple of its shards" in result.output
    assert "batch 100, shards 8" in result.output


def test_gpus_memory_time_and_disk(jobs, tmp_path, monkeypatch):
    both = list(findings.of_shards(jobs, 6))
    for kind, text in zip(("detect", "train"), both, strict=True):
        assert f"6 GPUs do not divide the 8 shards of kind {kind}: 4 would work" in text
    assert not list(findings.of_shards(jobs, 4))
    assert not list(findings.of_shards(jobs, 16))
    large = findings.of_memory(jobs, 24, lambda job: (20 + 10 * (job.kind == "detect")) * 2**30)
    assert len(list(large)) == 12  # six methods, two detectors; seeds once
    slow = list(findings.of_time(jobs, 8, lambda job: 8 * 300.0 if job.kind == "train" else 1.0))
    assert len(slow) == 6
    assert "about 300 hours" in slow[0]
    monkeypatch.chdir(tmp_path)
    (full, *_) = findings.of_disk(jobs[:1], tmp_path / "results", lambda job: 2.0**60)
    assert "GiB are free" in full
