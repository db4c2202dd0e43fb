"""Files of a run that somebody, or a failing disk, has changed: the same command makes the same
bytes again, says what was set aside, and ends in no traceback."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from paper_tables.freshness import discard_stale
from paper_tables.render import products
from pipelines.execute.store import Store
from pipelines.run import verify_results
from tests.faults import tiny
from tests.faults.kill_runs import Work, finish, load, outcome, world

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]
Damage = Callable[[Path], None]


def write(content: bytes) -> Damage:
    def apply(path: Path) -> None:
        path.write_bytes(content)

    return apply


def cut(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def flip(path: Path) -> None:
    """One bit in the middle; the size stays."""
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 16
    path.write_bytes(whole)


def edit(**changes: object) -> Damage:
    def apply(path: Path) -> None:
        body = json.loads(path.read_text())
        body["metrics"] = body.get("metrics", {}) | changes.pop("metrics", {})
        path.write_text(json.dumps({**body, **changes}, indent=1))

    return apply


def other(path: Path) -> None:
    """The same file of the other job."""
    there = next(p for p in path.parents[1].glob(f"*/{path.name}") if p != path)
    path.write_bytes(there.read_bytes())


FILES: dict[str, Damage] = {
    "empty": write(b""),
    "cut": cut,
    "one bit": flip,
    "a web page": write(b"<html>404</html>"),
    "another job's": other,
    "gone": Path.unlink,
}
RESULTS: dict[str, Damage] = {
    **{name: damage for name, damage in FILES.items() if name != "gone"},
    "a list": write(b"[]"),
    "null": write(b"null"),
    "a better metric": edit(metrics={"top1": 99.9}),
    "NaN": edit(metrics={"top1": float("nan")}),
    "another digest": edit(digest="0123456789abcdef"),
    "another content": edit(content="0123456789abcdef"),
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A finished run, and what it made."""
    folder = world(tmp_path_factory.mktemp("faults") / "done")
    load()
    for what in ("train", "render"):
        finish(folder, what)
    return folder, outcome(folder)


@pytest.fixture
def copied(done, tmp_path, monkeypatch):
    """A copy of the finished run, as the working folder."""
    folder = tmp_path / "copy"
    shutil.copytree(done[0], folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *(("result.json", key) for key in RESULTS),
        *(("weights.pt", key) for key in FILES),
        ("objective.pt", "another job's"),
    ],
)
def test_a_damaged_result_is_named_and_made_again(done, copied, capfd, name, damage):
    path = sorted((copied / "results").glob(f"*/{name}"))[0]
    (RESULTS if name == "result.json" else FILES)[damage](path)
    jobs = tiny.planned(Path("declared")).jobs
    assert verify_results(jobs.values(), Store()) == 1
    assert f"wrong: results/{path.parent.name}/{name}" in capfd.readouterr().out
    finish(copied, "train")
    assert "set aside" in (copied / "train.log").read_text()
    assert verify_results(jobs.values(), Store()) == 0
    finish(copied, "render")
    assert outcome(copied) == done[1]


def checkpoints(folder: Path) -> list[Path]:
    """The last checkpoint and the one before it, of a run that has not ended."""
    return sorted((folder / "results").glob("*.partial/checkpoint.pt*"))


@pytest.fixture(scope="module")
def halfway(done, tmp_path_factory):
    """A run that was killed when it had two checkpoints."""
    folder = tmp_path_factory.mktemp("faults") / "halfway"
    world(folder, done[0] / "data")
    for _ in range(20):
        work = Work(folder, "train")
        while work.ended() is None:
            if len(checkpoints(folder)) == 2:
                work.kill(9)
                break
            time.sleep(0.002)
        if len(checkpoints(folder)) == 2:
            return folder
        shutil.rmtree(folder / "results", ignore_errors=True)
    raise AssertionError("a run could never be stopped halfway")


@pytest.mark.parametrize(
    ("damage", "both"),
    [("empty", False), ("cut", False), ("one bit", False), ("a web page", False), ("cut", True)],
)
def test_a_damaged_checkpoint_is_set_aside(done, halfway, tmp_path, monkeypatch, damage, both):
    folder = tmp_path / "copy"
    shutil.copytree(halfway, folder)
    monkeypatch.chdir(folder)
    found = checkpoints(folder)
    for path in found if both else found[:1]:
        FILES[damage](path)
    finish(folder, "train")
    # a single bit may hit the padding between tensors, which nobody reads
    if damage != "one bit":
        assert (folder / "train.log").read_text().count("set aside") == 1 + both
    finish(folder, "render")
    assert outcome(folder) == done[1]


@pytest.mark.parametrize("damage", ["empty", "cut", "a list", "null", "gone"])
def test_a_damaged_note_of_prepared_data_is_written_again(done, copied, damage):
    shutil.rmtree(copied / "results")
    path = next((copied / "data" / "ready").glob("*.json"))
    before = path.read_bytes()
    ({**RESULTS, **FILES})[damage](path)
    finish(copied, "train")
    assert path.read_bytes() == before
    finish(copied, "render")
    assert outcome(copied) == done[1]


@pytest.mark.parametrize("damage", ["empty", "cut", "one bit", "gone"])
def test_a_damaged_generated_image_is_drawn_again(done, copied, damage):
    shutil.rmtree(copied / "results")
    path = sorted((copied / "data" / "generated").rglob("*.png"))[3]
    before = path.read_bytes()
    FILES[damage](path)
    finish(copied, "train")
    assert path.read_bytes() == before
    finish(copied, "render")
    assert outcome(copied) == done[1]


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *(("table.md", key) for key in ("empty", "one bit", "gone")),
        ("figure.png", "cut"),
        ("cells", "empty"),
        ("cells", "a list"),
    ],
)
def test_a_changed_product_is_rendered_again(done, copied, name, damage):
    plan, store = tiny.planned(Path("declared")), Store()
    *_, address = products(plan, "tiny")
    assert not discard_stale(address, plan.needed("tiny"), store)
    path = address if name == "cells" else address.with_name(name)
    (FILES | RESULTS)[damage](path)
    discard_stale(address, plan.needed("tiny"), store)
    assert not address.exists()
    finish(copied, "render")
    assert outcome(copied) == done[1]
    assert not discard_stale(address, plan.needed("tiny"), store)
