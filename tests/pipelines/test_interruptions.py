"""Commands that are stopped, or whose disk is full, end with one line; make ends its children."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.interruptions import KEPT, Interrupted, one_line

ROOT = Path(__file__).parents[2]
WAITS = """\
import sys, time
import typer
from pipelines.command_line import run_app
app = typer.Typer()
@app.command()
def main() -> None:
    print("ready", flush=True)
    try:
        time.sleep(60)
    except Exception:
        print("taken for a failure")
run_app(app)
"""


# a command that gets every signal: nohup, and shells in the background, ignore some for the tests
RESET = """\
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""
HEARING = (sys.executable, "-c", RESET)


def started(code: str, *words: str, **options) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*HEARING, *words, sys.executable, "-c", code], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(
    ("number", "word"),
    [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP")],
)
def test_a_signal_ends_a_command_with_one_line(number, word):
    process = started(WAITS)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert err.strip().splitlines() == [f"stopped by {word}: {KEPT}"]
    assert not out


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_ends_a_command_with_one_line(code):
    words = r"error: .*results/x\): make room; .*same command"
    with pytest.raises(SystemExit, match=words), one_line():
        raise OSError(code, os.strerror(code), "results/x")


def test_other_errors_and_handlers_stay():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(FileNotFoundError), one_line():
        raise FileNotFoundError("x")
    assert signal.getsignal(signal.SIGTERM) is before
    assert not issubclass(Interrupted, Exception)


def test_a_checkpoint_on_a_full_disk_keeps_the_one_before(tmp_path):
    code = f"""
import resource, signal, torch
from pathlib import Path
from mixlib.training.checkpoint import Checkpoint
from pipelines.interruptions import one_line
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
checkpoint = Checkpoint(Path({str(tmp_path)!r}) / "last.pt", seconds=0)
checkpoint.save({{"step": 1}})
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
with one_line():
    checkpoint.save({{"step": 2, "weights": torch.zeros(1_000_000)}})
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "the same command goes on" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
    import torch

    assert torch.load(tmp_path / "last.pt") == {"step": 1}


CHILDREN = """\
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
print("ready", flush=True)
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_group_ends_as_a_whole(number):
    process = started(CHILDREN, sys.executable, "-m", "pipelines.process_group")
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert gone(child)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_make_passes_signals_on(tmp_path, number):
    recipe = next(
        block for block in (ROOT / "Makefile").read_text().split("\n\n")
        if block.startswith("paper_tables/%")
    )  # fmt: skip
    body = recipe.replace("$(READY) FORCE", "")
    script = tmp_path / "snakemake"
    script.write_text(f"#!{sys.executable}\n{CHILDREN}")
    script.chmod(0o755)
    # the recipe itself, with another program of Snakemake's name
    (tmp_path / "Makefile").write_text(
        body.replace("exec .venv/bin/python", f"exec {sys.executable}").replace(
            "$(CURDIR)/.venv/bin", "$(CURDIR)"
        )
    )
    process = subprocess.Popen(
        [*HEARING, "make", "-f", tmp_path / "Makefile", "-C", tmp_path, "paper_tables/x"],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    lines = []
    while "ready\n" not in lines:
        lines.append(process.stdout.readline())
        assert lines[-1], lines
    child = int(process.stdout.readline())
    # a terminal sends Ctrl-C to all of its foreground; kill reaches make alone
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode
    assert gone(child)


def gone(process: int) -> bool:
    for _ in range(100):
        state = Path(f"/proc/{process}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


def test_exit_codes_of_children_are_passed_on():
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.process_group", sys.executable, "-c", "exit(7)"],
        cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 7
