"""Fine-tuning of a segmenter from a pretrained backbone: the entry point of this package.

Every step depends on the seed and its own number only, so a run that is stopped and resumed from
its state continues as if it had not been.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from downstream.errors import InputError
from downstream.segmentation.augment import padded, training_crop
from downstream.segmentation.inference import SegmentationData, normalizer
from downstream.segmentation.metrics import IGNORE
from downstream.segmentation.schedule import learning_rate, optimizer
from downstream.segmentation.settings import SegmentSettings
from downstream.segmentation.upernet import UPerNet
from mixlib.seed import derive

Report = Callable[[int, int, Tensor], None]
"""(step done, steps in all, loss on the device: to read it is to wait for it)."""
NEVER = 2**62
"""The step at which a training breaks that does not."""
LOOK = 50
"""Steps between looks at whether a loss was not finite, where a look waits for a device."""


@dataclass(frozen=True)
class Preparation:
    """How pixels reach the network.

    Args:
        mean, std: [3], of pixels in [0, 1].
        device: of the model.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    device: str = "cpu"


@dataclass
class Training:
    """A fine-tuning that can be stopped and resumed.

    Args:
        model: the segmenter, on the device of ``pixels``.
        data: training set.
        settings: of the training.
        pixels: normalization and device.
        seed: decides the order of the images, their crops and dropout.

    Raises:
        InputError: the dataset is empty.
    """

    model: UPerNet
    data: SegmentationData
    settings: SegmentSettings
    pixels: Preparation
    seed: int = 0
    step: int = field(default=0, init=False)
    # the first step whose loss was not finite; stays on the device
    _broken: Tensor | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if not len(self.data):
            raise InputError("expected at least one image to train on, found an empty set")
        self.optimizer = optimizer(self.model, self.settings)
        self._prepare = normalizer(self.pixels.mean, self.pixels.std, self.pixels.device)

    def run(self, until: int | None = None, report: Report = lambda *_: None) -> None:
        """Trains up to a step (None: to the end).

        Raises:
            FloatingPointError: the loss of a step is not finite; names it. On a GPU, up to 50 more
                are done before.
        """
        last = self.settings.steps if until is None else min(until, self.settings.steps)
        look = 1 if self.pixels.device == "cpu" else LOOK
        self.model.train()
        while self.step < last:
            loss = self._train_on(*self._batch())
            self.step += 1
            now = torch.where(loss.isfinite(), NEVER, self.step)
            self._broken = now if self._broken is None else torch.minimum(self._broken, now)
            if self.step % look == 0 or self.step == last:
                self.stop_if_broken()
            report(self.step, self.settings.steps, loss)

    def stop_if_broken(self) -> None:
        """Ends a training in which the loss of a step was not finite.

        Raises:
            FloatingPointError: names the step.
        """
        if self._broken is not None and (first := int(self._broken)) != NEVER:
            raise FloatingPointError(
                f"expected finite losses, found another at step {first}: lower the learning rate, "
                "or look at the images"
            )

    def state(self) -> dict[str, Any]:
        """Everything that :meth:`resume` needs."""
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continues where :meth:`state` was taken."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = int(state["step"])

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Normalized crops [B, 3, crop, crop] and their classes int64 [B, crop, crop]."""
        crops, masks = [], []
        for place in range(self.step * self.settings.batch, (self.step + 1) * self.settings.batch):
            epoch, within = divmod(place, len(self.data))
            order = np.random.default_rng(derive(self.seed, "order", epoch)).permutation(
                len(self.data)
            )
            number = int(order[within])
            rng = np.random.default_rng(derive(self.seed, "crop", place))
            crop, mask = training_crop(
                self.data.image(number), self.data.mask(number), self.settings, rng
            )
            x, y = padded(self._prepare(crop), mask, self.settings.crop)
            crops.append(x)
            masks.append(y)
        return torch.cat(crops), torch.cat(masks).to(self.pixels.device)

    def _train_on(self, x: Tensor, y: Tensor) -> Tensor:
        rate = learning_rate(self.step, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        # dropout and stochastic depth draw from torch's global generator: seeded for this step
        devices = [] if x.device.type == "cpu" else [x.device]
        with torch.random.fork_rng(devices):
            torch.manual_seed(derive(self.seed, "dropout", self.step))
            loss = segmentation_loss(self.model, x, y, self.settings.auxiliary_weight)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def segmentation_loss(model: UPerNet, x: Tensor, y: Tensor, auxiliary_weight: float) -> Tensor:
    """Mean cross-entropy over all pixels of the batch, plus the auxiliary head's.

    Ignored pixels add nothing but count in the mean, as in MMSegmentation; a batch without a
    labeled pixel has loss 0.

    Args:
        x: normalized images [B, 3, H, W].
        y: classes int64 [B, H, W].
    """
    losses = [
        F.cross_entropy(logits, y, ignore_index=IGNORE, reduction="sum") / y.numel()
        for logits in model.both(x)
    ]
    return losses[0] + auxiliary_weight * losses[1]
