"""A Lightning callback that mixes training batches; the module stays as it is.

Before ``training_step`` sees a batch, its images are replaced by mixed ones and its labels by rows
over the classes, which ``torch.nn.functional.cross_entropy`` takes as they are.
"""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
from torch import Tensor

from mixlib.core.arguments import checked
from mixlib.mixer import Mixed, Mixer
from mixlib.seed import generator


class MixCallback(pl.Callback):
    """Mixes training batches; validation and test stay as they are.

    Args:
        mixer: what :func:`mixlib.build` returns.
        num_classes: length of a soft label; None if the labels are soft already.
        seed: of the draws.  Those of a step depend on (seed, epoch, batch, rank) alone: a resumed
            run repeats them, and no two ranks share them.
        smoothing: label smoothing before mixing.

    Attributes:
        mixed: the current batch: ``mixed.labels`` are the labels as loaded (for a metric),
            ``mixed.mix`` is what was done, ``mixed.loss(logits, rule)`` another loss.
    """

    @checked
    def __init__(
        self,
        mixer: Mixer,
        *,
        num_classes: int | None = None,
        seed: int = 0,
        smoothing: float = 0.0,
    ) -> None:
        self.mixer = mixer
        self.num_classes = num_classes
        self.seed = seed
        self.smoothing = smoothing
        self.mixed: Mixed | None = None

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Replaces the first two entries of the batch.

        Raises:
            TypeError: the batch is no list ``[images, labels, ...]`` of tensors: Lightning gives
                callbacks no way to exchange a tuple.
        """
        if (
            not isinstance(batch, list)
            or len(batch) < 2
            or not all(isinstance(part, Tensor) for part in batch[:2])
        ):
            raise TypeError(
                "MixCallback expects batches [images, labels, ...] as a list, as torch's "
                f"default_collate makes them, got {type(batch).__name__}"
            )
        rng = generator(
            self.seed, "lightning", trainer.current_epoch, batch_idx, trainer.global_rank
        )
        self.mixed = self.mixer(batch[0], batch[1], rng)
        batch[0] = self.mixed.images
        batch[1] = self.mixed.targets(self.num_classes, self.smoothing)
