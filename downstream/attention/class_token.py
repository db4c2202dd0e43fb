"""Class-token attention by layer of timm's vision transformers (TokenMix, Figure 3)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from timm.models.vision_transformer import Attention, VisionTransformer
from torch import Tensor, nn

from downstream.checks import check_images
from downstream.errors import InputError
from mixlib.core.net import inference, uncompiled
from mixlib.models import attention


def class_attention(model: nn.Module, x: Tensor, normalized: bool = True) -> Tensor:
    """What the class token pays to every patch, mean over heads, in every layer.

    Args:
        model: a timm VisionTransformer with a class token, or a module that holds one, such as
            :class:`downstream.robustness.attacks.Normalized`.
        x: what the model takes, float [B, C, H, W].
        normalized: whether each map is divided by its sum; without it a map sums to less than one,
            because the class token also attends to itself.

    Returns:
        float32 [L, B, h, w], the first layer first.

    Raises:
        InputError: the model holds no such transformer, or has no image to look at.
    """
    if x.dim() != 4 or not len(x):
        raise InputError(f"expected at least one image [B, C, H, W], found shape {list(x.shape)}")
    vit = transformer_of(model)
    height, width = (
        side // patch for side, patch in zip(x.shape[-2:], vit.patch_embed.patch_size, strict=True)
    )
    rows: list[Tensor] = []

    def keep(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        rows.append(attention.class_attention(inputs[0], vit.num_prefix_tokens))

    with _observed(vit, keep), inference(model), uncompiled():
        model(x)
    maps = torch.stack(rows)
    if maps.shape[-1] != height * width:
        raise InputError(
            f"{type(vit).__name__}: expected attention to {height} x {width} patches, found "
            f"{maps.shape[-1]}: a model that drops patches has no map of the image"
        )
    if normalized:
        maps = maps / maps.sum(-1, keepdim=True)
    return maps.unflatten(-1, (height, width))


def transformer_of(model: nn.Module) -> VisionTransformer:
    """The timm VisionTransformer with a class token that a model is or holds.

    Raises:
        InputError: there is none; a Swin or a convolutional network has no class token.
    """
    for part in model.modules():
        if isinstance(part, VisionTransformer) and part.cls_token is not None:
            return part
    raise InputError(
        f"{type(model).__name__}: expected a timm vision transformer with a class token (ViT or "
        "DeiT), found none: other networks have no class-token attention"
    )


def last_layer_rank(model: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """Importance of patches by the last layer's attention, for
    :func:`downstream.robustness.occlusion.occlusion_curve`.

    Args:
        model: images in [0, 1] -> logits, see :func:`class_attention`. Naseer et al. rank by a
            self-supervised transformer (DINO); any one will do.
    """

    def rank(x: Tensor, y: Tensor) -> Tensor:
        check_images(x)
        return class_attention(model, x)[-1].flatten(1)

    return rank


@contextmanager
def _observed(
    vit: VisionTransformer, keep: Callable[[nn.Module, tuple[Tensor, ...]], None]
) -> Iterator[None]:
    """Calls ``keep`` with each layer's attention matrices [B, heads, T, T].

    The fused kernel never forms them, so it is switched off meanwhile; numbers are the same up to
    rounding.
    """
    layers = [part for part in vit.modules() if isinstance(part, Attention)]
    fused = [layer.fused_attn for layer in layers]
    handles = [layer.attn_drop.register_forward_pre_hook(keep) for layer in layers]
    try:
        for layer in layers:
            layer.fused_attn = False  # type: ignore[misc]  # Final for the scripting compiler only
        yield
    finally:
        for layer, was in zip(layers, fused, strict=True):
            layer.fused_attn = was  # type: ignore[misc]
        for handle in handles:
            handle.remove()
