"""Checkpoints: the last two, bound to their job; a broken one is set aside and the run goes on."""

from __future__ import annotations

import errno

import pytest
import torch

from mixlib.training.checkpoint import KeptCheckpoint
from pipelines.execute.store import Store


@pytest.fixture
def checkpoint(tmp_path):
    return KeptCheckpoint(tmp_path / "checkpoint.pt", "0123", Store(tmp_path).set_aside, seconds=0)


def test_nothing_there_is_a_start(checkpoint):
    assert checkpoint.load() is None


@pytest.mark.parametrize("damage", [b"", b"PK", b"not a checkpoint", None])
def test_the_one_before_is_used_where_the_last_is_broken(checkpoint, damage, capsys):
    checkpoint.save({"step": 1})
    checkpoint.save({"step": 2})
    assert checkpoint.load() == {"step": 2}
    whole = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert checkpoint.load() == {"step": 1}
    assert "set aside" in capsys.readouterr().err
    assert checkpoint.path.with_name("checkpoint.pt.broken-1").exists()
    checkpoint.save({"step": 3})
    assert checkpoint.load() == {"step": 3}


def test_one_changed_bit_of_a_tensor_is_noticed(checkpoint, capsys):
    checkpoint.save({"weights": torch.zeros(4096)})
    checkpoint.save({"weights": torch.ones(4096)})
    whole = bytearray(checkpoint.path.read_bytes())
    whole[len(whole) // 2] ^= 16
    checkpoint.path.write_bytes(whole)
    assert torch.equal(checkpoint.load()["weights"], torch.zeros(4096))
    assert "another checksum" in capsys.readouterr().err


def test_both_broken_is_a_start_that_says_so(checkpoint, capsys):
    checkpoint.save({"step": 1})
    checkpoint.save({"step": 2})
    checkpoint.path.write_bytes(b"")
    checkpoint.previous.write_bytes(b"")
    assert checkpoint.load() is None
    assert capsys.readouterr().err.count("not a whole checkpoint") == 2


@pytest.mark.parametrize("error", [OSError(errno.ESTALE, "stale file handle"), MemoryError()])
def test_what_cannot_be_read_now_is_not_called_broken(checkpoint, monkeypatch, error):
    checkpoint.save({"step": 1})

    def fail(*_args, **_words):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", fail)
        with pytest.raises(type(error)):
            checkpoint.load()
    assert checkpoint.load() == {"step": 1}
    assert not list(checkpoint.path.parent.glob("*.broken*"))


def test_the_checkpoint_of_another_job_is_set_aside(checkpoint, tmp_path, capsys):
    checkpoint.save({"step": 1})
    other = KeptCheckpoint(checkpoint.path, "4567", Store(tmp_path).set_aside, seconds=0)
    assert other.load() is None
    assert "of another job" in capsys.readouterr().err


def test_a_malicious_pickle_is_not_run(checkpoint, tmp_path, capsys):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "escaped"), "w"))

    torch.save({"job": "0123", "state": Trap()}, checkpoint.path)
    assert checkpoint.load() is None
    assert not (tmp_path / "escaped").exists()


def test_what_is_not_finite_does_not_replace_what_is_good(checkpoint):
    checkpoint.save({"step": 1, "sums": {"loss": torch.tensor(1.0)}})
    checkpoint.save({"step": 2, "sums": {"loss": torch.tensor(float("nan"))}})
    assert checkpoint.load()["step"] == 1


def test_only_the_leader_writes_and_moves(checkpoint, tmp_path):
    checkpoint.save({"step": 1})
    checkpoint.path.write_bytes(b"")
    reader = KeptCheckpoint(checkpoint.path, "0123", pytest.fail, seconds=0, writer=False)
    assert reader.load() is None
    reader.save({"step": 5})
    assert checkpoint.path.read_bytes() == b""
