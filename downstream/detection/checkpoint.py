"""Where did an interrupted fine-tuning stop?

One file, replaced atomically: a kill at any moment leaves the old or the new state, never half.
"""

import hashlib
import os
import time
from dataclasses import asdict
from pathlib import Path

import torch

from downstream.detection.settings import DetectSettings

FILE = "detector.checkpoint.pt"


def run_key(settings: DetectSettings, seed: int, start: dict[str, torch.Tensor]) -> str:
    """Identity of a run: its settings, seed, and the weights that it starts from."""
    digest = hashlib.sha256(repr((sorted(asdict(settings).items()), seed)).encode())
    for name, value in start.items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class Checkpoint:
    """The state of one run in `workdir`, saved at most every `seconds`."""

    def __init__(self, workdir: Path, key: str, seconds: float):
        self.file = Path(workdir) / FILE
        self.key = key
        self.seconds = seconds
        self.saved_at = time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self.saved_at >= self.seconds

    def save(self, state: dict[str, object]) -> None:
        """Write `state` (tensors, numbers, strings, lists, dicts) beside the file, then swap."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.file.with_suffix(".tmp")
        with fresh.open("wb") as stream:
            torch.save({"key": self.key} | state, stream)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(self.file)
        self.saved_at = time.monotonic()

    def load(self) -> dict[str, object] | None:
        """The saved state on the CPU, or None when there is none.

        Raises ValueError when the file belongs to another run.
        """
        if not self.file.exists():
            return None
        state = torch.load(self.file, map_location="cpu", weights_only=True)
        if state["key"] != self.key:
            raise ValueError(
                f"{self.file} was written with other settings, seed or pretrained weights: "
                "expected this run's own checkpoint; use an empty workdir or delete the file"
            )
        return state

    def clear(self) -> None:
        self.file.unlink(missing_ok=True)
