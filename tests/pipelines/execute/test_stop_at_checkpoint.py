"""A scheduler's signal ends a run at its next step with a checkpoint, from which it goes on."""

from __future__ import annotations

import signal

import pytest
import torch

from mixlib.training.checkpoint import Checkpoint, StoppedAtCheckpoint
from pipelines.execute.stop_at_checkpoint import SIGNALS, asked_to_stop
from tests.mixlib.training.test_fit import make, run


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_saves_at_the_next_step_and_the_run_ends_with_the_same_bits(tmp_path, number):
    straight = make("automix")
    expected = run(straight)
    path = tmp_path / "checkpoint.pt"

    def send(phase, done, total, values):
        if phase == "train" and done == 5:
            signal.raise_signal(number)

    with asked_to_stop() as stop, pytest.raises(StoppedAtCheckpoint, match="goes on from"):
        # rarely due by itself
        run(make("automix"), checkpoint=Checkpoint(path, 1e9, stop=stop), report=send)
    assert torch.load(path)["step"] == 6
    resumed = make("automix")
    history = run(resumed, checkpoint=Checkpoint(path, 1e9))
    assert history.epochs == expected.epochs
    for key, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


def test_outside_a_signal_ends_the_process_as_ever():
    before = [signal.getsignal(number) for number in SIGNALS]
    with asked_to_stop():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
