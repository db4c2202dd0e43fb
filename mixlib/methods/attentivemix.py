"""Attentive CutMix: the cells of an image that a network attends to, on another image.

Walawalkar et al., "Attentive CutMix: An Enhanced Data Augmentation Approach for Deep Learning Based
Image Classification", ICASSP 2020: the 6 strongest of 7 x 7 cells of a pretrained network's last
feature map keep the own image, all others show the partner; labels by area.  OpenMixup's
AttentiveMix+ draws the number of cells from lambda.

The network sees the image at 224 pixels and in evaluation mode (OpenMixup leaves its batch
normalization in training mode).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.arguments import Count, Positive, checked
from mixlib.core.finite import flat_if_broken
from mixlib.core.lam import Beta, LamLaw
from mixlib.core.method import Method
from mixlib.core.mix import Mix, pair
from mixlib.core.net import Net, inference
from mixlib.core.policy import Pairing, PairPolicy, Policy, Scope
from mixlib.masks.cells import enlarge
from mixlib.masks.top_k import largest
from mixlib.models.attention import token_layout
from mixlib.models.feature_maps import as_map


def attended(features: Float[Tensor, "B C h w"], count: Int[Tensor, " B"]) -> Bool[Tensor, "B h w"]:
    """The ``count`` cells of every map with the largest mean over the channels; of equal ones, and
    where features are not finite, the first."""
    strength = flat_if_broken(features.float().mean(1, keepdim=True))[:, 0]
    return largest(strength.flatten(1), count).bool().view_as(strength)


@dataclass(frozen=True, eq=False)
class Attentive(PairPolicy):
    """Attentive CutMix.

    Args:
        lam: law of the share of cells that keep the own image; ignored where ``cells`` is given.
        teacher: a pretrained network; None asks the network in training itself.
        site: its feature map [B, C, h, w].
        cells: a fixed number of cells (6 in the paper), or None for int(h w lambda), at least 1.
        side: pixels to which the image is resized for the network; None: as it is.
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
    """

    needs = frozenset({"features"})

    lam: LamLaw
    teacher: Net | None = None
    site: str = "input"
    map_site: str = "stage4"
    cells: int | None = None
    side: int | None = 224
    scope: Scope = "sample"
    pairing: Pairing = "roll"

    def check_net(self, net: Net) -> None:
        super().check_net(net)
        (self.teacher or net).place(self.map_site)

    def at(self, lam: float) -> Policy:
        if self.cells is not None:
            raise ValueError(f"Attentive CutMix with {self.cells} cells does not follow lambda")
        return super().at(lam)

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        looking = self.teacher or net
        if looking is None:
            raise ValueError("Attentive CutMix needs a teacher, or the net in training")
        seen = z
        if self.side is not None and z.shape[-2:] != (self.side, self.side):
            seen = F.interpolate(z, (self.side, self.side), mode="bilinear", antialias=False)
        with inference(looking):
            try:
                features = looking.features(seen, self.map_site)
            except (AssertionError, RuntimeError) as error:
                if seen is z:
                    raise
                raise ValueError(
                    f"Attentive CutMix shows the network images of side={self.side}, which it "
                    f"does not take ({error}): say side=None to show them as they are"
                ) from error
        prefix = token_layout(looking).prefix
        layout = looking.layout_of(self.map_site)
        features = as_map(features, layout, prefix, (seen.shape[-2], seen.shape[-1]))
        pairs = self.draw_pairs(len(z), rng).to(z.device)
        size = (z.shape[-2], z.shape[-1])
        return self.solve(features, pairs.partner, pairs.lam_each, size, pairs.shift)

    def solve(
        self,
        features: Float[Tensor, "B C h w"],
        partner: Int[Tensor, " B"],
        lam: Float[Tensor, " B"],
        size: tuple[int, int],
        shift: int | None = None,
    ) -> Mix:
        """The mix for given draws and features."""
        cells = features.shape[-2] * features.shape[-1]
        if self.cells is None:
            count = (lam * cells).long().clamp(1, cells)
        else:
            count = torch.full_like(partner, min(self.cells, cells))
        own = enlarge(attended(features, count).float(), size)
        return pair(partner, own, own.mean((1, 2)), shift=shift)


@checked
def attentivemix(
    alpha: Positive = 2.0,
    cells: Count | None = None,
    teacher: Net | None = None,
    map_site: str = "stage4",
    side: Count | None = 224,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
) -> Policy:
    """Attentive CutMix (Walawalkar et al., ICASSP 2020): the paper's has ``cells=6``, a ResNet-50.

    Released: OpenMixup's AttentiveMix+, one lambda per batch, partners by permutation.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        cells: a fixed number of cells in lambda's place.
        teacher: a pretrained network; None asks the network in training.
        map_site: its feature map.
        side: pixels to which the image is resized for the network; None: as it is.
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.

    Example:
        >>> import timm
        >>> from mixlib.models.wrap import wrap
        >>> net = wrap(timm.create_model("resnet10t", num_classes=4))
        >>> images, labels = torch.zeros(4, 3, 32, 32), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = attentivemix(cells=6, side=None).draw(images, labels, net, rng)
        >>> mix.source.shape
        torch.Size([4, 2])
    """
    return Attentive(
        Beta(alpha),
        teacher,
        map_site=map_site,
        cells=cells,
        side=side,
        scope=scope,
        pairing=pairing,
    )


ROW = Method(
    "attentivemix",
    "AttentiveMix",
    "attentivemix",
    "Walawalkar et al., Attentive CutMix: An Enhanced Data Augmentation Approach for Deep "
    "Learning Based Image Classification, ICASSP 2020, arXiv:2003.13048",
    2020,
    # images of the generated world are small, and so is the network that looks at them
    {"default": {"alpha": 2.0}, "generated": {"alpha": 2.0, "side": None}},
    frozenset({"features"}),
    released={"scope": "batch", "pairing": "permute"},
)
