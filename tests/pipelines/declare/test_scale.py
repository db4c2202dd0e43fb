"""Scales: what their files say, and the line that a wrong one ends with."""

from __future__ import annotations

import pytest

from pipelines.declare import scale
from pipelines.declare.errors import DeclarationError


@pytest.mark.parametrize("name", scale.names())
def test_every_shipped_scale_loads(name):
    found = scale.load(name)
    assert found.name == name
    assert found.seeds >= 1
    assert found.note


def test_a_dataset_overrides_the_default_of_its_kind():
    found = scale.Scale("s", "s", "", 1, kinds={"train": {"default": {"lr": 1}, "a": {"lr": 2}}})
    assert found.settings("train", "a") == {"lr": 2}
    assert found.settings("train", "b") == {"lr": 1}
    assert found.settings("detect", "a") == {}


def test_a_network_may_stand_in_on_one_dataset_only():
    found = scale.Scale("s", "s", "", 1, backbones={"r50": "small", "cub/r50": "dense"})
    assert [found.backbone("r50", data) for data in ("cub", "voc")] == ["dense", "small"]
    assert found.backbone("r18", "cub") == "r18"


def test_the_first_name_with_seeds_of_its_own_counts():
    found = scale.Scale("s", "s", "", 3, seeds_of={"localize": 1, "table8": 2})
    assert found.runs("table8", "localize") == 2
    assert found.runs("table9", "localize") == 1
    assert found.runs("table9", "train") == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: x\nnote: y\n", "the key 'seeds' is missing"),
        ("title: x\nnote: y\nseeds: 1\nbackbone: {}\n", "did you mean 'backbones'"),
        ("title: x\nnote: y\nseeds: 1\ndata: {voc0712: {nmae: x}}\n", "did you mean 'name'"),
        ("seeds: [", "not valid YAML"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, text, message):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(DeclarationError, match=message) as caught:
        scale.load("mine", tmp_path)
    assert "mine.yaml" in str(caught.value)


def test_a_scale_may_be_derived_from_another(tmp_path):
    (tmp_path / "paper.yaml").write_text(
        "title: p\nnote: n\nseeds: 3\ncompare: true\nbackbones: {resnet50: resnet18}\n"
        "kinds: {train: {default: {lr: 0.1}, fine: {epochs: 9}}}\n"
    )
    (tmp_path / "mine.yaml").write_text(
        "base: paper\ntitle: m\nnote: o\nseeds: 1\nshort: {epochs: 2, steps: 3, images: 4}\n"
        "kinds: {train: {default: {momentum: 0.5}}}\n"
    )
    found = scale.load("mine", tmp_path)
    assert (found.name, found.title, found.seeds, found.compare) == ("mine", "m", 1, True)
    assert found.settings("train", "x", "fine") == {"lr": 0.1, "momentum": 0.5, "epochs": 9}
    assert found.backbone("resnet50", "imagenet") == "resnet18"
    assert found.short == scale.Short(2, 3, 4)
    assert scale.load("paper", tmp_path).short is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: papr\n", "did you mean 'paper'"),
        ("base: mine\n", "expected another scale, found 'mine' itself"),
        ("short: {epochs: 2, steps: 2}\n", "the key 'images' is missing"),
        ("short: {epochs: 2, steps: 2, images: 1}\n", "a whole number from 2"),
    ],
)
def test_a_wrong_base_or_length_is_named(tmp_path, text, message):
    (tmp_path / "paper.yaml").write_text("title: p\nnote: n\nseeds: 3\n")
    (tmp_path / "mine.yaml").write_text("title: m\nnote: o\nseeds: 1\n" + text)
    with pytest.raises(DeclarationError, match=message):
        scale.load("mine", tmp_path)
