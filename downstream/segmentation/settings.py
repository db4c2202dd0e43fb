"""Settings of a segmentation fine-tuning: UPerNet on DeiT, as in TokenMix' ADE20K table.

The paper's code has no segmentation. Defaults are those of MMSegmentation's UPerNet on DeiT-S
(multi-level neck, 160k iterations), the likely base of its numbers.
"""

from dataclasses import dataclass

from downstream.errors import InputError

SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
"""Scales of multi-scale testing, each also mirrored."""


@dataclass(frozen=True)
class SegmentSettings:
    """Everything that changes the numbers.

    Args:
        crop: side of the training crops and of the sliding window, pixels; a multiple of the
            backbone's patch.
        stride: step of the sliding window.
        short: short side of an image before the random scale, and in testing.
        longest: largest long side.
        ratio: least and largest random scale in training.
        one_class: largest share of a crop that one class may fill; ten crops are tried.
        layers: blocks of the transformer whose tokens are read, from 0.
        channels: of the decoder.
        auxiliary_channels: of the auxiliary head.
        auxiliary_weight: of its loss, at the last layer.
        dropout: before both classifiers.
        drop_path: stochastic depth of the backbone.
        batch: images a step.
        steps: iterations.
        lr: of AdamW.
        weight_decay: of all but norms, biases, position embedding and class token.
        layer_decay: factor on the learning rate from one block to the one before it; 1: none.
        warmup: steps of linear warm-up.
        warmup_lr: learning rate at the first of them.
        power: of the polynomial decay to zero.
        scales: of multi-scale testing.

    Raises:
        InputError: a value that cannot be used.

    Example:
        >>> SegmentSettings().steps
        160000
    """

    crop: int = 512
    stride: int = 341
    short: int = 512
    longest: int = 2048
    ratio: tuple[float, float] = (0.5, 2.0)
    one_class: float = 0.75
    layers: tuple[int, int, int, int] = (2, 5, 8, 11)
    channels: int = 512
    auxiliary_channels: int = 256
    auxiliary_weight: float = 0.4
    dropout: float = 0.1
    drop_path: float = 0.1
    batch: int = 16
    steps: int = 160_000
    lr: float = 6e-5
    weight_decay: float = 0.01
    layer_decay: float = 1.0
    warmup: int = 1500
    warmup_lr: float = 1e-6
    power: float = 1.0
    scales: tuple[float, ...] = SCALES

    def __post_init__(self) -> None:
        for name in ("crop", "stride", "short", "longest", "channels", "steps"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, found {getattr(self, name)}")
        if self.batch < 2:
            raise InputError(
                f"batch must be at least 2, found {self.batch}: the pyramid's 1 x 1 pooling is "
                "batch normalized, and one value has no variance"
            )
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise InputError(f"ratio is (least, largest), both positive, found {self.ratio}")
        if self.stride > self.crop:
            raise InputError(
                f"stride {self.stride} leaves gaps between windows of {self.crop} pixels"
            )
        if sorted(set(self.layers)) != list(self.layers) or self.layers[0] < 0:
            raise InputError(f"layers must rise from 0 on, found {self.layers}")
        if not self.scales or min(self.scales) <= 0:
            raise InputError(f"scales must be positive, found {self.scales}")


SETTINGS: dict[str, SegmentSettings] = {"upernet_160k": SegmentSettings()}
"""Settings by the word of a declaration."""
