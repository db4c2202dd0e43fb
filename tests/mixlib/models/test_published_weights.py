"""Published weights are opened in every usual form, or refused with what differs."""

from __future__ import annotations

import pickle
import re

import pytest
import torch
from safetensors.torch import save_file

from mixlib.data.errors import DataError, MissingFileError
from mixlib.models.backbones import backbone, build
from mixlib.models.load import load_published
from mixlib.models.published import PREFIXES, WRAPPERS

NETWORKS = ["resnet10_w16", "wrn28_2", "deit_tiny", "swin_tiny", "convnext_tiny"]


def load(name, path, classes=10):
    model = build(name, classes, seed=1)
    load_published(model, backbone(name), str(path))
    return model.state_dict()


@pytest.fixture(scope="module")
def state():
    return build("resnet10_w16", 10, seed=0).state_dict()


FORMS = {
    "plain": lambda s: s,
    **{f"in {key}": lambda s, key=key: {key: s, "epoch": 3} for key in WRAPPERS},
    **{f"{p}": lambda s, p=p: {p + k: v for k, v in s.items()} for p in PREFIXES},
    "lightning": lambda s: {"state_dict": {f"model.{k}": v for k, v in s.items()}, "epoch": 1},
    "ddp and compiled": lambda s: {"model": {f"module._orig_mod.{k}": v for k, v in s.items()}},
    "without counts": lambda s: {k: v for k, v in s.items() if "num_batches" not in k},
    "mmlab": lambda s: {"state_dict": {f"backbone.{k}": v for k, v in s.items() if "fc" not in k}},
    "half": lambda s: {k: v.half() if v.is_floating_point() else v for k, v in s.items()},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_usual_form_is_opened(tmp_path, state, form):
    torch.save(FORMS[form](state), tmp_path / "w.pth")
    found = load("resnet10_w16", tmp_path / "w.pth")
    for name, value in state.items():
        if "num_batches" not in name and not (form == "mmlab" and "fc" in name):
            torch.testing.assert_close(found[name], value, atol=1e-3, rtol=1e-3)


def test_safetensors_are_opened(tmp_path, state):
    save_file(dict(state), tmp_path / "w.safetensors")
    found = load("resnet10_w16", tmp_path / "w.safetensors")
    assert all(torch.equal(found[name], value) for name, value in state.items())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_classifier_of_another_size_is_left_out_in_every_network(tmp_path, name):
    given, fresh = build(name, 7, seed=0).state_dict(), build(name, 10, seed=1).state_dict()
    torch.save(given, tmp_path / "w.pth")
    found = load(name, tmp_path / "w.pth")
    own = [key for key in found if given[key].shape != found[key].shape]
    assert len(own) == 2
    for key in found:
        assert torch.equal(found[key], fresh[key] if key in own else given[key])


def changed(state, **more):
    return {k: v for k, v in {**state, **more}.items() if v is not None}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: changed(s, extra=torch.ones(2)), r"1 unknown \(extra\)"),
        (lambda s: changed(s, **{"conv1.weight": None}), r"1 missing \(conv1\.weight\)"),
        (
            lambda s: changed(s, **{"conv1.weight": torch.ones(8, 3, 3, 3)}),
            r"1 of another shape \(conv1\.weight \[8, 3, 3, 3\] for \[16, 3, 3, 3\]\)",
        ),
        (lambda s: changed(s, **{"bn1.running_mean": None}), "missing"),
    ],
)
def test_other_tensors_are_refused_with_what_differs(tmp_path, state, change, message):
    torch.save(change(state), tmp_path / "w.pth")
    with pytest.raises(DataError, match=message) as caught:
        load("resnet10_w16", tmp_path / "w.pth")
    assert str(tmp_path / "w.pth") in str(caught.value)


class _Attack:
    def __reduce__(self):
        return print, ("attacked",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"<html>", "a web page"),
        (b"\n <!DOCTYPE html>", "a web page"),
        (b"PK\x03\x04 cut", "cannot be read|other objects, or is damaged"),
        (pickle.dumps({"state_dict": _Attack()}), "other objects, or is damaged"),
    ],
)
def test_what_holds_no_tensors_is_named(tmp_path, content, message, capsys):
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{re.escape(str(path))}: .*({message})") as caught:
        load("resnet10_w16", path)
    assert "weights_only" not in str(caught.value)
    assert "attacked" not in capsys.readouterr().out


def test_dictionaries_of_something_else_and_absent_files(tmp_path):
    torch.save({"epoch": 3, "lr": 0.1}, tmp_path / "w.pth")
    with pytest.raises(DataError, match="a dictionary of epoch, lr"):
        load("resnet10_w16", tmp_path / "w.pth")
    with pytest.raises(MissingFileError, match=r"absent\.pth is missing"):
        load("resnet10_w16", tmp_path / "absent.pth")
