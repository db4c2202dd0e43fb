"""Score maps of a teacher made in training: its classifier at every cell of its last map.

ReLabel (Yun et al., CVPR 2021, section 3.1) and TokenLabeling (Jiang et al., NeurIPS 2021, section
3.2) make their maps so: global average pooling is left out and the linear classifier behind it
reads every cell.  The authors do it once, for whole images, and store the maps; here the teacher
sees the very crop that is trained on, in one more forward pass per step.  Stored maps go through
:mod:`mixlib.models.score_maps` instead.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixlib.core.net import Net, inference
from mixlib.models.score_maps import image_targets, token_targets, whole
from mixlib.models.wrap import wrap

SITE = "last"
# of the largest logit; what bfloat16 rounds away in a sum over a map stays below it
ROUNDING = 0.05


class MapTeacher:
    """A trained classifier that labels images and their parts.

    Not a module: its parameters are neither trained nor saved with those who ask it.

    Args:
        model: trained on the same classes, with global average pooling before a linear classifier
            (the ResNets and Swins of timm and torchvision).
        site: its last feature map.
    """

    def __init__(self, model: nn.Module, site: str = SITE) -> None:
        self.net: Net = wrap(model)
        self.site = site
        self._checked = False

    def maps(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B Y h w"]:
        """Scores (logits) of all classes at every cell.

        Raises:
            ValueError: the mean of the scores is not the network's prediction, so what stands
                behind the site is not average pooling and a linear classifier.
        """
        like = next(self.net.parameters())
        if like.device != x.device:
            self.net.to(x.device)
        with inference(self.net):
            logits, seen = self.net(x.to(like.dtype), tap=(self.site,))
            z, head = seen[self.site], self.net.last_linear()
            if self.net.layout == "channels_last":
                z = z.permute(0, 3, 1, 2)
            if z.ndim != 4 or z.shape[1] != head.in_features:
                raise ValueError(self._refusal(f"a tensor {list(z.shape)}"))
            scores = torch.einsum("bchw,yc->byhw", z.float(), head.weight.float())
            if head.bias is not None:
                scores = scores + head.bias.float()[:, None, None]
        if not self._checked:
            self._check(scores, logits.float())
        return scores

    def image(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B Y"]:
        """Soft labels of images: ReLabel's pooled scores, here of the whole crop."""
        maps = self.maps(x)
        return image_targets(maps, whole(maps))

    def tokens(self, x: Float[Tensor, "B C H W"], grid: tuple[int, int]) -> Float[Tensor, "B Y T"]:
        """Soft labels of images, then of their T parts on a grid (rows, columns) in row order."""
        maps = self.maps(x)
        return token_targets(maps, whole(maps), grid)

    def _check(self, scores: Tensor, logits: Tensor) -> None:
        off = (scores.mean((2, 3)) - logits).abs().max()
        if off > ROUNDING * logits.abs().max():
            raise ValueError(self._refusal("cells whose mean score is not the prediction"))
        # once is enough, and comparing on every step would wait for the device
        self._checked = True

    def _refusal(self, found: str) -> str:
        return (
            f"{type(self.net.model).__name__} cannot label parts of images: expected global "
            f"average pooling and a linear classifier behind site {self.site!r}, found {found}; "
            "take a ResNet or a Swin, or stored maps (mixlib.models.score_maps)"
        )
