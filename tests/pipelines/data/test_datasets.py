"""Prepared sets are what was prepared: a lost, changed or cut file is noticed and mended."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys

import pytest
import typer
from PIL import Image

from mixlib.data.catalog import dataset
from mixlib.data.errors import DataError, wrong
from pipelines.command_line import run_app, sentence
from pipelines.data.contents import content_digest
from pipelines.data.datasets import prepare
from pipelines.data.fingerprints import fingerprint, specify
from pipelines.data.places import MissingDataError, locate, ready_path
from pipelines.declare.errors import DeclarationError
from tests.small_sets import SETS

SMALL = {"train": 20, "val": 10, "size": 32}
GENERATED = ["shapes", "shapes_voc", "shapes_coco", "shapes_cub"]


@pytest.fixture(autouse=True)
def no_real_data(monkeypatch):
    monkeypatch.delenv("MIX_DATA", raising=False)


def drawn(name, data):
    row = dataset(name)
    spec = specify(row, {**SMALL, "test": 10 if name == "shapes_cub" else 0})
    prepare(row, spec, data)
    return row, spec, fingerprint(row, spec, data)


def remove(path):
    path.unlink()


def cut(path):
    path.write_bytes(path.read_bytes()[:-10])


def flip(path):
    """Another byte, the same size."""
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("name", GENERATED)
@pytest.mark.parametrize("spoil", [remove, cut, flip])
def test_a_changed_file_of_a_generated_set_is_noticed_and_drawn_again(tmp_path, name, spoil):
    row, spec, mark = drawn(name, tmp_path)
    whole = tmp_path / "generated" / mark
    before = content_digest(whole, tmp_path)
    files = [path for path in whole.rglob("*") if path.suffix in (".png", ".jpg", ".txt")]
    spoil(sorted(files)[len(files) // 2])
    with pytest.raises(MissingDataError, match=f"no longer holds .* prepare {name} --spec"):
        locate(mark, tmp_path)
    prepare(row, spec, tmp_path)
    locate(mark, tmp_path)
    assert content_digest(whole, tmp_path) == before
    assert [path.name for path in (tmp_path / "generated").iterdir()] == [mark]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"name": "shapes"}'])
def test_a_broken_ready_file_is_written_again(tmp_path, text):
    row, spec, mark = drawn("shapes", tmp_path)
    whole = ready_path(mark, tmp_path).read_text()
    ready_path(mark, tmp_path).write_text(text)
    with pytest.raises(MissingDataError, match="is damaged: run"):
        locate(mark, tmp_path)
    prepare(row, spec, tmp_path)
    assert ready_path(mark, tmp_path).read_text() == whole


def test_leftovers_of_dead_processes_are_swept_and_those_of_living_ones_stay(tmp_path):
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    host = socket.gethostname()
    dead, living, foreign = (
        tmp_path / "generated" / name
        for name in (
            f".shapes-0.{host}.{done.pid}.xyz",
            f".shapes-0.{host}.{os.getppid()}.xyz",
            f".shapes-0.{host}-2.{done.pid}.xyz",
        )
    )
    for folder in (dead, living, foreign):
        folder.mkdir(parents=True)
    drawn("shapes", tmp_path)
    assert (dead.exists(), living.exists(), foreign.exists()) == (False, True, True)


def test_other_bytes_of_the_same_size_are_another_set(tmp_path):
    row = dataset("imagefolder")
    SETS["imagefolder"].write(tmp_path / "imagefolder")
    first = fingerprint(row, data=tmp_path)
    assert first == fingerprint(row, data=tmp_path)
    path = next((tmp_path / "imagefolder").rglob("*.png"))
    flip(path)
    assert fingerprint(row, data=tmp_path) != first


def test_a_known_extract_keeps_its_fingerprint_and_a_changed_one_does_not(tmp_path, monkeypatch):
    from dataclasses import replace

    folder = SETS["imagefolder"].write(tmp_path / "imagefolder")
    published = replace(dataset("imagefolder"), content=content_digest(folder, tmp_path))
    unknown = fingerprint(replace(published, content=""), data=tmp_path)
    assert fingerprint(published, data=tmp_path) != unknown
    flip(next(folder.rglob("*.png")))
    assert fingerprint(published, data=tmp_path) != fingerprint(
        replace(published, content=content_digest(folder, tmp_path)), data=tmp_path
    )


def test_hidden_files_do_not_change_a_fingerprint(tmp_path):
    row = dataset("imagefolder")
    folder = SETS["imagefolder"].write(tmp_path / "imagefolder")
    first = fingerprint(row, data=tmp_path)
    (folder / "train" / ".DS_Store").write_bytes(b"x")
    assert fingerprint(row, data=tmp_path) == first


def test_remarks_are_printed_and_kept(tmp_path, capsys):
    folder = SETS["imagefolder"].write(tmp_path / "imagefolder")
    (folder / "train" / "ant" / "notes.txt").write_text("x")
    shutil.rmtree(folder / "val" / "bee")
    ready = prepare(dataset("imagefolder"), None, tmp_path)
    told = capsys.readouterr().err
    assert "1 hidden or other files skipped" in told
    assert "no image of" in told
    assert "skipped" in ready.read_text()


def test_an_image_that_a_list_names_is_missed_when_the_set_is_prepared(tmp_path):
    folder = SETS["coco"].write(tmp_path / "coco")
    from dataclasses import replace

    row = replace(dataset("coco_small"), splits=(("train2017", 0), ("val2017", 0)), classes=3)
    Image.new("RGB", (16, 16)).save(folder / "val2017" / "bee 5.png")
    (folder / "val2017" / "bee 5.jpg").unlink()
    with pytest.raises(DataError, match=r"bee 5\.jpg is missing, but bee 5\.png lies there"):
        prepare(row, None, tmp_path)
    assert not list((tmp_path / "ready").glob("*"))


ERRORS = [
    (KeyError("n99"), None),
    (KeyError(2), None),
    (KeyError(), None),
    (KeyError("no dataset 'shapse'; known: shapes"), "no dataset"),
    (wrong("a.txt", "a number", "'x'", "correct it", line=3), "a.txt, line 3: expected a number"),
    (DeclarationError("table7: rows: no method"), "table7"),
    (MissingDataError("not here"), "not here"),
    (OSError(28, "No space left on device"), "No space left"),
    (ValueError("a bug"), None),
    (IndexError("list index out of range"), None),
]


@pytest.mark.parametrize(("error", "message"), ERRORS, ids=lambda v: repr(v)[:40])
def test_no_command_prints_a_lone_key(error, message):
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def fail() -> None:
        raise error

    arguments, sys.argv = sys.argv, ["command"]
    try:
        with pytest.raises(BaseException) as caught:  # noqa: PT011
            run_app(app)
    finally:
        sys.argv = arguments
    if message is None:
        assert caught.value is error  # with its traceback
        assert not isinstance(error, KeyError) or sentence(error) is None
    else:
        assert isinstance(caught.value, SystemExit)
        assert message in str(caught.value)
