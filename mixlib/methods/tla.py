"""TL-Align: boxes of whole tokens, and labels that follow the tokens through the transformer.

Xiao et al., "Token-Label Alignment for Vision Transformers", ICCV 2023, section 3.2: every token
starts with the label of the image that it comes from, the class token with that of the area; a
block's attention mixes labels as it mixes tokens, and its residual path keeps half,

    Y <- (Y + A Y) / 2,

A the attention matrix, mean over heads, without gradient.  The label that the class token ends with
is the target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from mixlib.core.arguments import Count, Positive, checked
from mixlib.core.labels import CrossEntropy, LabelRule
from mixlib.core.lam import Beta
from mixlib.core.mask import Laws, MaskLaw
from mixlib.core.method import Method
from mixlib.core.mix import Boxes, Mix
from mixlib.core.net import Net
from mixlib.core.policy import ByLaw, Pairing, Policy, Scope
from mixlib.masks.cells import enlarge
from mixlib.masks.clipped_boxes import OddSide, centers, clipped
from mixlib.models.attention import TokenLayout, last_attention, token_layout


@dataclass(frozen=True)
class TokenBox(MaskLaw):
    """A CutMix box whose sides are whole tokens.

    Args:
        grid: tokens down and across.
        odd: see :func:`mixlib.masks.clipped_boxes.clipped`.

    Raises:
        ValueError: an empty grid.

    Example:
        >>> rng = torch.Generator().manual_seed(0)
        >>> TokenBox((4, 4)).sample(torch.tensor([0.75]), (8, 8), rng).shape
        torch.Size([1, 8, 8])
    """

    grid: tuple[int, int] = (14, 14)
    odd: OddSide = "keep"

    def __post_init__(self) -> None:
        if min(self.grid) < 1:
            raise ValueError(f"expected a grid of at least one token, found {self.grid}")

    def draw(
        self, lam: Float[Tensor, " n"], size: tuple[int, int], rng: torch.Generator
    ) -> Float[Tensor, "n h w"]:
        return enlarge(self.tokens(lam, centers(len(lam), self.grid, rng)).to(lam.dtype), size)

    def tokens(self, lam: Float[Tensor, " n"], center: Int[Tensor, "n 2"]) -> Tensor:
        """Whether a token is the own image's, for given lambdas and centers (row, column)."""
        limit = torch.tensor(self.grid, device=lam.device)
        side = ((1 - lam).clamp(min=0).sqrt()[:, None] * limit).long()
        return ~clipped(center, side, self.grid, self.odd).inside()


def attention_paths(model: nn.Module) -> tuple[str, ...]:
    """The attention matrices of all blocks of a transformer, in the order of the forward pass; the
    blocks compute them step by step from now on.

    Raises:
        ValueError: the model has none that could be read.

    Example:
        >>> from timm.models.vision_transformer import VisionTransformer
        >>> attention_paths(VisionTransformer(16, 4, embed_dim=8, depth=2, num_heads=2))
        ('blocks.0.attn.attn_drop', 'blocks.1.attn.attn_drop')
    """
    last = last_attention(model)
    kind = type(model.get_submodule(last.rpartition(".")[0]))
    found = [(path, part) for path, part in model.named_modules() if type(part) is kind]
    for _, part in found:
        part.fused_attn = False  # type: ignore[assignment]
    return tuple(f"{path}.{last.rpartition('.')[2]}" for path, _ in found)


def aligned(
    labels: Float[Tensor, "B T K"], matrices: Sequence[Float[Tensor, "B heads T T"]]
) -> Float[Tensor, "B T K"]:
    """Labels of tokens after the blocks with these attention matrices.

    Example:
        >>> even = torch.full((1, 1, 2, 2), 0.5)
        >>> aligned(torch.eye(2)[None], [even]).tolist()
        [[[0.75, 0.25], [0.25, 0.75]]]
    """
    for matrix in matrices:
        labels = (labels + matrix.detach().float().mean(1) @ labels) / 2
    return labels


@dataclass(frozen=True)
class TlAlign(LabelRule):
    """Another rule's loss, with label shares that follow the tokens.

    Args:
        rule: the loss.
        sites: of the attention matrices, first block first; an objective fills them in.
        layout: of the network's tokens; likewise.

    Example:
        >>> TlAlign().taps
        ('attention',)
    """

    rule: LabelRule = field(default_factory=CrossEntropy)
    sites: tuple[str, ...] = ("attention",)
    layout: TokenLayout = field(default_factory=TokenLayout)

    @property
    def taps(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*self.rule.taps, *self.sites)

    def bound(self, net: Net) -> TlAlign:
        try:
            sites = attention_paths(net.body)
        except ValueError:
            # a network that has its one matrix at a place of that name
            sites = ("attention",)
            net.place(sites[0])
        return replace(self, rule=self.rule.bound(net), sites=sites, layout=token_layout(net))

    def __call__(
        self,
        mix: Mix,
        logits: Float[Tensor, "B Y"],
        seen: Mapping[str, Tensor],
        y: Int[Tensor, " B"],
    ) -> Float[Tensor, ""]:
        mix = self.reweighted(mix, [seen[site] for site in self.sites])
        return self.rule(mix, logits, seen, y)

    def reweighted(self, mix: Mix, matrices: Sequence[Float[Tensor, "B heads T T"]]) -> Mix:
        """The same mix with the label shares that its class token ends with; those of the area
        where attention is not finite, or the mask has no shape.

        Raises:
            ValueError: the patches are not those of the images.
        """
        h, w = mix.mask.size if isinstance(mix.mask, Boxes) else mix.mask.shape[-2:]
        if (h, w) == (1, 1):
            return mix
        count = matrices[0].shape[-1] - self.layout.prefix
        grid = self.layout.grid_of(count, (h, w))
        mask = F.interpolate(mix.dense().float(), grid, mode="nearest")
        patches = mask.expand(len(mix.source), -1, *grid).flatten(2).transpose(1, 2)
        first = mix.weight[:, None].expand(-1, self.layout.prefix, -1)
        weight = aligned(torch.cat([first, patches], 1), matrices)[:, 0]
        return replace(mix, weight=torch.where(weight.isfinite(), weight, mix.weight))


@checked
def tla(
    alpha: Positive = 1.0,
    grid: Count = 14,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    odd: OddSide = "keep",
) -> Policy:
    """TL-Align's images (Xiao et al., ICCV 2023): CutMix on the grid of tokens.

    Released: one box for the batch, the batch backwards as partners, odd sides lose a token.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        grid: tokens down and across.
        scope: one box per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
        odd: "drop" takes a token off boxes of odd sides.

    Example:
        >>> rng = torch.Generator().manual_seed(0)
        >>> tla(grid=4).draw(torch.zeros(4, 3, 8, 8), torch.arange(4), None, rng).mask.shape
        torch.Size([4, 2, 8, 8])
    """
    return ByLaw(TokenBox((grid, grid), odd), Beta(alpha), scope, pairing)


LAWS: Laws = {"tla": lambda size: TokenBox((4, 4))}

ROW = Method(
    "tla",
    "TL-Align",
    "tla",
    "Xiao et al., Token-Label Alignment for Vision Transformers, ICCV 2023, arXiv:2210.06455",
    2023,
    {"default": {"alpha": 1.0}, "generated": {"alpha": 1.0, "grid": 8}},
    frozenset({"attention"}),
    released={"scope": "batch", "pairing": "reverse", "odd": "drop"},
    rule="TlAlign",
)
