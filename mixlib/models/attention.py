"""The class token's attention in vision transformers, which TransMix reads its labels from.

Chen et al., "TransMix: Attend to Mix for Vision Transformers", CVPR 2022, eq. (5)-(6): the label
share of a source is the attention that the class token pays to its patches, in the very forward
pass that is trained; the mask itself does not change.  As released, that share is averaged with the
area's: ``TransMix(area=0.5)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from mixlib.core.finite import even_if_broken
from mixlib.core.net import Net


@dataclass(frozen=True)
class TokenLayout:
    """How a transformer's tokens lie: prefix tokens, then the patches row by row.

    Attributes:
        prefix: tokens before the patches: the class token, a distillation token, registers.
        class_token: whether the first of them is a class token.
        patch: height and width of a patch in pixels; None where the network does not say.
        grid: rows and columns of patches at the size that the network was built for; None where it
            does not say.

    Example:
        >>> layout = TokenLayout(prefix=5, patch=(8, 8), grid=(4, 4))
        >>> layout.grid_of(16), layout.grid_of(32, image=(32, 64))
        ((4, 4), (4, 8))
    """

    prefix: int = 1
    class_token: bool = True
    patch: tuple[int, int] | None = None
    grid: tuple[int, int] | None = None

    def grid_of(self, count: int, image: tuple[int, int] | None = None) -> tuple[int, int]:
        """Rows and columns of ``count`` patches.

        Args:
            count: of the patches.
            image: (H, W) in pixels, where it is known.

        Raises:
            ValueError: so many patches tile neither the image nor the network's own grid; without
                either, they are no square.
        """
        known = [] if self.grid is None else [self.grid]
        if image is not None and self.patch is not None:
            known.insert(0, (image[0] // self.patch[0], image[1] // self.patch[1]))
        for rows, columns in known:
            if rows * columns == count:
                return rows, columns
        if not known and math.isqrt(count) ** 2 == count:
            return math.isqrt(count), math.isqrt(count)
        grids = " or ".join(f"{rows} x {columns}" for rows, columns in known) or "a square grid"
        raise ValueError(
            f"attention needs every patch of the image: expected {grids}, found {count} tokens "
            f"behind {self.prefix} prefix tokens; networks that drop or merge patches have no map"
        )


# parameters that are tokens before the patches, as timm, torchvision and Hugging Face call them
CLASS_TOKENS = ("cls_token", "class_token")
OTHER_TOKENS = ("dist_token", "distillation_token", "reg_token", "register_tokens")


def token_layout(model: nn.Module) -> TokenLayout:
    """The layout that a network states, itself or a network inside it, see :func:`stated_layout`;
    what was found at its sites goes before; one class token where there is no word of any."""
    stated = stated_layout(model)
    found = model.prefix if isinstance(model, Net) else None
    if found is None:
        return stated or TokenLayout()
    base = stated or TokenLayout(class_token=found > 0)
    return replace(base, prefix=found, class_token=base.class_token and found > 0)


def stated_layout(model: nn.Module) -> TokenLayout | None:
    """What a network says of its tokens: timm's ``num_prefix_tokens`` and ``patch_embed``, else the
    tokens that it has as parameters; None where there is no word of any."""
    for part in model.modules():
        prefix, embed = getattr(part, "num_prefix_tokens", None), getattr(part, "patch_embed", None)
        if isinstance(prefix, int) and embed is not None:
            return TokenLayout(
                prefix,
                getattr(part, "cls_token", None) is not None,
                _both(getattr(embed, "patch_size", None)),
                _both(getattr(embed, "grid_size", None)),
            )
    for part in model.modules():
        own = dict(part.named_parameters(recurse=False))
        if any(name in own for name in CLASS_TOKENS):
            return TokenLayout(
                sum(own[n].shape[-2] for n in (*CLASS_TOKENS, *OTHER_TOKENS) if n in own)
            )
    return None


def _both(size: Any) -> tuple[int, int] | None:
    """Height and width of what may be said as one number."""
    return None if size is None else (size, size) if isinstance(size, int) else (size[0], size[1])


def class_attention(
    attention: Float[Tensor, "B heads T T"], prefix: int = 1
) -> Float[Tensor, "B N"]:
    """What the class token (the first) pays to every patch, mean over heads, detached, float32.

    Rows need not sum to one: the class token also looks at itself and at other prefix tokens.

    Args:
        attention: a row for every token.
        prefix: tokens before the patches, see :class:`TokenLayout`.
    """
    return attention[:, :, 0, prefix:].detach().float().mean(1)


def attention_map(
    attention: Float[Tensor, "B heads T T"],
    layout: TokenLayout,
    image: tuple[int, int] | None = None,
) -> Float[Tensor, "B h w"]:
    """:func:`class_attention` as a map of the image; even where it is not finite.

    Raises:
        ValueError: see :meth:`TokenLayout.grid_of`.
    """
    row = class_attention(attention, layout.prefix)
    return even_if_broken(row.unflatten(1, layout.grid_of(row.shape[1], image)))


def last_attention(model: nn.Module) -> str:
    """Makes the last attention matrix [B, heads, T, T] of a timm vision transformer readable, and
    says its path.

    The fused kernel never forms that matrix, so this block computes attention step by step from now
    on (the same numbers up to rounding).

    Raises:
        ValueError: the model has no attention block of timm's, or no class token.

    Example:
        >>> from timm.models.vision_transformer import VisionTransformer
        >>> last_attention(VisionTransformer(16, 4, embed_dim=8, depth=2, num_heads=2))
        'blocks.1.attn.attn_drop'
    """
    path = find_last_attention(model)
    model.get_submodule(path).fused_attn = False  # type: ignore[assignment]
    return f"{path}.attn_drop"


def find_last_attention(model: nn.Module) -> str:
    """Path of the last attention block of a timm vision transformer, which stays as it is.

    Raises:
        ValueError: see :func:`last_attention`.
    """
    try:
        from timm.models.vision_transformer import Attention
    except ImportError:
        raise ValueError(
            f"attention is read from vision transformers of timm, which is not installed; found "
            f"{type(model).__name__}: pip install mixlib[timm]"
        ) from None

    blocks = [(path, part) for path, part in model.named_modules() if isinstance(part, Attention)]
    if not blocks:
        raise ValueError(
            f"{type(model).__name__} has no attention block that could be read: expected a vision "
            "transformer of timm's with a class token (vit_*, deit_*); other networks take methods "
            "that need no attention, see docs/choosing.md"
        )
    layout = stated_layout(model)
    if layout is None or not layout.class_token:
        prefix = 0 if layout is None else layout.prefix
        raise ValueError(
            f"attention needs a class token, found {type(model).__name__} with {prefix} "
            "prefix tokens and none of class: take one built with class_token=True"
        )
    return blocks[-1][0]
