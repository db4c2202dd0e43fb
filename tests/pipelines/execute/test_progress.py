"""Progress lines: rare, with what is left."""

from __future__ import annotations

import csv

from pipelines.execute.progress import Progress


def test_a_line_says_phase_step_values_and_what_is_left(capsys, monkeypatch):
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    report = Progress("train 1a2b3c", every=5.0)
    report("train", 0, 100, {"epoch": 1.0})
    now += 10.0
    report("train", 20, 100, {"loss": 0.51234})
    now += 1.0
    report("train", 22, 100, {})
    said = capsys.readouterr().err
    assert said == "[train 1a2b3c] train 20/100  loss 0.5123  2 steps/s  40 s left\n"


def test_the_first_line_knows_no_rate_and_is_not_done(capsys):
    report = Progress("x", every=0.0)
    report("train", 1, 12, {"epoch": 1.0, "loss": 2.3})
    assert capsys.readouterr().err == "[x] train 1/12  epoch 1  loss 2.3\n"


def test_a_value_is_read_only_for_a_line(capsys):
    class OnDevice:
        read = 0

        def __float__(self) -> float:
            self.read += 1
            return 0.5

    loss, report = OnDevice(), Progress("x", every=1e9)
    for step in range(1, 100):
        report("train", step, 100, {"loss": loss})
    assert loss.read == 0
    report("train", 100, 100, {"loss": loss})
    assert loss.read == 1
    assert capsys.readouterr().err == "[x] train 100/100  loss 0.5  done\n"


def test_the_last_step_is_always_reported(capsys):
    report = Progress("x", every=1e9)
    report("test", 3, 3, {})
    assert capsys.readouterr().err.startswith("[x] test 3/3")


def test_a_job_has_its_own_log_and_a_row_for_every_epoch(tmp_path, capsys):
    log = tmp_path / "logs" / "0123.log"
    report = Progress("train 0123", every=0.0, log=log)
    report.say("train something")
    report("train", 3, 6, {"epoch": 1.0})
    report("epoch", 3, 6, {"epoch": 1.0, "loss": 2.5})
    report("test", 6, 6, {"epoch": 2.0, "loss": 2.0, "top1": 50.0})
    # another attempt sees an epoch again
    Progress("train 0123", log=log)("epoch", 3, 6, {"epoch": 1.0, "loss": 2.5})
    rows = list(csv.DictReader(log.with_suffix(".csv").open()))
    assert [(row["epoch"], row["loss"], row["top1"]) for row in rows] == [
        ("1.0", "2.5", ""),
        ("2.0", "2.0", "50.0"),
    ]
    lines = log.read_text().splitlines()
    assert lines[0].endswith("train something")
    assert any("train 3/6" in line for line in lines)
    assert "[train 0123] train something" in capsys.readouterr().err
