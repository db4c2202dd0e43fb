"""Checkpoints of an interrupted fine-tuning, bound to the run that they belong to."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from downstream.detection.settings import DetectSettings
from mixlib.training.checkpoint import Aside, KeptCheckpoint

FILE = "detector.checkpoint.pt"


def run_key(settings: DetectSettings, seed: int, start: dict[str, torch.Tensor]) -> str:
    """Identity of a run: its settings, seed, and the weights that it starts from."""
    said = asdict(settings)
    if settings.shards == 1:
        del said["shards"]  # as it was before there were any
    digest = hashlib.sha256(repr((sorted(said.items()), seed)).encode())
    for name, value in start.items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class RunCheckpoint(KeptCheckpoint):
    """The state of one run in ``workdir``, saved at most every ``seconds``; the last two are kept.

    The folder is the caller's, who may start another run there: that run's state is refused.

    Args:
        workdir: its folder; made.
        key: of :func:`run_key`.
        seconds: least time between two writes.
        set_aside: called with a broken file and the reason; None renames it and says so.
        stop: whether the run shall end at its next step, with its state written.
        writer: whether this process writes; the others only read.
    """

    def __init__(
        self,
        workdir: Path,
        key: str,
        seconds: float,
        set_aside: Aside | None = None,
        stop: Callable[[], bool] = lambda: False,
        writer: bool = True,
    ) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        super().__init__(workdir / FILE, key, set_aside, seconds, writer, stop)

    def refuse(self, path: Path) -> None:
        """Another run's checkpoint.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f"{path} was written with other settings, seed or pretrained weights: "
            "expected this run's own checkpoint; use an empty workdir or delete the file"
        )
