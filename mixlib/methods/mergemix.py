"""MergeMix: the tokens attended to most, by an attention that has merged tokens alike, stay.

Jin et al., "MergeMix: A Unified Augmentation Paradigm for Visual and Multi-Modal Understanding",
ICLR 2026, image mixing.  A transformer sees the clean images; in every block its tokens are merged
two by two where they are most alike (Token Merging: Bolya et al., "Token Merging: Your ViT But
Faster", ICLR 2023, section 3: bipartite soft matching of the keys' mean over heads, means weighted
by how many patches a token stands for).  With A_K the last block's attention over K merged tokens
and S the map from the L patches to them,

    A_L = A_K[S],    M_p = 1 for the floor(lambda L) patches with the largest A_L,

so that patches of one cluster stay or go together; the label share is the mask's mean.

What the public description leaves open, and what is done here: attention is the class token's, mean
over heads; its softmax does not count a token's size (the release computes none either); the last
block's own merging comes after its attention.  The paper replaces the label share by a rescaled
Gaussian draw, see ``rescale`` of :func:`mergemix`.  Left out: the second loss that the release adds
in every step, on the batch mixed by plain Mixup (alpha 0.8), and the preference tuning of language
models, which is no mixing of images.  The release reads the other direction of the attention (what
patches pay to the class token) by a map that is one merging ahead of it; there is no switch for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from mixlib.core.arguments import Positive, Share, checked
from mixlib.core.finite import even_if_broken
from mixlib.core.lam import Beta, LamLaw
from mixlib.core.method import Method
from mixlib.core.mix import Mix, pair
from mixlib.core.net import Net, inference
from mixlib.core.policy import Pairing, PairPolicy, Policy, Scope
from mixlib.masks.cells import enlarge
from mixlib.masks.top_k import largest
from mixlib.models.attention import (
    class_attention,
    find_last_attention,
    last_attention,
    token_layout,
)

FIRST, LAST = 1.5, 0.5  # of the mean number that a block merges: fewer from block to block


@dataclass(frozen=True)
class Merged:
    """Tokens after some mergings.

    Attributes:
        tokens: [B, prefix + K, C].
        size: float [B, K, 1], how many patches a token stands for.
        source: int64 [B, L], the merged token of every patch.

    Example:
        >>> of_patches(torch.zeros(2, 5, 8), prefix=1).source.shape
        torch.Size([2, 4])
    """

    tokens: Float[Tensor, "B T C"]
    size: Float[Tensor, "B K 1"]
    source: Int[Tensor, "B L"]


def of_patches(tokens: Float[Tensor, "B T C"], prefix: int) -> Merged:
    """Tokens that nothing was merged into yet."""
    batch, count = len(tokens), tokens.shape[1] - prefix
    size = torch.ones(batch, count, 1, device=tokens.device, dtype=tokens.dtype)
    return Merged(tokens, size, torch.arange(count, device=tokens.device).expand(batch, -1))


def merge(now: Merged, keys: Float[Tensor, "B T D"], prefix: int, count: int) -> Merged:
    """One merging by bipartite soft matching (Bolya et al., ICLR 2023, section 3).

    Every second token finds the one most alike among the others, by the cosine of their keys; the
    ``count`` pairs most alike merge.  Prefix tokens (the class token) take no part.

    Args:
        now: the tokens.
        keys: of the same tokens, prefix included.
        prefix: tokens before the patches.
        count: tokens to merge away, at most half of them.

    Example:
        >>> keys = torch.tensor([[[0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [-1.0, 0.5]]])
        >>> merge(of_patches(keys, prefix=0), keys, prefix=0, count=1).source.tolist()
        [[1, 0, 2, 1]]
    """
    patches = now.tokens[:, prefix:]
    half = patches.shape[1] // 2
    count = min(count, half)
    if count == 0:
        return now
    metric = F.normalize(keys[:, prefix:].float(), dim=-1)
    best, to = (metric[:, 1::2] @ metric[:, ::2].transpose(1, 2)).max(-1)
    order = best.argsort(dim=1, descending=True, stable=True)
    gone, left = order[:, :count], order[:, count:].sort(1).values
    to = to.gather(1, gone)

    def merged(values: Float[Tensor, "B K C"]) -> Float[Tensor, "B M C"]:
        odd, even = values[:, 1::2], values[:, ::2]
        wide = values.shape[-1]
        added = odd.gather(1, gone[..., None].expand(-1, -1, wide))
        kept = odd.gather(1, left[..., None].expand(-1, -1, wide))
        return torch.cat([kept, even.scatter_add(1, to[..., None].expand_as(added), added)], 1)

    size = merged(now.size)
    tokens = torch.cat([now.tokens[:, :prefix], merged(patches * now.size) / size], 1)
    return Merged(tokens, size, _places(patches.shape[1], gone, left, to).gather(1, now.source))


def _places(
    tokens: int, gone: Int[Tensor, "B r"], left: Int[Tensor, "B s"], to: Int[Tensor, "B r"]
) -> Int[Tensor, "B K"]:
    """Where every token is after a merging: those that stay of every second, then the others."""
    steps = torch.arange(tokens, device=gone.device)
    behind = left.shape[1]
    odd = torch.empty(len(gone), tokens // 2, dtype=torch.int64, device=gone.device)
    odd.scatter_(1, left, steps[:behind].expand_as(left)).scatter_(1, gone, behind + to)
    places = torch.empty(len(gone), tokens, dtype=torch.int64, device=gone.device)
    places[:, 1::2] = odd
    places[:, ::2] = behind + steps[: (tokens + 1) // 2]
    return places


def decreasing(total: int, blocks: int) -> list[int]:
    """How many tokens each block merges away: ``total`` in all, the last a third of the first.

    Example:
        >>> decreasing(98, 4)
        [37, 28, 21, 12]
    """
    weights = [FIRST + (LAST - FIRST) * k / max(blocks - 1, 1) for k in range(blocks)]
    ends = [round(total * sum(weights[: k + 1]) / sum(weights)) for k in range(blocks)]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def transformer_blocks(net: Net) -> tuple[str, ...]:
    """Paths of the blocks that can be run with merged tokens, in the order of the forward pass.

    Raises:
        ValueError: the network has none, no class token, or blocks of another structure.

    Example:
        >>> from timm.models.vision_transformer import VisionTransformer
        >>> model = VisionTransformer(16, 4, embed_dim=8, depth=2, num_heads=2)
        >>> transformer_blocks(Net(model))
        ('blocks.0', 'blocks.1')
    """
    last = find_last_attention(net.body)
    from timm.models.vision_transformer import Attention, Block

    paths = [path for path, part in net.body.named_modules() if isinstance(part, Attention)]
    owners = tuple(path.rpartition(".")[0] for path in paths)
    others = {
        type(net.body.get_submodule(path)).__name__
        for path in owners
        if not isinstance(net.body.get_submodule(path), Block)
    }
    if others:
        raise ValueError(
            f"MergeMix merges tokens between attention and MLP of timm's Block, found "
            f"{', '.join(sorted(others))} around {last!r}"
        )
    return owners


def merged_attention(
    net: Net, x: Float[Tensor, "B C H W"], merges: Share
) -> Float[Tensor, "B h w"]:
    """The class token's attention in the last block, mean over heads, brought back to the patches
    from the tokens that were merged on the way; even where it is not finite.

    Args:
        net: a transformer, in evaluation mode.
        x: images.
        merges: the share of the patches' tokens that the blocks merge away.
    """
    paths, layout = transformer_blocks(net), token_layout(net)
    last_attention(net.body)  # the last block's is read
    blocks: Sequence[nn.Module] = [net.body.get_submodule(path) for path in paths]
    now = of_patches(net.features(x, paths[0], before=True), layout.prefix)
    counts = decreasing(int(merges * now.source.shape[1]), len(blocks))
    for block, count in zip(blocks[:-1], counts, strict=False):
        now = _through(block, now, layout.prefix, count)
    inner = Net(blocks[-1].attn)  # type: ignore[arg-type]
    matrix = inner.features(blocks[-1].norm1(now.tokens), "attn_drop")  # type: ignore[operator]
    row = class_attention(matrix, layout.prefix).gather(1, now.source)
    size = (x.shape[-2], x.shape[-1])
    return even_if_broken(row.unflatten(1, layout.grid_of(row.shape[1], size)))


def _through(block: nn.Module, now: Merged, prefix: int, count: int) -> Merged:
    """The tokens after a block that merges between its attention and its MLP."""
    part: dict[str, nn.Module] = dict(block.named_children())
    out, seen = Net(part["attn"])(part["norm1"](now.tokens), tap=("k_norm",))
    tokens = now.tokens + part["drop_path1"](part["ls1"](out))
    now = merge(replace(now, tokens=tokens), seen["k_norm"].mean(1), prefix, count)
    tokens = part["ls2"](part["mlp"](part["norm2"](now.tokens)))
    return replace(now, tokens=now.tokens + part["drop_path2"](tokens))


def strongest(maps: Float[Tensor, "B h w"], count: Int[Tensor, " B"]) -> Bool[Tensor, "B h w"]:
    """The ``count`` cells of every map with the largest values; of equal ones the first.

    Example:
        >>> strongest(torch.tensor([[[1.0, 3.0, 3.0]]]), torch.tensor([1])).tolist()
        [[[False, True, False]]]
    """
    return largest(maps.flatten(1), count).bool().view_as(maps)


@dataclass(frozen=True, eq=False)
class MergeMix(PairPolicy):
    """MergeMix.

    Args:
        lam: law of the share of tokens that keep the own image.
        teacher: a transformer; None asks the network in training itself.
        merges: the share of the tokens that are merged away on the way through the network.
        rescale: label shares as the paper rescales them, see :func:`mergemix`.
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.
    """

    needs = frozenset({"attention"})

    lam: LamLaw
    teacher: Net | None = None
    merges: float = 0.5
    rescale: bool = False
    scope: Scope = "sample"
    pairing: Pairing = "roll"

    def check_net(self, net: Net) -> None:
        super().check_net(net)
        transformer_blocks(self.teacher or net)

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        looking = self.teacher or net
        if looking is None:
            raise ValueError("MergeMix needs a teacher, or the net in training")
        pairs = self.draw_pairs(len(z), rng).to(z.device)
        with inference(looking):
            maps = merged_attention(looking, z, self.merges)
        share = None
        if self.rescale:
            unit = torch.randn(len(z), generator=rng, device=rng.device, dtype=torch.float64)
            share = rescaled(unit).to(z.device)
        size = (z.shape[-2], z.shape[-1])
        return self.solve(maps, pairs.partner, pairs.lam_each, size, share, pairs.shift)

    def solve(
        self,
        maps: Float[Tensor, "B h w"],
        partner: Int[Tensor, " B"],
        lam: Float[Tensor, " B"],
        size: tuple[int, int],
        share: Float[Tensor, " B"] | None = None,
        shift: int | None = None,
    ) -> Mix:
        """The mix for given draws and maps of attention; ``share``: label shares other than the
        masks' means."""
        tokens = maps.shape[-2] * maps.shape[-1]
        # a product that rounding leaves below a whole number is that number
        count = (lam.double() * tokens + 1e-9).floor().long()
        own = enlarge(strongest(maps, count).float(), size)
        return pair(partner, own, own.mean((1, 2)) if share is None else share, shift=shift)


def rescaled(unit: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """The paper's label shares: draws of N(mu, sigma) scaled to run from 0 to 1 over the batch, in
    which mu = K / L and sigma, the same for all samples, cancel out; 1/2 for a batch of one.

    Example:
        >>> rescaled(torch.tensor([-1.0, 0.0, 3.0])).tolist()
        [0.0, 0.25, 1.0]
    """
    low, high = unit.amin(), unit.amax()
    return torch.where(high > low, (unit - low) / (high - low), 0.5)


@checked
def mergemix(
    alpha: Positive = 1.0,
    merges: Share = 0.5,
    teacher: Net | None = None,
    rescale: bool = False,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
) -> Policy:
    """MergeMix (Jin et al., ICLR 2026): the tokens attended to most stay, whole clusters of them.

    Released: one lambda per batch, partners by permutation.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        merges: share of the tokens that are merged away: 98 of 196 in most released configurations,
            49 on ImageNet, none leaves plain attention.
        teacher: a pretrained transformer; None asks the network in training.
        rescale: label shares as in the paper (and the released configurations for CIFAR-100, not
            those for ImageNet): draws of a Gaussian, scaled to run from 0 to 1 over the batch.  So
            normalized they depend neither on lambda nor on the mask, hence not by default.
        scope: one lambda per "sample" or one for the "batch".
        pairing: see :func:`mixlib.core.policy.partners`.

    Example:
        >>> from timm.models.vision_transformer import VisionTransformer
        >>> from mixlib.models.wrap import wrap
        >>> model = VisionTransformer(16, 4, embed_dim=8, depth=2, num_heads=2, num_classes=4)
        >>> net = wrap(model, attention=True)
        >>> images, labels = torch.zeros(4, 3, 16, 16), torch.arange(4)
        >>> mix = mergemix().draw(images, labels, net, torch.Generator().manual_seed(0))
        >>> mix.mask.shape
        torch.Size([4, 2, 16, 16])
    """
    return MergeMix(Beta(alpha), teacher, merges, rescale, scope, pairing)


ROW = Method(
    "mergemix",
    "MergeMix",
    "mergemix",
    "Jin et al., MergeMix: A Unified Augmentation Paradigm for Visual and Multi-Modal "
    "Understanding, ICLR 2026, arXiv:2510.23479",
    2026,
    {
        "default": {"alpha": 1.0, "merges": 0.5},
        "imagenet": {"alpha": 1.0, "merges": 0.25},
        "deit": {"alpha": 1.0, "merges": 0.25},
    },
    frozenset({"attention"}),
    released={"scope": "batch", "pairing": "permute"},
    status="defined",
)
