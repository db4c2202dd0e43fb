"""``python -m theory explain``: a finished run in its own layout, and the errors of one that is not
there."""

from __future__ import annotations

import json
import sys

import pytest
import torch
from PIL import Image
from torch import nn
from typer.testing import CliRunner

from mixlib.catalog import build as builder
from mixlib.data.catalog import DATASETS
from mixlib.seed import generator
from theory.__main__ import app
from theory.checkpoints import load_run

MARK = "shapes-0123456789abcdef"


@pytest.fixture
def run(tmp_path):
    """A run of two classes with its weights and its prepared dataset."""
    rng = generator(0, "pictures")
    for name in ("ring", "star"):
        folder = tmp_path / "data" / "generated" / MARK / "train" / name
        folder.mkdir(parents=True)
        for k in range(4):
            pixels = torch.randint(256, (32, 32, 3), generator=rng, dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(folder / f"{k}.png")
    ready = {"base": "data", "root": f"generated/{MARK}", "classes": ["ring", "star"]}
    (tmp_path / "data" / "ready").mkdir()
    (tmp_path / "data" / "ready" / f"{MARK}.json").write_text(json.dumps(ready))
    folder = tmp_path / "results" / "abc"
    folder.mkdir(parents=True)
    job = {
        "images": {"name": "shapes", "fingerprint": MARK},
        "backbone": {"name": "resnet10_w16"},
        "method": {"name": "vanilla"},
        "augment": [["size", 32], ["scale", [0.08, 1.0]]],
    }
    (folder / "result.json").write_text(json.dumps({"job": job}))
    torch.save(builder.net("resnet10_w16", 2, seed=3).model.state_dict(), folder / "weights.pt")
    return tmp_path


def test_the_network_and_its_images_are_read(run):
    found = load_run(run / "results" / "abc", 6, run / "data")
    assert found.images.shape == (6, 3, 32, 32)
    assert set(found.labels.tolist()) <= {0, 1}
    known = builder.net("resnet10_w16", 2, seed=3).model.state_dict()
    assert all(torch.equal(v, known[k]) for k, v in found.net.model.state_dict().items())


def test_the_command_prints_the_terms(run):
    arguments = ["explain", "--method", "cutmix", "--alpha", "0.2", "--images", "4"]
    arguments += ["--directions", "8", "--checkpoint", str(run / "results" / "abc")]
    arguments += ["--data", str(run / "data"), "--plot", str(run / "bars.png")]
    out = CliRunner().invoke(app, arguments)
    assert out.exit_code == 0, out.output
    for text in ("CutMix, alpha = 0.2", "R2 (gradient, second order)", "trained with vanilla"):
        assert text in out.output
    assert (run / "bars.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("folder", "method", "text"),
    [("none", "cutmix", "results/<digest>"), ("abc", "automix", "what is being trained")],
)
def test_what_cannot_be_explained_says_why(run, folder, method, text):
    arguments = ["explain", "--method", method, "--images", "4", "--data", str(run / "data")]
    out = CliRunner().invoke(app, [*arguments, "--checkpoint", str(run / "results" / folder)])
    assert out.exit_code == 1
    assert text in out.output


NETS = """
from torch import nn


def small(classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, classes))
"""


def test_a_run_of_ones_own_study_is_explained_where_the_study_is_named(run, monkeypatch):
    study = run / "study"
    study.mkdir()
    (study / "explained_nets.py").write_text(NETS)
    (run / "data" / "generated" / MARK).rename(study / "images")
    declared = "study: Which?\ndatasets: {explained: {path: images, size: 32}}\n"
    (study / "one.yaml").write_text(f"{declared}tables: {{}}\n")
    ready = {"base": "anywhere", "root": str(study / "images")[1:], "classes": ["ring", "star"]}
    (run / "data" / "ready" / f"{MARK}.json").write_text(json.dumps(ready))
    folder = run / "results" / "abc"
    body = json.loads((folder / "result.json").read_text())
    body["job"]["images"]["name"] = "explained"
    body["job"]["backbone"]["name"] = "explained_nets:small"
    (folder / "result.json").write_text(json.dumps(body))
    torch.save(
        nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2)).state_dict(), folder / "weights.pt"
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    arguments = ["explain", "--method", "mixup", "--images", "4", "--directions", "8"]
    arguments += ["--checkpoint", str(folder), "--data", str(run / "data")]
    out = CliRunner().invoke(app, arguments)
    assert out.exit_code == 1
    assert "say --tables FOLDER" in out.output
    out = CliRunner().invoke(app, [*arguments, "--tables", str(study)])
    DATASETS.pop("explained", None)
    assert out.exit_code == 0, out.output
    assert "explained, explained_nets:small trained with vanilla, 4 images" in out.output
