"""Studies of one's own: what they bring, what is in their digests, and that a fault stays alone."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mixlib.catalog.methods import METHODS, register_file
from mixlib.core.module_file import make_importable
from mixlib.data.catalog import DATASETS
from mixlib.data.images import cap
from mixlib.data.readers import read
from mixlib.models.backbones import BACKBONES
from paper_tables.epoch_notes import epoch_notes
from pipelines.declare import scale, table
from pipelines.declare.errors import DeclarationError
from pipelines.execute.splits import read_splits, read_test
from pipelines.plan import grid, job_file
from pipelines.plan.build import plan
from pipelines.tables import app

METHOD = """
from mixlib.core.hyperparameters import same
from mixlib.core.method import Method
from mixlib.methods.cutmix import cutmix


def {name}(alpha: float = 1.0):
    return cutmix(alpha)


ROW = Method("{name}", "Mine", "{name}", "mine", 2026, same(alpha=1.0), status="defined")
"""
STUDY = """study: Which one?
seeds: 2
plugins: [{name}.py]
datasets:
  mine: {{path: images, size: 16}}
tables:
  compare:
    rows: {{method: [vanilla, {name}]}}
    fixed: {{data: mine, backbone: "{name}_nets:small", recipe: cifar}}
"""


@pytest.fixture
def catalogs():
    """The catalogs as they were, afterwards."""
    rows, data, path = dict(METHODS._rows), dict(DATASETS), list(sys.path)
    yield
    METHODS._rows.clear()
    METHODS._rows.update(rows)
    DATASETS.clear()
    DATASETS.update(data)
    sys.path[:] = path


@pytest.fixture
def study(tmp_path, monkeypatch, catalogs):
    """A folder with a declaration, a method, a network and eight images, as the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIX_DATA", raising=False)
    name = f"m{tmp_path.name.replace('-', '_')}"[:40]
    folder = tmp_path / "study"
    for split in ("train", "val"):
        for kind in ("cat", "dog"):
            (folder / "images" / split / kind).mkdir(parents=True)
            for i in range(2):
                pixels = np.full((16, 16, 3), 40 * i, dtype=np.uint8)
                Image.fromarray(pixels).save(folder / "images" / split / kind / f"{i}.png")
    (folder / f"{name}.py").write_text(METHOD.format(name=name))
    (folder / f"{name}_nets.py").write_text("def small(classes):\n    raise NotImplementedError\n")
    (folder / "one.yaml").write_text(STUDY.format(name=name))
    return Study(folder, name)


class Study:
    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    @property
    def relative(self) -> Path:
        return self.folder.relative_to(self.folder.parent)

    def plan(self) -> grid.Plan:
        return plan("own", self.relative)

    def digests(self) -> dict[str, tuple[str, ...]]:
        return {c.row: tuple(j.digest for j in c.jobs) for c in self.plan().cells["compare"]}

    def declare(self, text: str) -> None:
        (self.folder / "two.yaml").write_text(text)


def test_a_declaration_of_ten_lines_is_a_table(study):
    found = study.plan()
    assert not found.faults
    declared = found.tables["compare"]
    assert declared.target == "study/compare"
    assert [row.label for row in declared.rows] == ["Vanilla", "Mine"]
    assert {len(cell.jobs) for cell in found.cells["compare"]} == {2}
    job = found.cells["compare"][1].jobs[0]
    assert dict(job.augment)["size"] == 16
    assert job.method.source
    assert job.backbone.source
    assert found.cells["compare"][0].jobs[0].method.source == ""
    # what a process reads back is the same job
    path = job_file.write(job, study.folder / "jobs")
    assert job_file.read(path) == job


def test_an_edit_touches_what_rests_on_it(study):
    before = study.digests()
    path = study.folder / f"{study.name}.py"
    path.write_text(path.read_text() + "# another version\n")
    after = study.digests()
    assert after["Vanilla"] == before["Vanilla"]
    assert not set(after["Mine"]) & set(before["Mine"])
    nets = study.folder / f"{study.name}_nets.py"
    nets.write_text(nets.read_text() + "# another version\n")
    assert not set(study.digests()["Vanilla"]) & set(before["Vanilla"])
    assert study.digests() == study.digests()


def test_other_images_are_another_dataset(study, monkeypatch):
    before = study.digests()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(study.folder / "images/train/cat/new.png")
    from pipelines.plan import setting

    setting._fingerprint.cache_clear()
    assert not set(study.digests()["Vanilla"]) & set(before["Vanilla"])


def test_what_cannot_be_planned_fails_alone_with_its_line(study):
    study.declare(
        "study: later\n"
        "datasets:\n"
        "  later: {path: nowhere}\n"
        "tables:\n"
        "  absent:\n"
        "    rows: {method: [vanilla]}\n"
        "    fixed: {data: later, backbone: resnet18, recipe: cifar}\n"
        "  range:\n"
        "    rows: [{label: a, set: {method: cutmix, params: {alpha: -1}}}]\n"
        "    fixed: {data: mine, backbone: resnet18, recipe: cifar}\n"
        "  nets:\n"
        "    rows: {method: [vanilla]}\n"
        "    fixed: {data: mine, backbone: 'nomodule:f', recipe: cifar}\n"
        "  text: 3\n"
    )
    found = study.plan()
    assert list(found.tables) == ["compare"]
    said = {name: str(error) for name, error in found.faults.items()}
    assert said["absent"].startswith(
        "study/two.yaml:7: absent: (Vanilla, Top-1): later is not here"
    )
    assert said["range"].startswith(
        "study/two.yaml:9: range: (a, Top-1): params: alpha: expected a"
    )
    assert said["nets"].startswith("study/two.yaml:13: nets")
    assert "expected the source of nomodule" in said["nets"]
    assert "study/two.yaml:14: text" in said["text"]
    with pytest.raises(DeclarationError, match="later is not here"):
        found.known("absent")
    listed = CliRunner().invoke(app, ["--tables", "study"])
    assert listed.exit_code == 0
    assert "compare" in listed.stdout
    assert "cannot be planned: absent: study/two.yaml:7" in listed.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("study: x\ntables: [", "not valid YAML"),
        ("tables: {}\n", "expected one of the keys 'paper' and 'study'"),
        ("paper: x\nseeds: 3\ntables: {}\n", "two.yaml:2: seeds belongs to a study"),
        ("study: x\ndatasets:\n  cifar10: {path: a}\ntables: {}\n", "two.yaml:3: .* CIFAR-10"),
        ("study: x\ndatasets:\n  d: {size: 3}\ntables: {}\n", "the key 'path' is missing"),
        ("study: x\nplugins: [none.py]\ntables: {}\n", "two.yaml:2: plugins: expected a file"),
    ],
)
def test_a_file_that_cannot_be_used_stops_no_other(study, text, words):
    study.declare(text)
    found = study.plan()
    assert list(found.tables) == ["compare"]
    with pytest.raises(DeclarationError, match=words):
        raise found.faults["two"]


def test_a_study_is_planned_as_declared(study):
    with pytest.raises(DeclarationError, match="scale demo: expected own"):
        plan("demo", study.relative)
    with pytest.raises(DeclarationError, match="expected a folder of declarations with it"):
        plan("own")
    with pytest.raises(DeclarationError, match="found none at nowhere"):
        plan("own", Path("nowhere"))


def test_the_papers_tables_fail_alone_where_data_is_absent(tmp_path, monkeypatch):
    declared = table.load_all()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIX_DATA", raising=False)
    from pipelines.plan import setting

    setting._fingerprint.cache_clear()
    found = grid.plan_each(declared, scale.load("small"))
    setting._fingerprint.cache_clear()
    assert "table13" in found.faults
    assert "cifar10_small" in str(found.faults["table13"]) or "is not here" in str(
        found.faults["table13"]
    )
    assert "gallery" in found.tables


def test_a_misspelled_network_is_said_with_the_functions_that_are_there(study):
    path = study.folder / f"{study.name}_nets.py"
    path.write_text("def small(classes):\n    inside = classes\n    return inside\n")
    text = STUDY.format(name=study.name).replace("nets:small", "nets:smal")
    (study.folder / "one.yaml").write_text(text)
    (fault,) = study.plan().faults.values()
    assert f"expected a function 'smal' in {path.resolve()}, found small" in str(fault).replace(
        str(path), str(path.resolve())
    )


def test_a_plugin_s_file_has_the_name_of_its_method(study):
    path = study.folder / f"{study.name}.py"
    path.write_text(METHOD.format(name="another"))
    with pytest.raises(ValueError, match=r"rename the file to another\.py"):
        register_file(path)


def test_a_study_says_which_epochs_count(study):
    found = study.plan()
    first = found.needed("compare")[0]
    what = f"{first.backbone.name}, {first.recipe.epochs} epochs"
    assert epoch_notes(found.needed("compare"), found.tables["compare"]) == [
        f"The accuracy of a training ({what}) is the median over the last ten evaluated epochs, or "
        "all where there are fewer (pick: median_last_10)."
    ]


def test_a_plugin_must_have_a_name_of_its_own(tmp_path, catalogs):
    path = tmp_path / "json.py"
    path.write_text("")
    with pytest.raises(LookupError, match="a name that no other module has"):
        make_importable(path)


def test_any_function_is_a_network():
    assert "my.nets:small" in BACKBONES
    assert BACKBONES["my.nets:small"].family == "own"
    assert "my.nets" not in BACKBONES
    assert next(iter(BACKBONES)) == "resnet10_w16"


def test_a_dataset_may_hold_out_some_of_its_training_images(study):
    """Trained on and tested on are the training images used, without overlap; digests tell."""
    path = study.folder / "one.yaml"
    declared = path.read_text()
    before = study.digests()["Vanilla"]
    more = declared.replace("size: 16}", "size: 16, train_images: 3, held_out: 1}")
    path.write_text(more)
    (job, _) = (j for j in study.plan().jobs.values() if j.method.name == "vanilla")
    assert (job.images.train_cap, job.images.held_out) == (3, 1)
    assert job.digest not in before
    root = study.folder / "images"
    train, test = read_splits(job.images, root)
    assert read_test(job.images, root).paths == test.paths
    assert (len(train), len(test)) == (2, 1)
    used = cap(read("imagefolder", root, "train"), 3)
    assert sorted([*train.paths, *test.paths]) == sorted(used.paths)
    assert "1 held out" in job.describe()


def test_all_images_cannot_be_held_out(study):
    path = study.folder / "one.yaml"
    declared = path.read_text()
    more = declared.replace("size: 16}", "size: 16, train_images: 3, held_out: 3}")
    path.write_text(more)
    fault = study.plan().faults["one"]
    assert "held_out: expected fewer than its train_images, 3, found 3" in str(fault)


def test_a_study_may_ask_for_portable_bits(study):
    assert not study.plan().scale.portable
    study.declare("study: another\nportable: true\ntables: {}\n")
    assert not study.plan().scale.portable, "no table asks for it"
    path = study.folder / "one.yaml"
    path.write_text(path.read_text().replace("seeds: 2", "seeds: 2\nportable: true"))
    assert study.plan().scale.portable
