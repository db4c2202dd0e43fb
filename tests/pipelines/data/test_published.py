"""Are published weights an explicit input: found, identified by content, and never guessed?"""

import pytest
import torch

from mixlib.models import backbones
from mixlib.models.load import load_published
from pipelines.data import published
from pipelines.declare.errors import DeclarationError
from pipelines.declare.scale import Scale
from pipelines.plan.kinds import TrainJob
from pipelines.plan.setting import Setting

POINT = {"data": "cub200", "backbone": "resnet18", "method": "vanilla", "recipe": "fine"}
PAPER = Scale("paper", "paper", "a test", 1)


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIX_DATA", raising=False)


def build(scale=PAPER, **fields):
    return TrainJob.build({**POINT, **fields}, Setting("here", scale, 0))


def test_torchvisions_first_weights_are_named_in_the_job():
    job = build(weights="torchvision", backbone="resnext50")
    assert dict(job.weights.params) == {"model": "resnext50_32x4d", "version": "IMAGENET1K_V1"}
    assert "from torchvision weights" in job.describe()


def test_a_file_is_identified_by_its_content_and_not_its_place(tmp_path, monkeypatch):
    for folder in ("data", "elsewhere"):
        (tmp_path / folder / "weights").mkdir(parents=True)
        (tmp_path / folder / "weights" / "r18.pth").write_bytes(b"content")
    here = build(weights="weights/r18.pth")
    monkeypatch.setenv("MIX_DATA", str(tmp_path / "elsewhere"))
    there = build(weights="weights/r18.pth")
    assert here.digest == there.digest
    assert published.source(there.weights.name).startswith(str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere" / "weights" / "r18.pth").write_bytes(b"other")
    published.content_digest.cache_clear()
    assert build(weights="weights/r18.pth").digest != here.digest


def test_a_missing_file_says_where_it_was_looked_for():
    with pytest.raises(DeclarationError, match=r"expected the weights 'r18.pth' at data/r18.pth"):
        build(weights="r18.pth")


def test_a_network_without_published_weights_is_refused_unless_the_scale_says_null():
    with pytest.raises(DeclarationError, match=r"publishes no weights of resnet10_w16"):
        build(weights="torchvision", backbone="resnet10_w16")
    scale = Scale("s", "s", "a test", 1, kinds={"train": {"cub200": {"weights": None}}})
    assert build(scale, weights="torchvision", backbone="resnet10_w16").weights is None


def test_torchvision_is_asked_for_the_first_weights(monkeypatch):
    import torchvision

    asked = []

    def get_model(name, weights):
        asked.append((name, weights))
        torch.manual_seed(0)
        return torchvision.models.resnet18(num_classes=1000)

    monkeypatch.setattr(torchvision.models, "get_model", get_model)
    model = backbones.build("resnet18", 7, seed=3)
    fresh = model.fc.weight.clone()
    load_published(model, backbones.backbone("resnet18"), "torchvision")
    assert asked == [("resnet18", "IMAGENET1K_V1")]
    torch.manual_seed(0)
    same = torchvision.models.resnet18(num_classes=1000)
    torch.testing.assert_close(model.layer4[1].conv2.weight, same.layer4[1].conv2.weight)
    torch.testing.assert_close(model.fc.weight, fresh)


def test_weights_of_another_architecture_are_refused(tmp_path):
    row = backbones.backbone("resnet10_w16")
    torch.save(backbones.build("resnet18", 4, 0).state_dict(), tmp_path / "r18.pth")
    with pytest.raises(ValueError, match=r"expected the weights of resnet10_w16, found another"):
        load_published(backbones.build(row.name, 4, 0), row, str(tmp_path / "r18.pth"))
