"""The README's cluster line on a real SLURM of one node: a table to its end, through ``scancel`` of
a job and ``kill -9`` of the head, with the bytes of a run without SLURM.

``make slurm-test``; it starts daemons and writes below /etc/slurm, so no other call runs it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.demo import slurm_node

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("demo"), pytest.mark.timeout(3600)]
ROOT = Path(__file__).parents[2]
EPOCHS = 30
# what a cluster without an accounting database, and a test that waits, say on the command line
HERE = ("--slurm-status-command", "squeue", "--seconds-between-status-checks", "5")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, request):
    """A SLURM of one node with two GPUs that are only names."""
    if "slurm" not in request.config.option.markexpr:
        pytest.skip("starts SLURM's daemons: make slurm-test")
    if reason := slurm_node.missing():
        pytest.skip(reason)
    # SLURM's sockets have short names
    folder = Path("/tmp") / f"one-node-{os.getpid()}"
    try:
        with slurm_node.one_node(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def worlds(cluster, world):
    """Two copies of the smallest grid, trained long enough to be interrupted: one for SLURM, and
    one in which the table has been made without it."""
    made = [world(name) for name in ("slurm", "local")]
    for each in made:
        each.environment.pop("MIX_DATA", None)
        scale = each.read_scale()
        scale["kinds"]["train"]["default"] |= {"epochs": EPOCHS}
        each.write_scale(scale)
    made[1].run("snakemake", "--cores", "2", "paper_tables/table7")
    return made


def cluster_line() -> list[str]:
    """The README's words, at the scale of the test."""
    (line,) = re.findall(
        r"^(snakemake --profile profiles/slurm .*)$", (ROOT / "README.md").read_text(), re.M
    )
    program, *words = shlex.split(line.partition("#")[0])
    place = words.index("--config")
    assert words[place + 1] == "scale=paper"
    words[place + 1] = "scale=demo"
    return [program, *HERE, *words]


def queue(*states: str) -> list[int]:
    """Numbers of the jobs in these states."""
    asked = ["squeue", "--noheader", "--format=%A", f"--states={','.join(states)}"]
    run = subprocess.run(asked, check=True, capture_output=True, text=True)
    return [int(word) for word in run.stdout.split()]


class Transcript:
    """What a person would have seen, with the seconds since the start."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def wait(self, what: str, found, seconds: float = 600.0):
        """Waits until ``found()`` is true, and returns it."""
        end = time.monotonic() + seconds
        while not (value := found()):
            assert time.monotonic() < end, f"waited in vain until {what}"
            time.sleep(0.3)
        self.say(what)
        return value


def steps(world, digest: str) -> int:
    """Steps that a training says it has done; 0 before its first line."""
    log = world.folder / "results/.logs" / f"{digest}.log"
    done = re.findall(r" train (\d+)/", log.read_text()) if log.exists() else []
    return int(done[-1]) if done else 0


def digest_of(number: int) -> str:
    """The digest of the training that a SLURM job does."""
    text = subprocess.run(
        ["scontrol", "show", "job", str(number)], check=True, capture_output=True, text=True
    ).stdout
    return re.search(r"Comment=\S*_wildcards_(\w+)", text)[1]


def running_training(world) -> tuple[int, str] | None:
    """A running SLURM job in the middle of a training."""
    for number in queue("RUNNING"):
        digest = digest_of(number)
        if 0 < steps(world, digest) < EPOCHS * 3:
            return number, digest
    return None


def test_a_table_survives_scancel_and_a_killed_head(worlds):
    slurm, local = worlds
    seen, line = Transcript(), cluster_line()
    heads = [(slurm.folder / f"head-{i}.txt").open("w+") for i in range(2)]

    def start(i: int) -> subprocess.Popen:
        seen.say("$ " + shlex.join(line))
        return subprocess.Popen(
            line, cwd=slurm.folder, env=slurm.environment, text=True, start_new_session=True,
            stdout=heads[i], stderr=subprocess.STDOUT,
        )  # fmt: skip

    head = start(0)
    try:
        number, digest = seen.wait("a training is in its steps", lambda: running_training(slurm))
        seen.say(f"$ scancel {number}  # training {digest} at step {steps(slurm, digest)}")
        subprocess.run(["scancel", str(number)], check=True)
        log = slurm.folder / "results/.logs" / f"{digest}.log"
        seen.wait("it has said that it goes on from its checkpoint",
                  lambda: "asked to stop; goes on from" in log.read_text(), 60)  # fmt: skip
        at = steps(slurm, digest)
        seen.wait("the head has submitted it again", lambda: len(submissions(slurm, 0, digest)) > 1)
        seen.wait("it is in its steps again", lambda: steps(slurm, digest) > at)
        seen.say("$ kill -9 <head>")
        os.kill(head.pid, signal.SIGKILL)
        head.wait()
        head = start(1)
        assert head.wait() == 0, (slurm.folder / "head-1.txt").read_text()[-4000:]
        seen.say("the second head has ended with 0")
    finally:
        if head.poll() is None:
            head.kill()
    # a stopped training went on, it did not begin anew
    first = [int(n) for n in re.findall(r" train (\d+)/", log.read_text())]
    assert sorted(first) == first, first
    products = sorted(p.name for p in local.product.iterdir())
    assert sorted(p.name for p in slurm.product.iterdir()) == products
    for name in products:
        # the cells' file holds digests of results with their seconds
        if name.startswith("cells-"):
            continue
        first, second = (world.product / name for world in (local, slurm))
        if name == "provenance.json":
            assert timeless(first) == timeless(second)
            continue
        same = first.read_bytes() == second.read_bytes()
        seen.say(f"{name}: {'the bytes of the local run' if same else 'DIFFERENT'}")
        assert same, name
    seen.say(f"{len(queue('COMPLETED'))} SLURM jobs completed, {len(queue('CANCELLED'))} canceled")


def timeless(provenance: Path) -> dict:
    """Provenance without the seconds that jobs took, and where the table was drawn."""
    found = json.loads(provenance.read_text())
    del found["rendered"]["host"]
    for result in found["results"].values():
        del result["seconds"]
    return found


def submissions(world, head: int, digest: str) -> list[str]:
    """Numbers under which a head has submitted a job."""
    text = (world.folder / f"head-{head}.txt").read_text()
    return re.findall(rf"submitted with SLURM jobid (\d+) \(log: \S*/{digest}/", text)
