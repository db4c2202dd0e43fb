"""Datasets are prepared once and completely, identified by content, and missed with advice."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from mixlib.data.catalog import DATASETS, dataset
from mixlib.data.catalog.row import Archive
from mixlib.data.errors import DataError
from mixlib.data.split_sizes import take_inventory
from pipelines.data import datasets, download
from pipelines.data.datasets import prepare
from pipelines.data.fingerprints import fingerprint, specify
from pipelines.data.places import MissingDataError, folder_of, locate, manifest, ready_path

TINY = {"train": 20, "val": 10, "size": 32}
SHAPES = dataset("shapes")
REAL = [row.name for row in DATASETS.values() if row.identity == "measured"]


@pytest.fixture(autouse=True)
def no_real_data(request, monkeypatch):
    if "data" not in {mark.name for mark in request.node.iter_markers()}:
        monkeypatch.delenv("MIX_DATA", raising=False)


@pytest.mark.parametrize("name", ["shapes", "shapes_voc", "shapes_coco", "shapes_cub"])
def test_generated_sets_are_drawn_once_and_found_again(tmp_path, name):
    row = dataset(name)
    spec = specify(row, {**TINY, "test": 10 if name == "shapes_cub" else 0})
    ready = prepare(row, spec, tmp_path)
    mark = fingerprint(row, spec, tmp_path)
    assert ready == ready_path(mark, tmp_path)
    entry = manifest(mark, tmp_path)
    assert entry["splits"][row.train] == 20
    assert len(entry["classes"]) == 10
    assert not Path(entry["root"]).is_absolute()
    assert take_inventory(row, locate(mark, tmp_path)).splits == entry["splits"]
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    prepare(row, spec, tmp_path)
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


def test_folders_of_killed_preparations_go_at_the_next_start(tmp_path):
    spec = specify(SHAPES, TINY)
    prepare(SHAPES, spec, tmp_path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    host = socket.gethostname()
    left = {
        who: tmp_path / "generated" / f".shapes-0.{machine}.{process}.abc"
        for who, machine, process in (
            ("killed", host, ended.pid),
            ("alive", host, os.getpid()),
            ("elsewhere", "another", ended.pid),
        )
    }
    for folder in left.values():
        (folder / "train").mkdir(parents=True)
    prepare(SHAPES, spec, tmp_path)  # there is nothing to draw
    assert {who for who, folder in left.items() if folder.exists()} == {"alive", "elsewhere"}


def test_a_lost_folder_is_drawn_again_to_the_same_bytes(tmp_path):
    spec = specify(SHAPES, TINY)
    prepare(SHAPES, spec, tmp_path)
    root = locate(fingerprint(SHAPES, spec), tmp_path)
    before = {path.name: path.read_bytes() for path in root.rglob("*.png")}
    shutil.rmtree(root)
    with pytest.raises(MissingDataError, match="no longer there"):
        locate(fingerprint(SHAPES, spec), tmp_path)
    prepare(SHAPES, spec, tmp_path)
    assert before == {path.name: path.read_bytes() for path in root.rglob("*.png")}


def test_a_killed_writer_leaves_nothing_that_counts(tmp_path, monkeypatch):
    from mixlib.data.shapes import layouts

    def fail(spec, root):
        (root / "train").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setitem(layouts.WRITERS, "imagefolder", fail)
    with pytest.raises(KeyboardInterrupt):
        prepare(SHAPES, specify(SHAPES, TINY), tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not list((tmp_path / "generated").iterdir())


def test_two_writers_at_once_do_not_disturb_each_other(tmp_path):
    spec = specify(SHAPES, TINY)
    failures = []

    def work():
        try:
            prepare(SHAPES, spec, tmp_path)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(list((tmp_path / "generated").iterdir())) == 1
    assert len(list(locate(fingerprint(SHAPES, spec), tmp_path).rglob("*.png"))) == 30


def test_fingerprints_change_with_the_content_only(tmp_path, monkeypatch):
    mark = fingerprint(SHAPES)
    assert mark == fingerprint(SHAPES, SHAPES.spec) == fingerprint(SHAPES, data=tmp_path)
    assert mark != fingerprint(SHAPES, specify(SHAPES, {"seed": 1}))
    assert mark != fingerprint(replace(SHAPES, revision=2))
    assert fingerprint(dataset("cifar10")) == fingerprint(dataset("cifar10"), data=tmp_path)
    monkeypatch.setattr("mixlib.data.shapes.scenes.REVISION", 99)
    assert mark != fingerprint(SHAPES)


def test_measured_fingerprints_follow_names_and_sizes_of_files(tmp_path):
    row = dataset("imagefolder")
    with pytest.raises(MissingDataError, match="imagefolder/train"):
        fingerprint(row, data=tmp_path)
    picture = tmp_path / "imagefolder" / "train" / "a" / "x.png"
    for split in ("train", "val"):
        (tmp_path / "imagefolder" / split / "a").mkdir(parents=True)
    picture.write_bytes(b"12345")
    first = fingerprint(row, data=tmp_path)
    picture.write_bytes(b"123456")
    second = fingerprint(row, data=tmp_path)
    picture.rename(picture.with_name("y.png"))
    assert len({first, second, fingerprint(row, data=tmp_path)}) == 3


def test_a_part_of_imagenet_is_known_by_its_classes(tmp_path):
    row = dataset("imagenet100")
    absent = fingerprint(row, data=tmp_path)
    listing = tmp_path / "imagenet100.txt"
    listing.write_text("a words\nb\n")
    listed = fingerprint(row, data=tmp_path)
    listing.write_text("b\na\n")
    # the order of the classes is that of the labels
    assert len({absent, listed, fingerprint(row, data=tmp_path)}) == 3
    listing.write_text("a other words\nb\n")
    assert fingerprint(row, data=tmp_path) == listed
    for split, count in (("train", 3), ("val", 2)):
        for name in "ab":
            folder = tmp_path / "imagenet" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (8, 8)).save(folder / f"{number}.png")
    assert fingerprint(row, data=tmp_path) == listed
    with pytest.raises(ValueError, match="5000"):
        prepare(row, None, tmp_path)
    ready = prepare(replace(row, splits=(("train", 0), ("val", 4))), None, tmp_path)
    entry = json.loads(ready.read_text())
    assert entry["splits"] == {"train": 6, "val": 4}
    assert entry["classes"] == ["a", "b"]


def test_an_extract_does_not_pass_for_the_official_archive(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in ("data_batch_1", "test_batch", "batches.meta"):
        (folder / name).write_bytes(b"small")
    assert folder_of(dataset("cifar10_small"), tmp_path) == folder
    with pytest.raises(MissingDataError, match=r"data_batch_1 \(at least 30,000,000 bytes\)"):
        folder_of(dataset("cifar10"), tmp_path)


def test_gated_sets_say_what_is_missing_and_how_to_get_it(tmp_path):
    with pytest.raises(
        MissingDataError, match=r"(?s)imagenet.*lacks train/n01440764.*image-net\.org"
    ):
        folder_of(dataset("imagenet"), tmp_path)
    with pytest.raises(MissingDataError, match="fetch cifar10"):
        folder_of(dataset("cifar10"), tmp_path)
    with pytest.raises(MissingDataError, match="--data shapes-0123456789abcdef"):
        locate("shapes-0123456789abcdef", tmp_path)


def test_specifications_are_checked():
    assert specify(SHAPES, {"radius": [0.2, 0.3]}).radius == (0.2, 0.3)
    assert specify(dataset("cifar10")) is None
    assert specify(SHAPES, {"hue": 1, "objects": (1, 2)}).hue == 1.0
    assert fingerprint(SHAPES, specify(SHAPES, {"hue": 1})) == fingerprint(
        SHAPES, specify(SHAPES, {"hue": 1.0})
    )
    for wrong in ({"train": 1.5}, {"radius": [0.1]}, {"radius": 0.1}, {"anywhere": 1}):
        with pytest.raises(ValueError, match="expected a value like"):
            specify(SHAPES, wrong)
    with pytest.raises(ValueError, match="no field"):
        specify(SHAPES, {"radii": 1})
    with pytest.raises(ValueError, match="not generated"):
        specify(dataset("cifar10"), {"train": 1})


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_real_sets_are_prepared_where_they_lie(mix_data, tmp_path, name):
    row = dataset(name)
    if not (mix_data / row.folder).exists():
        pytest.skip(f"{row.folder} is not in MIX_DATA")
    prepare(row, None, tmp_path)
    mark = fingerprint(row, data=tmp_path)
    entry = manifest(mark, tmp_path)
    # MIX_DATA may be a link
    assert locate(mark, tmp_path).resolve() == (mix_data / row.folder).resolve()
    assert entry["base"] == "MIX_DATA"
    assert entry["splits"] == dict(row.splits)
    assert len(entry["classes"]) == row.classes


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_archives_are_fetched_checked_and_unpacked(tmp_path, kind):
    source = tmp_path / "source.txt"
    source.write_text("content")
    packed = tmp_path / f"set.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(packed, "w") as file:
            file.write(source, "set/source.txt")
    else:
        with tarfile.open(packed, "w:gz") as file:
            file.add(source, "set/source.txt")
    digest = hashlib.md5(packed.read_bytes(), usedforsecurity=False).hexdigest()
    archive = Archive(packed.as_uri(), digest, "inside")
    download.obtain(archive, tmp_path / "data")
    assert (tmp_path / "data" / "inside" / "set" / "source.txt").read_text() == "content"
    assert not list((tmp_path / "data" / "downloads").iterdir())
    with pytest.raises(ValueError, match="expected MD5"):
        download.obtain(replace(archive, md5="0" * 32), tmp_path / "data")
    with pytest.raises(OSError, match="could not download"):
        download.obtain(Archive((tmp_path / "absent.zip").as_uri()), tmp_path / "data")
    with pytest.raises(ValueError, match="tar or zip"):
        download.unpack(source, tmp_path / "data")


def test_archives_cannot_write_outside(tmp_path):
    packed = tmp_path / "evil.tar"
    (tmp_path / "x").write_text("x")
    with tarfile.open(packed, "w") as file:
        file.add(tmp_path / "x", "../../outside.txt")
    with pytest.raises(DataError, match=r"evil\.tar: .*outside"):
        download.unpack(packed, tmp_path / "data" / "deep")
    assert not (tmp_path / "outside.txt").exists()


def command(folder, *words):
    environment = {key: value for key, value in os.environ.items() if key != "MIX_DATA"}
    environment["PYTHONPATH"] = str(Path(datasets.__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-m", "pipelines.data", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_line(tmp_path):
    shown = command(tmp_path, "list")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in DATASETS)
    made = command(tmp_path, "prepare", "shapes", "--spec", json.dumps(TINY))
    assert made.returncode == 0, made.stderr
    assert (tmp_path / made.stdout.strip()).exists()
    for words, message in (
        (("fetch", "imagenet"), "image-net.org"),
        (("prepare", "shapse"), "no dataset"),
        (("verify", "cub200"), "fetch cub200"),
    ):
        failed = command(tmp_path, *words)
        assert failed.returncode == 1
        assert message in failed.stderr
        assert "Traceback" not in failed.stderr
