"""The class token's attention in vision transformers, which TransMix reads its labels from.

Chen et al., "TransMix: Attend to Mix for Vision Transformers", CVPR 2022, eq. (5)-(6): the label
share of a source is the attention that the class token pays to its patches, in the very forward
pass that is trained; the mask itself does not change.  As released, that share is averaged with the
area's: ``TransMix(area=0.5)``.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn


def class_attention(
    attention: Float[Tensor, "B heads T T"], prefix: int = 1
) -> Float[Tensor, "B N"]:
    """What the class token (the first) pays to every patch, mean over heads, detached, float32.

    Rows need not sum to one: the class token also looks at itself and at other prefix tokens.
    """
    return attention[:, :, 0, prefix:].detach().float().mean(1)


def last_attention(model: nn.Module) -> str:
    """Path of the last attention matrix [B, heads, T, T] of a timm vision transformer.

    Its fused kernel never forms that matrix, so this block computes attention step by step from now
    on (the same numbers up to rounding).

    Raises:
        ValueError: the model has no attention block of timm's.

    Example:
        >>> from timm.models.vision_transformer import VisionTransformer
        >>> last_attention(VisionTransformer(16, 4, embed_dim=8, depth=2, num_heads=2))
        'blocks.1.attn.attn_drop'
    """
    from timm.models.vision_transformer import Attention

    blocks = [(path, part) for path, part in model.named_modules() if isinstance(part, Attention)]
    if not blocks:
        raise ValueError(f"{type(model).__name__} has no attention block that could be read")
    path, block = blocks[-1]
    block.fused_attn = False  # type: ignore[misc]  # Final for the scripting compiler only
    return f"{path}.attn_drop"
