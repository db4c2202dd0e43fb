"""Studies of one's own, cut to a few steps and started as the papers' jobs are."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from mixlib.catalog.methods import METHODS
from mixlib.data.catalog import DATASETS
from pipelines.cost import Gpu, hours
from pipelines.declare.errors import DeclarationError
from pipelines.plan.build import plan
from pipelines.rehearsal.__main__ import app, source_digest
from pipelines.rehearsal.processes import Told

ROOT = Path(__file__).parents[2]
LEAGUE = ROOT / "paper_tables" / "league"
METHOD = """from mixlib.core.hyperparameters import same
from mixlib.core.method import Method
from mixlib.methods.cutmix import cutmix


def {name}(alpha: float = 1.0):
    return cutmix(alpha)


ROW = Method("{name}", "Mine", "{name}", "me", 2026, same(alpha=1.0), status="defined")
"""
NETWORK = """from torch import nn


def linear(classes):
    return nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, classes))
"""
STUDY = """study: Which one?
seeds: 3
plugins: [{name}.py]
datasets:
  rehearsed: {{path: images, size: 16, train_images: 20, held_out: 6}}
tables:
  compare:
    rows: {{method: [vanilla, {name}]}}
    fixed:
      {{data: rehearsed, backbone: "{name}_nets:linear", recipe: cifar, changes: {{batch: 10}}}}
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A folder with a declaration, a method, a network and images, seen from beside it."""
    folder, name = tmp_path / "study", f"mix{tmp_path.parent.name[-3:]}{tmp_path.name[-12:]}"
    name = name.replace("-", "_")
    for number in range(48):
        place = folder / "images" / ("train", "val")[number % 2] / ("cat", "dog")[number // 2 % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (5 * number,) * 3).save(place / f"{number}.png")
    (folder / f"{name}.py").write_text(METHOD.format(name=name))
    (folder / f"{name}_nets.py").write_text(NETWORK)
    (folder / "one.yaml").write_text(STUDY.format(name=name))
    monkeypatch.delenv("MIX_DATA", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    rows, data = dict(METHODS._rows), dict(DATASETS)
    yield Path("study")
    for catalog, before in ((METHODS._rows, rows), (DATASETS, data)):
        catalog.clear()
        catalog.update(before)


def test_a_study_is_cut_as_the_papers_are(study):
    found = plan("rehearsal", study)
    assert not found.faults
    assert [len(cell.jobs) for cell in found.cells["compare"]] == [1, 1], "one run a cell"
    for job in found.jobs.values():
        assert (job.recipe.epochs, job.recipe.batch) == (2, 4)
        # two steps of four images, and four that are held out
        assert (job.images.train_cap, job.images.held_out, job.images.test_cap) == (12, 4, 8)
    whole = plan("own", study)
    assert {job.recipe.batch for job in whole.jobs.values()} == {10}
    assert not set(found.jobs) & set(whole.jobs)


def test_no_other_scale_takes_a_study(study):
    with pytest.raises(DeclarationError, match=r"expected own .* \(or rehearsal\)"):
        plan("demo", study)


def test_a_study_is_rehearsed_with_its_method_network_and_images(study):
    """One is stopped and goes on; a second call has nothing to do, until the method changes."""
    words = ["compare", "--tables", str(study)]
    before = source_digest(Told(own=study))
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "2 of 2 jobs pass" in done.output
    page = Path("results/rehearsal/table.md").read_text()
    method = next(path for path in study.glob("*.py") if not path.stem.endswith("_nets"))
    assert method.stem in page
    assert "1 of 1" in page, "one was stopped and went on"
    assert "ok" not in CliRunner().invoke(app, words, catch_exceptions=False).output.split()
    method.write_text(method.read_text() + "\n")
    assert source_digest(Told(own=study)) != before


def test_the_league_can_be_planned_and_fits_its_time():
    """Ten seeds of every method; operations alone leave half of 45 minutes to launches."""
    found = plan("own", LEAGUE)
    assert not found.faults
    table = found.tables["league"]
    assert len(found.jobs) == 10 * len(table.rows) >= 290
    assert sum(hours(job, Gpu.h100) for job in found.jobs.values()) < 0.75 / 2
    cut = plan("rehearsal", LEAGUE)
    assert len(cut.jobs) == len(table.rows)
    assert {job.images.name for job in cut.jobs.values()} == {"cifar100_drawn"}
    assert {job.backbone.name for job in cut.jobs.values()} == {"resnet10_w32_cifar"}
