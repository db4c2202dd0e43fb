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
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from tests.faults import tiny

SHOWN = ("table.csv", "table.tex", "table.md", "figure.png", "figure.svg")
FILES = ("weights.pt", "objective.pt")


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


class Work:
    """The command in a process group of its own, forked from this process, which has loaded all
    that it needs: a start costs no time, and a kill falls into the work."""

    def __init__(self, folder: Path, what: str) -> None:
        self.printed = folder / f"{what}.log"
        self.pid = os.fork()
        if self.pid == 0:
            self._work(folder, what)

    def _work(self, folder: Path, what: str) -> NoReturn:
        code = 1
        try:
            os.setsid()
            os.chdir(folder)
            file = os.open(self.printed.name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, 1)
            os.dup2(file, 2)
            sys.stdout, sys.stderr = (os.fdopen(fd, "w", 1, closefd=False) for fd in (1, 2))
            sys.argv = ["tiny", what]
            tiny.main()
            code = 0
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def ended(self) -> int | None:
        """The exit status once the work has ended."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None

    def kill(self, number: int) -> None:
        """Sends a signal to the group and waits for its end."""
        # the group has the leader's number once setsid was called; before, there is one process
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)
        os.waitpid(self.pid, 0)

    def text(self) -> str:
        """What was printed."""
        return self.printed.read_text() if self.printed.exists() else ""


def finish(folder: Path, what: str) -> float:
    """The command to its end; returns the seconds that it took.

    Raises:
        RuntimeError: it failed; holds what it printed.
    """
    work, began = Work(folder, what), time.monotonic()
    _, status = os.waitpid(work.pid, 0)
    if status:
        raise RuntimeError(f"{what} ended with {status}:\n{work.text()}")
    return time.monotonic() - began


def load() -> None:
    """Everything that the work imports, into this process."""
    import matplotlib.pyplot  # noqa: F401

    import pipelines.execute.perform  # noqa: F401
    from pipelines.execute.provenance import Origin, host, versions

    Origin.now()
    versions()
    host()


def outcome(folder: Path) -> dict[str, str]:
    """Digests of everything that must not depend on kills."""
    found = {}
    for path in sorted((folder / "results").glob("*/result.json")):
        if "." in path.parent.name:
            continue  # set aside
        body = json.loads(path.read_text())
        history = [{k: v for k, v in row.items() if "second" not in k} for row in body["history"]]
        metrics = {k: body["metrics"][k] for k in ("top1", "top5", "test_loss", "epochs")}
        name = path.parent.name
        found[f"{name} numbers"] = json.dumps([metrics, history])
        for file in FILES:
            found[f"{name} {file}"] = hashlib.sha256((path.parent / file).read_bytes()).hexdigest()
    for name in SHOWN:
        content = (folder / "declared" / "tables" / "tiny" / name).read_bytes()
        found[name] = hashlib.sha256(content).hexdigest()
    return found


def disturbed(folder: Path, kills: int, rng: random.Random, took: dict[str, float]) -> Report:
    """One run of the table with kills at random moments."""
    report = Report()
    for what, share in (("train", kills - kills // 5), ("render", kills // 5)):
        for _ in range(share):
            work = Work(folder, what)
            time.sleep(rng.uniform(0.02, 1.0) * took[what])
            if work.ended() is not None:
                break  # nothing is left to do
            work.kill(rng.choice((signal.SIGKILL,) * 3 + (signal.SIGTERM, signal.SIGINT)))
            report.kills += 1
            if "Traceback" in work.text():
                report.tracebacks.append(work.text())
        finish(folder, what)
    report.finished += 1
    return report


def kill_runs(kills: int, seed: int, each: int = 6) -> Report:
    """Kills until there were so many, ``each`` per run of the table at most."""
    rng, total = random.Random(seed), Report()
    with tempfile.TemporaryDirectory() as name:
        base = world(Path(name) / "undisturbed")
        load()
        took = {what: finish(base, what) for what in ("train", "render")}
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
