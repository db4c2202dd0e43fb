"""Runs that are killed: ``python -m tests.faults.kill_runs KILLS [SEED]``.

The smallest table is computed once undisturbed.  Then it is computed again and again in fresh
folders, its processes are ended at random moments (SIGKILL mostly, SIGTERM and SIGINT too), and
the same command is started until it ends by itself.  Metrics, weights and the table must have the
same bytes, and nobody may have to unlock anything.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import tiny

ROOT = Path(__file__).parents[2]
SHOWN = ("table.csv", "table.tex", "table.md", "figure.png", "figure.svg")
FILES = ("weights.pt", "objective.pt")
LONGEST = 300.0


@dataclass
class Report:
    """What happened.

    Attributes:
        kills: processes that were ended while they worked.
        finished: runs that came to their end afterwards.
        wrong: what differed from the undisturbed run.
        tracebacks: outputs of runs that a signal ended with more than a line.
    """

    kills: int = 0
    finished: int = 0
    wrong: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.finished} runs finished, {len(self.wrong)} wrong bytes, "
            f"{len(self.tracebacks)} tracebacks"
        )


def world(folder: Path, data: Path | None = None) -> Path:
    """A working folder with the declarations (and prepared data, copied)."""
    folder.mkdir(parents=True)
    tiny.declare(folder / "declared")
    if data is not None:
        shutil.copytree(data, folder / "data")
    return folder


def start(folder: Path, what: str) -> subprocess.Popen[str]:
    """The command, in a process group of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.tiny", what],
        cwd=folder, env=environment, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(folder: Path, what: str) -> None:
    """The command to its end.

    Raises:
        RuntimeError: it failed; holds what it printed.
    """
    process = start(folder, what)
    text, _ = process.communicate(timeout=LONGEST)
    if process.returncode:
        raise RuntimeError(text)


def outcome(folder: Path) -> dict[str, str]:
    """Digests of everything that must not depend on kills."""
    found = {}
    for path in sorted((folder / "results").glob("*/result.json")):
        body = json.loads(path.read_text())
        history = [{k: v for k, v in row.items() if "second" not in k} for row in body["history"]]
        metrics = {k: body["metrics"][k] for k in ("top1", "top5", "test_loss", "epochs")}
        name = path.parent.name
        found[f"{name} numbers"] = json.dumps([metrics, history])
        for file in FILES:
            found[f"{name} {file}"] = hashlib.sha256((path.parent / file).read_bytes()).hexdigest()
    for name in SHOWN:
        content = (folder / "paper_tables" / "tiny" / name).read_bytes()
        found[name] = hashlib.sha256(content).hexdigest()
    return found


def disturbed(folder: Path, kills: int, rng: random.Random, took: dict[str, float]) -> Report:
    """One run of the table with kills at random moments."""
    report = Report()
    for what, share in (("train", kills - kills // 5), ("render", kills // 5)):
        for _ in range(share):
            process = start(folder, what)
            wait = rng.uniform(0.3, 1.0) * took[what]
            number = rng.choice((signal.SIGKILL,) * 3 + (signal.SIGTERM, signal.SIGINT))
            time.sleep(wait)
            if process.poll() is not None:
                break  # nothing is left to do
            os.killpg(process.pid, number)
            text, _ = process.communicate(timeout=LONGEST)
            report.kills += 1
            if "Traceback" in text:
                report.tracebacks.append(text)
        finish(folder, what)
    report.finished += 1
    return report


def kill_runs(kills: int, seed: int, each: int = 6) -> Report:
    """Kills until there were so many, ``each`` per run of the table at most."""
    rng, total = random.Random(seed), Report()
    with tempfile.TemporaryDirectory() as name:
        base = world(Path(name) / "undisturbed")
        took = {}
        for what in ("train", "render"):
            began = time.monotonic()
            finish(base, what)
            took[what] = time.monotonic() - began
        expected = outcome(base)
        for number in range(10 * kills):
            if total.kills >= kills:
                break
            folder = world(Path(name) / f"run{number}", base / "data")
            one = disturbed(folder, min(each, kills - total.kills + 1), rng, took)
            found = outcome(folder)
            total.kills += one.kills
            total.finished += one.finished
            total.tracebacks += one.tracebacks
            keys = expected.keys() | found.keys()
            total.wrong += [f"run {number}: {k}" for k in keys if expected.get(k) != found.get(k)]
            print(total, flush=True)
            shutil.rmtree(folder)
    return total


def main() -> None:
    """The command."""
    report = kill_runs(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    for line in (*report.wrong, *report.tracebacks):
        print(line)
    print(report)
    sys.exit(bool(report.wrong or report.tracebacks))


if __name__ == "__main__":
    main()
