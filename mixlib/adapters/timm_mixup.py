"""A replacement of ``timm.data.Mixup``, without another line being changed.

The same constructor arguments and the same call, ``(x, target) -> (x, soft target)``, with partners
in reverse as there.  What differs: draws come from a generator instead of numpy's global one, a
batch may be odd, the input is not overwritten, and no loop runs over samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from mixlib.core.lam import Beta, Fixed, LamLaw
from mixlib.core.mask import MaskLaw
from mixlib.core.mix import blend
from mixlib.core.policy import Keep, Policy
from mixlib.masks.inside_boxes import InsideBox
from mixlib.methods.cutmix import Box
from mixlib.methods.mixup import Flat
from mixlib.methods.stochastic import Stochastic
from mixlib.mixer import Mixed, check_batch
from mixlib.seed import generator

MODES: dict[str, Literal["batch", "pair", "sample"]] = {
    "batch": "batch",
    "pair": "pair",
    "elem": "sample",
}


class Mixup:
    """Mixup and CutMix as ``timm.data.Mixup`` does them.

    Args:
        mixup_alpha: active if above 0.
        cutmix_alpha: active if above 0.
        cutmix_minmax: range of the box's sides as shares of the image; takes the place of the
            alpha.
        prob: probability of mixing, per batch, pair or element.
        switch_prob: probability of CutMix where both are active.
        mode: "batch", "pair" or "elem": for whom lambda is drawn.
        correct_lam: label by the box's realized area (else by the drawn lambda).
        label_smoothing: before mixing.
        num_classes: length of a soft label.
        multi_label: labels are dense rows [B, classes], smoothed towards 1/2.
        seed: of the draws; timm has none.

    Attributes:
        mixup_enabled: set to False to let batches through unmixed, as timm's training script does.

    Raises:
        ValueError: neither Mixup nor CutMix is active, or an unknown mode.

    Example:
        >>> mixup = Mixup(mixup_alpha=0.8, cutmix_alpha=1.0, num_classes=10)
        >>> images, targets = mixup(torch.zeros(4, 3, 8, 8), torch.arange(4))
        >>> images.shape, targets.shape
        (torch.Size([4, 3, 8, 8]), torch.Size([4, 10]))
    """

    def __init__(
        self,
        mixup_alpha: float = 1.0,
        cutmix_alpha: float = 0.0,
        cutmix_minmax: Sequence[float] | None = None,
        prob: float = 1.0,
        switch_prob: float = 0.5,
        mode: str = "batch",
        correct_lam: bool = True,
        label_smoothing: float = 0.1,
        num_classes: int = 1000,
        multi_label: bool = False,
        seed: int = 0,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be batch, pair or elem, got {mode!r}")
        self.mixup_enabled = True
        self.label_smoothing = label_smoothing
        self.num_classes = num_classes
        self.multi_label = multi_label
        self.rng = generator(seed, "timm mixup")
        laws: list[tuple[MaskLaw, LamLaw]] = []
        if mixup_alpha > 0:
            laws.append((Flat(), Beta(mixup_alpha)))
        if cutmix_minmax is not None:
            laws.append((InsideBox(*cutmix_minmax), Fixed(0.5)))
        elif cutmix_alpha > 0:
            box = Box(label="realized" if correct_lam else "drawn")
            laws.append((box, Beta(cutmix_alpha)))
        if not laws:
            raise ValueError("one of mixup_alpha, cutmix_alpha and cutmix_minmax must be active")
        odds = (1.0,) if len(laws) == 1 else (1 - switch_prob, switch_prob)
        self.policy: Policy = Stochastic(
            tuple(laws), tuple(prob * share for share in odds), MODES[mode], "reverse"
        )

    def __call__(
        self, x: Float[Tensor, "B C H W"], target: Shaped[Tensor, "B *Y"]
    ) -> tuple[Tensor, Tensor]:
        """Mixes a batch of any size.

        Returns:
            Images, and soft labels float32 [B, num_classes].

        Raises:
            TypeError, ValueError: see :func:`mixlib.mixer.check_batch`; or ``multi_label`` and
                the labels are not [B, num_classes].
        """
        check_batch(x, target)
        if self.multi_label and target.shape[1:] != (self.num_classes,):
            raise ValueError(
                f"multi_label expects labels [{len(x)}, {self.num_classes}], "
                f"got {tuple(target.shape)}"
            )
        policy = self.policy if self.mixup_enabled else Keep()
        # these policies look at no label: dense ones need not be made indices
        mix = policy.draw(x, torch.zeros(len(x), dtype=torch.int64), None, self.rng)
        images = blend(mix, x)
        if not self.multi_label:
            mixed = Mixed(images, target, mix)
            return images, mixed.targets(self.num_classes, self.label_smoothing)
        smooth = target.float() * (1 - self.label_smoothing) + self.label_smoothing / 2
        return images, Mixed(images, smooth, mix).targets()
