"""Does the job measure what its parent learned, keep every image, and store nothing from bad
input?"""

import csv
import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from mixlib.data.catalog import dataset
from mixlib.models import backbones
from pipelines.data import datasets, places
from pipelines.data.fingerprints import specify
from pipelines.declare.scale import Scale
from pipelines.execute import localize
from pipelines.execute.context import Context
from pipelines.execute.perform import perform
from pipelines.execute.progress import Progress
from pipelines.execute.store import Store
from pipelines.plan.kinds import LocalizeJob
from pipelines.plan.setting import Setting

SPEC = {"train": 20, "val": 10, "test": 20, "size": 32}
SCALE = Scale(
    "tiny", "tiny", "a test", 1,
    family="generated",
    data={"cub200": {"name": "shapes_cub", "spec": SPEC}},
    backbones={"resnet18": "resnet10_w16_dense"},
    kinds={"train": {"cub200": {"weights": None}}, "localize": {"default": {"input": 32}}},
)  # fmt: skip
POINT = {"data": "cub200", "backbone": "resnet18", "method": "vanilla", "recipe": "fine",
         "weights": "torchvision"}  # fmt: skip


@dataclass(frozen=True)
class Parents(Store):
    """A store in which every parent is there: the network it is given."""

    def read(self, job):
        return {}

    def kept_file(self, job, name):
        return self.folder(job) / name


@pytest.fixture
def job(tmp_path, monkeypatch):
    """The job of one cell, its data drawn in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIX_DATA", raising=False)
    row = dataset("shapes_cub")
    datasets.prepare(row, specify(row, SPEC), places.DATA)
    return LocalizeJob.build(POINT, Setting("here", SCALE, 0))


def context(job, tmp_path, change=lambda state: None, network=None):
    """A context whose parent result is a random network's, changed."""
    store = Parents(tmp_path / "results")
    state = backbones.build(network or job.parent.backbone.name, 10, seed=1).state_dict()
    change(state)
    folder = store.folder(job.parent)
    folder.mkdir(parents=True)
    torch.save(state, folder / "weights.pt")
    (tmp_path / "work").mkdir()
    return Context(tmp_path / "work", store, Progress("test"))


def test_the_measurement_keeps_every_image(job, tmp_path):
    outcome = localize.run(job, context(job, tmp_path))
    assert set(outcome.keep) == {"images.csv", "samples.npz", "maps.npy"}
    with (tmp_path / "work" / "images.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    found = {
        delta: np.mean([float(row[f"overlap_v2_{delta}"]) >= delta / 100 for row in rows])
        for delta in (30, 50, 70)
    }
    for delta, share in found.items():
        assert outcome.metrics[f"MaxBoxAccV2_{delta}"] == pytest.approx(100 * share)
    assert outcome.metrics["MaxBoxAccV2"] == pytest.approx(100 * np.mean(list(found.values())))
    hits = np.mean([float(row["overlap_predicted"]) >= 0.5 for row in rows])
    assert outcome.metrics["MaxBoxAcc"] == pytest.approx(100 * hits)
    samples = np.load(tmp_path / "work" / "samples.npz")
    assert samples["images"].shape == (4, 224, 224, 3)
    assert list(samples["names"]) == [rows[i]["image"] for i in (0, 6, 13, 19)]


def test_the_same_job_measures_the_same(job, tmp_path):
    place = context(job, tmp_path)
    assert localize.run(job, place).metrics == localize.run(job, place).metrics


def test_the_center_prior_needs_no_parent_and_no_seed(job, tmp_path):
    point = {**POINT, "prior": "center"}
    first, second = (LocalizeJob.build(point, Setting("here", SCALE, seed)) for seed in (0, 1))
    assert first == second
    assert list(first.parents()) == []
    (tmp_path / "work").mkdir()
    outcome = localize.run(
        first, Context(tmp_path / "work", Store(tmp_path / "none"), Progress("test"))
    )
    assert 0 < outcome.metrics["MaxBoxAccV2"] < 100


def ones(state):
    """The same evidence everywhere."""
    state["fc.weight"].zero_()


def lost(state):
    """A diverged network."""
    state["fc.weight"].fill_(float("nan"))


@pytest.mark.parametrize(
    ("change", "message"), [(lost, "NaN or infinity"), (ones, "same value everywhere")]
)
def test_maps_that_say_nothing_end_the_job_without_a_result(job, tmp_path, change, message):
    place = context(job, tmp_path, change)
    with pytest.raises(ValueError, match=message):
        perform(job, place.store, checkpoint_seconds=1)
    assert not place.store.file(job).exists()
    assert not list((place.store.root / f"{job.digest}.partial").iterdir())


def test_a_checkpoint_of_another_architecture_is_refused(job, tmp_path):
    place = context(job, tmp_path, network="resnet10_w16")
    with pytest.raises(ValueError, match=r"expected the weights of resnet10_w16_dense, found"):
        localize.run(job, place)


def test_an_image_missing_from_the_boxes_ends_the_job(job, tmp_path):
    path = places.locate(job.data.fingerprint) / "bounding_boxes.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(places.MissingDataError, match="no longer holds the files"):
        localize.run(job, context(job, tmp_path))
    assert not list((tmp_path / "work").iterdir())


def test_the_digest_covers_parent_and_settings(job):
    other = LocalizeJob.build({**POINT, "method": "mixup"}, Setting("here", SCALE, 0))
    assert other.digest != job.digest
    body = json.loads(job.canonical())
    assert body["settings"]["grid"] == 224
    assert body["parent"]["weights"] is None
