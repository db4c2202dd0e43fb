"""A training job under torchrun: two processes, one result, every test image counted once."""

from __future__ import annotations

import json
import sys

import pytest

from tests.demo.test_table7 import wait_for

pytestmark = [pytest.mark.demo, pytest.mark.xdist_group("demo")]


def test_two_processes_share_one_job(world):
    made = world("distributed")
    scale = made.read_scale()
    # long enough for the signal to arrive in the middle of it
    scale["kinds"]["train"]["default"] |= {"shards": 2, "epochs": 60}
    made.write_scale(scale)
    python = (sys.executable, "-m", "pipelines.run", "demo")
    jobs = [line.split(maxsplit=1) for line in made.run(*python, "--list").splitlines()]
    digest = next(key for key, text in jobs if text.startswith("train") and "automix" in text)
    data = json.loads(
        made.run(
            sys.executable,
            "-c",
            "from pipelines.plan.build import plan; import json;"
            "print(json.dumps([k for k, d in plan('demo').data.items() if d.name == 'shapes']))",
        )
    )
    made.run(*python, "--data", data[0])
    launch = ("torchrun", "--standalone", "--nproc-per-node=2", "-m", "pipelines.run", "demo")
    # a scheduler's signal: torchrun hands it on, and the same command goes on from the checkpoint
    process = made.start(*launch, digest)
    log = made.folder / "results" / ".logs" / f"{digest}.log"
    wait_for(lambda: log.is_file() and "train " in log.read_text().partition("\n")[2], process)
    process.terminate()
    text, _ = process.communicate()
    assert process.returncode != 0, text[-4000:]
    assert "asked to stop; goes on from" in log.read_text()
    made.run(*launch, digest)
    result = json.loads((made.folder / "results" / digest / "result.json").read_text())
    assert result["history"][-1]["n"] == 40
    assert (made.folder / "results" / digest / "weights.pt").exists()
    # done already: says nothing and changes nothing
    made.run(*launch, digest)
