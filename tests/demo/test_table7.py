"""The commands of the README, for real, on the smallest grid: data, training, detectors, table."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import shutil
import signal
import time
from pathlib import Path

import pytest

# the commands take two minutes of a free core, and many more beside another suite
pytestmark = [pytest.mark.demo, pytest.mark.xdist_group("demo"), pytest.mark.timeout(3600)]
COMMAND = ("snakemake", "--cores", "2", "paper_tables/table7")


@pytest.fixture(scope="module")
def done(world):
    """A world in which the command ran undisturbed."""
    made = world("undisturbed")
    made.log = made.run(*COMMAND[:-1], "--verbose", COMMAND[-1])
    return made


def processor_seconds():
    """What the commands that have ended took; unlike the time of day, also on a busy machine."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_every_cell_is_measured(done):
    rows = list(csv.DictReader((done.product / "table.csv").open()))
    assert {row["row"] for row in rows} == {"Vanilla", "AutoMix"}
    assert len(rows) == 2 * 4
    assert all(0 <= float(row["mean"]) <= 100 for row in rows)
    for name in ("table.md", "table.tex", "table.html", "figure.png", "figure.svg"):
        assert (done.product / name).stat().st_size > 0


def test_progress_is_visible(done):
    assert "train resnet10_w16 with automix on shapes: 3 epochs, batch 16" in done.log
    assert "[train " in done.log
    assert "[detect " in done.log


def test_snakemake_looks_for_jobs_when_one_has_ended_and_not_every_second(done):
    ended = done.log.count("Finished jobid: ")
    assert ended > 10
    assert 0 < done.log.count("Ready jobs: ") <= ended + 1


def test_a_second_run_has_nothing_to_do(done):
    before = processor_seconds()
    assert "Nothing to be done" in done.run(*COMMAND)
    assert processor_seconds() - before < 15


def test_one_changed_number_plans_exactly_its_jobs(done):
    scale = done.read_scale()
    scale["kinds"]["detect"]["voc0712"] = {"lr": 0.19}
    done.write_scale(scale)
    try:
        planned = done.run("snakemake", "-n", "paper_tables/table7")
    finally:
        del scale["kinds"]["detect"]["voc0712"]
        done.write_scale(scale)
    counts = {
        line.split()[0]: int(line.split()[1])
        for line in planned.splitlines()
        if len(line.split()) == 2 and line[0].isalpha() and line.split()[1].isdigit()
    }
    assert counts == {"detect": 2, "render_table7": 1, "paper_tables/table7": 1, "total": 4}


def test_dvc_recomputes_nothing(done):
    done.run("git", "init", "--quiet")
    # the world declares one table
    done.run("python", "-m", "pipelines.dvc_stages")
    results = {p: p.stat().st_mtime_ns for p in (done.folder / "results").glob("*/result.json")}
    table = (done.product / "table.csv").read_bytes()
    done.run("dvc", "repro", "table7")
    assert {p: p.stat().st_mtime_ns for p in results} == results
    assert (done.product / "table.csv").read_bytes() == table
    assert "didn't change, skipping" in done.run("dvc", "repro", "table7")
    assert "up to date" in done.run("dvc", "status")
    assert "table7" in done.run("dvc", "dag")
    shown = done.run("dvc", "metrics", "show", "--json")
    first = next(csv.DictReader((done.product / "table.csv").open()))
    assert f"{float(first['mean']):.6g}" in shown
    done.run("dvc", "plots", "show")
    assert (done.folder / "dvc_plots" / "index.html").exists()


def test_dvc_runs_an_experiment_on_a_declared_value(done):
    """Only what the value is part of is done again, and DVC shows the cells beside the old ones."""
    scale = done.folder / "pipelines" / "scales" / "demo.yaml"
    before, finished = scale.read_bytes(), done.results()
    done.run("git", "add", "--all")
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    done.run("git", *author, "commit", "--quiet", "--message", "before")
    value = "kinds.detect.default.lr"
    try:
        done.run("dvc", "exp", "run", "--set-param", f"{scale}:{value}=0.19", "table7")
        assert len(done.results() - finished) == 4
        shown = json.loads(done.run("dvc", "params", "diff", "--json"))
        (change,) = shown["pipelines/scales/demo.yaml"].values()
        assert (change["old"], change["new"]) == (0.2, 0.19)
        (cells,) = json.loads(done.run("dvc", "metrics", "diff", "--json")).values()
        assert any(change["diff"] != 0 for change in cells.values())
        assert {"old", "new", "diff"} <= set(cells["AutoMix.COCO AP50"])
    finally:
        # other tests compare with this world as it was
        scale.write_bytes(before)
        for digest in done.results() - finished:
            shutil.rmtree(done.folder / "results" / digest)
        done.run(*COMMAND)


def test_another_declaration_makes_its_own_stage_run(done):
    path = done.folder / "paper_tables" / "automix.yaml"
    before = path.read_text()
    path.write_text(before.replace("Transfer to object detection", "Transfer to detection"))
    try:
        assert "table7" in done.run("dvc", "status", "table7")
    finally:
        path.write_text(before)


def kill(process, whom):
    """kill -9 of Snakemake alone (its jobs go on as orphans) or of everything it started."""
    if whom == "snakemake":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def jobs(folder):
    """Process ids of the trainings, fine-tunings and preparations that run in this world."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            words = Path(f"/proc/{entry}/cmdline").read_text().split("\0")
            here = os.readlink(f"/proc/{entry}/cwd")
        except OSError:
            continue
        if (
            here == str(folder)
            and any(w in words for w in ("pipelines.run", "pipelines.execute"))
            and words[0].endswith("python")
        ):
            found.append(int(entry))
    return found


def kill_one_job(folder):
    """kill -9 of one job of this world; whether one was caught before it ended by itself."""
    for number in jobs(folder):
        try:
            handle = os.pidfd_open(number)
        except ProcessLookupError:
            continue
        with os.fdopen(handle, "rb", closefd=True) as process:
            try:
                signal.pidfd_send_signal(process.fileno(), signal.SIGKILL)
            except ProcessLookupError:
                continue
        return True
    return False


def wait_for(condition, process=None):
    """Waits until a condition holds, however slow the machine is: pytest's own time-out ends it.

    Raises:
        RuntimeError: the process that should bring it about has ended.
    """
    while not condition():
        if process is not None and process.poll() is not None and not condition():
            raise RuntimeError(process.communicate()[0][-4000:])
        time.sleep(0.2)


def test_killed_three_times_it_ends_with_the_same_bytes(world, done):
    broken = world("killed")
    working = lambda: any((broken.folder / "results").glob("*.partial"))  # noqa: E731

    # everything dies while the first classifiers train
    process = broken.start(*COMMAND)
    wait_for(working, process)
    time.sleep(3)
    kill(process, "everything")

    # one job dies; Snakemake goes on with the others and reports the failure
    process = broken.start(*COMMAND)
    wait_for(lambda: kill_one_job(broken.folder), process)
    text, _ = process.communicate()
    assert process.returncode != 0, text

    # Snakemake dies and its jobs live on, so the next run meets them
    process = broken.start(*COMMAND)
    wait_for(lambda: jobs(broken.folder) and working(), process)
    kill(process, "snakemake")

    broken.run(*COMMAND)
    for name in ("table.csv", "table.md"):
        assert (broken.product / name).read_bytes() == (done.product / name).read_bytes()
    assert broken.results() == done.results()
    # an orphan that only now learns that its result is there leaves nothing either
    wait_for(lambda: not jobs(broken.folder))
    assert not list((broken.folder / "results").glob("*.partial"))


def test_a_wrong_word_ends_with_one_clear_line(world):
    made = world("misspelt")
    path = made.folder / "paper_tables" / "automix.yaml"
    path.write_text(path.read_text().replace("- vanilla", "- vanila"))
    text = made.run(*COMMAND, code=1)
    message = r"paper_tables/automix\.yaml:\d+: table7: rows: no method 'vanila'; did you mean"
    assert re.search(message, text)
    assert "Traceback" not in text


def test_missing_data_says_what_was_sought_and_how_to_get_it(world):
    made = world("paper")
    made.environment.pop("MIX_DATA", None)
    text = made.run("snakemake", "-n", "--config", "scale=paper", "--", "paper_tables/table7")
    assert "is not here. Looked in" in text
    assert "python -m pipelines.data fetch" in text
    assert "24000 iterations, batch 16, lr 0.02" in text
    assert "180000 iterations" in text
    assert "100 epochs, batch 256" in text
