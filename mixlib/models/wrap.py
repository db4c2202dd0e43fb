"""Named sites for classifiers that do not come from the catalog: ResNet, ViT, Swin, ConvNeXt."""

from __future__ import annotations

from torch import nn

from mixlib.core.net import Layout, Net
from mixlib.models.attention import last_attention
from mixlib.models.backbones import CONVNEXT_SITES, RESNET_SITES, SWIN_SITES, VIT_SITES

# of the ResNets, ViTs, Swins and ConvNeXts of timm and torchvision's ResNets
KNOWN: tuple[tuple[dict[str, str], Layout], ...] = (
    (RESNET_SITES, "channels_first"),
    (SWIN_SITES, "channels_last"),
    (CONVNEXT_SITES, "channels_first"),
    (VIT_SITES, "tokens"),
)


def wrap(model: nn.Module, attention: bool = False) -> Net:
    """A model as a :class:`Net`; a Net stays itself.

    Sites are named ("stage1" .. "stage4", "last") where the model has the submodules of a known
    family; elsewhere sites are given as module paths.

    Args:
        model: any classifier.
        attention: whether its last attention matrix is read, at the site "attention".

    Raises:
        ValueError: attention is asked for and the model has none that could be read.

    Example:
        >>> import timm
        >>> net = wrap(timm.create_model("resnet10t", num_classes=4))
        >>> list(net.sites)
        ['stage1', 'stage2', 'stage3', 'stage4', 'last']
    """
    if isinstance(model, Net):
        return model
    modules = {path for path, _ in Net(model).body.named_modules()}
    family = (found for found in KNOWN if set(found[0].values()) <= modules)
    sites, layout = next(family, ({}, "channels_first"))
    if attention:
        sites = {**sites, "attention": last_attention(Net(model).body)}
    return Net(model, sites, layout=layout)
