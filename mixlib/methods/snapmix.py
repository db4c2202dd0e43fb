"""SnapMix: a box of the partner in a box of another size, labels by what the network sees in both.

Huang et al., "SnapMix: Semantically Proportional Mixing for Augmenting Fine-grained Data", AAAI
2021, eq. (1)-(6): with S(x) the class activation map of the true class, shifted to begin at zero
and scaled to sum to one over the image, and boxes A, B drawn as CutMix draws them, each from a
lambda of its own, the partner's box B is resized into A and

    w_own = 1 - sum of S(x_own) over A,    w_partner = sum of S(x_partner) over B,

which need not sum to one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from mixlib.core.arguments import Positive, checked
from mixlib.core.hyperparameters import same
from mixlib.core.lam import Beta, LamLaw
from mixlib.core.method import Method
from mixlib.core.mix import Boxes, Mix, Move, pair
from mixlib.core.net import Net, inference
from mixlib.core.policy import Pairing, Policy, Scope, partners
from mixlib.masks.clipped_boxes import OddSide, centers, clipped
from mixlib.models.attention import token_layout
from mixlib.models.feature_maps import as_map


def semantic_shares(
    features: Float[Tensor, "B C h w"], weight: Float[Tensor, "B C"], size: tuple[int, int]
) -> Float[Tensor, "B H W"]:
    """Class activation maps as shares of the image that sum to one; even where they are flat.

    Args:
        features: of the last stage.
        weight: the classifier's row of every sample's class.
        size: (H, W) of the images.

    Example:
        >>> maps = semantic_shares(torch.eye(2).view(1, 1, 2, 2), torch.ones(1, 1), (2, 2))
        >>> maps.tolist()
        [[[0.5, 0.0], [0.0, 0.5]]]
    """
    cam = torch.einsum("bchw,bc->bhw", features.float(), weight.float())[:, None]
    cam = F.interpolate(cam, size, mode="bilinear", align_corners=False)[:, 0]
    cam = cam - cam.amin((1, 2), keepdim=True)
    total = cam.sum((1, 2), keepdim=True)
    # where a score is not finite, neither is the sum
    even = ~total.isfinite() | (total <= 0)
    return torch.where(even, 1 / (size[0] * size[1]), cam / total)


@dataclass(frozen=True)
class BoxToBox(Move):
    """A box of every partner, resized into a box of the output.

    Attributes:
        partner: int64 [B].
        source, target: one box per sample or one for all; neither runs over the border.
        bilinear: interpolate; otherwise the nearest pixel.

    Example:
        >>> left, all_of_it = (Boxes(torch.tensor([[0, 0, 1, n]]), (1, 2)) for n in (1, 2))
        >>> move = BoxToBox(torch.tensor([0]), left, all_of_it)
        >>> move(torch.tensor([[[[5.0, 6.0]]]])).tolist()
        [[[[5.0, 5.0]]]]
    """

    partner: Int[Tensor, " B"]
    source: Boxes
    target: Boxes
    bilinear: bool = False

    def __call__(self, maps: Shaped[Tensor, "B C H W"]) -> Shaped[Tensor, "B C H W"]:
        (top, bottom, down), (left, right, across) = (self._taps(axis) for axis in (0, 1))
        if not self.bilinear:
            return self._pixels(maps, top, left)
        over, beside = down[:, None, :, None], across[:, None, None, :]
        high = torch.lerp(
            self._pixels(maps, top, left), self._pixels(maps, top, right), beside.to(maps.dtype)
        )
        low = torch.lerp(
            self._pixels(maps, bottom, left),
            self._pixels(maps, bottom, right),
            beside.to(maps.dtype),
        )
        return torch.lerp(high, low, over.to(maps.dtype))

    def _taps(self, axis: int) -> tuple[Tensor, Tensor, Float[Tensor, "n L"]]:
        """For every position of an axis the two positions it reads, and the share of the second."""
        length = self.target.size[axis]
        into, extent = (self.target.edges[:, k, None] for k in (axis, axis + 2))
        start, reach = (self.source.edges[:, k, None] for k in (axis, axis + 2))
        extent, reach = extent.clamp(min=1), reach.clamp(min=1)
        place = torch.arange(length, device=into.device) - into
        place = torch.minimum(place.clamp(min=0), extent - 1)
        if not self.bilinear:
            nearest = start + place * reach // extent
            nearest = nearest.clamp(max=length - 1)
            return nearest, nearest, torch.zeros_like(nearest, dtype=torch.float32)
        exact = ((place + 0.5) * (reach / extent) - 0.5).clamp(min=0)
        low = exact.floor()
        first = (start + torch.minimum(low.long(), reach - 1)).clamp(max=length - 1)
        second = (start + torch.minimum(low.long() + 1, reach - 1)).clamp(max=length - 1)
        return first, second, exact - low

    def _pixels(self, maps: Tensor, rows: Int[Tensor, "n H"], cols: Int[Tensor, "n W"]) -> Tensor:
        channel = torch.arange(maps.shape[1], device=maps.device)[:, None, None]
        sample = self.partner[:, None, None, None]
        return maps[sample, channel, rows[:, None, :, None], cols[:, None, None]]

    def scale(self, size: tuple[int, int]) -> Float[Tensor, " n"]:
        into, out_of = (1 - b.share_outside() for b in (self.target, self.source))
        return torch.where(out_of > 0, into / out_of.clamp(min=1e-9), 1.0).float()


@dataclass(frozen=True, eq=False)
class Snap(Policy):
    """SnapMix.

    Args:
        lam: law of the share outside either box, before the border cuts it.
        teacher: a classifier; None asks the network in training itself.
        site: its last feature map [B, C, h, w], which its last linear layer reads after pooling.
        odd: see :func:`mixlib.masks.clipped_boxes.clipped`.
        scope: boxes per "sample" or one pair for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
    """

    needs = frozenset({"features"})

    lam: LamLaw
    teacher: Net | None = None
    map_site: str = "stage4"
    odd: OddSide = "keep"
    scope: Scope = "sample"
    pairing: Pairing = "roll"

    def check_net(self, net: Net) -> None:
        super().check_net(net)
        (self.teacher or net).place(self.map_site)

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        looking = self.teacher or net
        if looking is None:
            raise ValueError("SnapMix needs a teacher, or the net in training")
        size = (z.shape[-2], z.shape[-1])
        partner, shift = partners(len(z), self.pairing, rng)
        n = len(z) if self.scope == "sample" else 1
        target, source = (self._box(n, size, rng) for _ in range(2))
        with inference(looking):
            features = looking.features(z, self.map_site)
            layout, prefix = looking.layout_of(self.map_site), token_layout(looking).prefix
            features = as_map(features, layout, prefix, size)
            head = looking.last_linear().weight
        if features.shape[1] != head.shape[1]:
            raise ValueError(
                f"SnapMix reads the class activation map: expected {head.shape[1]} channels, the "
                f"inputs of the last linear layer, found {features.shape[1]} at {self.map_site!r}; "
                "name the site of the last feature map, map_site=..."
            )
        maps = semantic_shares(features, head[y.to(head.device)], size)
        boxes = [Boxes(b.edges.to(z.device), b.size) for b in (target, source)]
        return self.solve(z, maps, partner.to(z.device), boxes[0], boxes[1], shift)

    def _box(self, n: int, size: tuple[int, int], rng: torch.Generator) -> Boxes:
        lam = self.lam.sample(n, rng)
        limit = torch.tensor(size, device=rng.device)
        side = ((1 - lam).clamp(min=0).sqrt()[:, None] * limit).long()
        return clipped(centers(n, size, rng), side, size, self.odd)

    def solve(
        self,
        z: Float[Tensor, "B C H W"],
        maps: Float[Tensor, "B H W"],
        partner: Int[Tensor, " B"],
        target: Boxes,
        source: Boxes,
        shift: int | None = None,
    ) -> Mix:
        """The mix for given partners and boxes; where either box is empty nothing is mixed."""
        both = (target.edges[:, 2:] > 0).all(1) & (source.edges[:, 2:] > 0).all(1)
        target, source = (Boxes(b.edges * both[:, None], b.size) for b in (target, source))
        own = 1 - (maps * target.inside()).sum((1, 2))
        other = (maps[partner] * source.inside()).sum((1, 2))
        move = BoxToBox(partner, source, target)
        content = BoxToBox(partner, source, target, bilinear=True)(z)
        return pair(
            partner, target, torch.stack([own, other], 1).clamp(0, 1), shift=shift,
            parts=(None, content), moves=(None, move),
        )  # fmt: skip


@checked
def snapmix(
    alpha: Positive = 5.0,
    teacher: Net | None = None,
    map_site: str = "stage4",
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    odd: OddSide = "keep",
) -> Policy:
    """SnapMix (Huang et al., AAAI 2021): asymmetric boxes, labels by class activation maps.

    Released: one pair of boxes for the batch, odd sides lose a pixel, partners by permutation.

    Args:
        alpha: lambda of either box ~ Beta(alpha, alpha), 5 in the paper.
        teacher: a trained classifier; None asks the network in training.
        map_site: its last feature map.
        scope: boxes per "sample" or one pair for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
        odd: "drop" takes a pixel off boxes of odd sides.

    Example:
        >>> import timm
        >>> from mixlib.models.wrap import wrap
        >>> net = wrap(timm.create_model("resnet10t", num_classes=4))
        >>> images, labels = torch.zeros(4, 3, 32, 32), torch.arange(4)
        >>> mix = snapmix().draw(images, labels, net, torch.Generator().manual_seed(0))
        >>> mix.weight.shape  # rows need not sum to one
        torch.Size([4, 2])
    """
    return Snap(Beta(alpha), teacher, map_site, odd, scope, pairing)


ROW = Method(
    "snapmix",
    "SnapMix",
    "snapmix",
    "Huang et al., SnapMix: Semantically Proportional Mixing for Augmenting Fine-grained Data, "
    "AAAI 2021, arXiv:2012.04846",
    2021,
    same(alpha=5.0),
    frozenset({"features"}),
    released={"odd": "drop", "scope": "batch", "pairing": "permute"},
    # 2: maps with negative scores keep their shape
    revision=2,
    status="defined",
)
