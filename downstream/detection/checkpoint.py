"""Checkpoints of an interrupted fine-tuning, bound to the run that they belong to."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from downstream.detection.settings import DetectSettings
from mixlib.training.checkpoint import Checkpoint

FILE = "detector.checkpoint.pt"


def run_key(settings: DetectSettings, seed: int, start: dict[str, torch.Tensor]) -> str:
    """Identity of a run: its settings, seed, and the weights that it starts from."""
    digest = hashlib.sha256(repr((sorted(asdict(settings).items()), seed)).encode())
    for name, value in start.items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class RunCheckpoint(Checkpoint):
    """The state of one run in ``workdir``, saved at most every ``seconds``.

    The folder is the caller's, who may start another run there: that run's state is refused.
    """

    def __init__(
        self, workdir: Path, key: str, seconds: float, stop: Callable[[], bool] = lambda: False
    ) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        super().__init__(workdir / FILE, seconds, stop=stop)
        self.key = key

    def save(self, state: dict[str, Any]) -> None:
        super().save({"key": self.key} | state)

    def load(self) -> dict[str, Any] | None:
        """The saved state on the CPU, or None when there is none.

        Raises:
            ValueError: the file belongs to another run.
        """
        state = super().load()
        if state is not None and state["key"] != self.key:
            raise ValueError(
                f"{self.path} was written with other settings, seed or pretrained weights: "
                "expected this run's own checkpoint; use an empty workdir or delete the file"
            )
        return state

    def clear(self) -> None:
        """Removes the file: the run is done."""
        self.path.unlink(missing_ok=True)
