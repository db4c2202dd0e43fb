"""MixToken: TokenLabeling with a CutMix box of patches behind the patch embedding.

Jiang et al., "All Tokens Matter: Token Labeling for Training Better Vision Transformers", NeurIPS
2021, section 3.3.  The box is cut behind the embedding, so every token holds one image only and
keeps that image's label at its place; the objective is that of :mod:`mixlib.methods.tokenlabel`.
"""

from __future__ import annotations

from typing import Literal

from torch import nn

from mixlib.core.arguments import Count, NotNegative, Positive, Share, checked
from mixlib.core.labels import LabelRule
from mixlib.core.lam import Beta, Fixed
from mixlib.core.mask import MaskLaw
from mixlib.core.method import Method
from mixlib.core.net import Net
from mixlib.core.policy import ByLaw, Pairing, Scope
from mixlib.masks.clipped_boxes import OddSide
from mixlib.methods.cutmix import Box
from mixlib.methods.token_blocks import Blocks
from mixlib.methods.tokenlabel import AT_TEST, ImageLabel, TokenLabels


@checked
def mixtoken(
    net: Net,
    *,
    steps: int = 0,
    seed: int = 0,
    rule: LabelRule | None = None,
    teacher: nn.Module | None = None,
    alpha: Positive = 1.0,
    weight: NotNegative = 1.0,
    at_test: NotNegative = AT_TEST,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    odd: OddSide = "keep",
    of_image: ImageLabel = "class",
    mask: Literal["region", "block"] = "region",
    grid: Count = 14,
    lam: Share | None = None,
) -> TokenLabels:
    """MixToken (Jiang et al., NeurIPS 2021): TokenLabeling with a CutMix box of patches.

    Released: one box for the batch, odd sides lose a cell, the batch backwards as partners; the
    class token, too, learns the teacher's label of the image.

    Args:
        net: a transformer with a class token.
        steps: every objective's, unused.
        seed: initializes the tokens' classifier.
        rule: the loss.
        teacher: labels the tokens.
        alpha: lambda ~ Beta(alpha, alpha).
        weight: of the tokens' loss.
        at_test: weight of the strongest token in the prediction.
        scope: one box per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
        odd: "drop" takes a token off boxes of odd sides.
        of_image: whose label the class token learns, the dataset's "class" or the "teacher"'s.
        mask: one box ("region"), or TokenMix' "block" masks, which its paper supervises so.
        grid: patches down and across, for "block".
        lam: a fixed lambda in the place of the Beta law.

    Example:
        >>> import timm, torch
        >>> from timm.models.vision_transformer import VisionTransformer
        >>> model = VisionTransformer(16, 4, embed_dim=8, depth=1, num_heads=2, num_classes=4)
        >>> net = Net(model, {"last": "norm"}, layout="tokens")
        >>> made = mixtoken(net, teacher=timm.create_model("resnet10t", num_classes=4))
        >>> made(torch.zeros(4, 3, 16, 16), torch.arange(4), torch.Generator()).mix.mask.size
        (4, 4)
    """
    law: MaskLaw = Box("clip", odd) if mask == "region" else Blocks((grid, grid))
    return TokenLabels(
        net,
        teacher,
        ByLaw(law, Beta(alpha) if lam is None else Fixed(lam), scope, pairing),
        weight=weight,
        of_image=of_image,
        at_test=at_test,
        rule=rule,
        seed=seed,
    )


_CITE = (
    "Jiang et al., All Tokens Matter: Token Labeling for Training Better Vision Transformers, "
    "NeurIPS 2021, arXiv:2104.10858"
)

ROW = Method(
    "mixtoken",
    "MixToken",
    "mixtoken",
    _CITE,
    2021,
    {"default": {"alpha": 1.0}, "generated": {"alpha": 1.0, "grid": 8}},
    frozenset({"teacher"}),
    objective="mixtoken",
    pipelines=("none",),
    released={
        "odd": "drop",
        "scope": "batch",
        "pairing": "reverse",
        "of_image": "teacher",
    },
    status="defined",
)
