"""Progress lines: rare, with what is left."""

from __future__ import annotations

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
    assert capsys.readouterr().err == "[train 1a2b3c] train 20/100  loss 0.5123  40 s left\n"


def test_the_last_step_is_always_reported(capsys):
    report = Progress("x", every=1e9)
    report("test", 3, 3, {})
    assert capsys.readouterr().err.startswith("[x] test 3/3")
