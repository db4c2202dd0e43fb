"""Named sites for classifiers that do not come from the catalog, whatever library they are from."""

from __future__ import annotations

from torch import nn

from mixlib.core.net import Layout, Net
from mixlib.models.attention import last_attention
from mixlib.models.backbones import CONVNEXT_SITES, RESNET_SITES, SWIN_SITES, VIT_SITES
from mixlib.models.sites import Sites, find_sites

# families whose stages are known without a look: those that call them layer1 to layer4, and three
# of timm's, of whose names others hold something else
FAMILIES: tuple[tuple[tuple[str, ...], dict[str, str], Layout], ...] = (
    (("",), RESNET_SITES, "channels_first"),
    (("timm.models.swin_transformer",), SWIN_SITES, "channels_last"),
    (("timm.models.convnext",), CONVNEXT_SITES, "channels_first"),
    (("timm.models.vision_transformer", "timm.models.deit"), VIT_SITES, "tokens"),
)


def wrap(model: nn.Module, attention: bool = False) -> Net:
    """A model as a :class:`Net`; a Net stays itself.

    Sites are named "stage1" .. "stage4" and "last": by the family, or found by one blank forward
    pass, see :func:`mixlib.models.sites.find_sites`.  A model in which none are found has none, and
    sites are given as module paths.

    Args:
        model: any classifier.
        attention: whether its last attention matrix is read, at the site "attention".

    Raises:
        TypeError: it is no module.
        ValueError: attention is asked for and the model has none that could be read.

    Example:
        >>> import timm
        >>> net = wrap(timm.create_model("resnet10t", num_classes=4))
        >>> list(net.sites)
        ['stage1', 'stage2', 'stage3', 'stage4', 'last']
    """
    if isinstance(model, Net):
        return model
    if not isinstance(model, nn.Module):
        found = type(model).__name__
        raise TypeError(f"expected a network (torch.nn.Module), found a {found}: {model!r:.60}")
    net = _by_family(model) or _by_look(model)
    if attention:
        net.sites["attention"] = last_attention(net.body)
    return net


def _by_family(model: nn.Module) -> Net | None:
    body = Net(model).body
    modules = {path for path, _ in body.named_modules()}
    for homes, sites, layout in FAMILIES:
        if type(body).__module__.startswith(homes) and set(sites.values()) <= modules:
            return Net(
                model, {**sites, "stage4": sites.get("stage4", sites["last"])}, layout=layout
            )
    return None


def _by_look(model: nn.Module) -> Net:
    try:
        found = find_sites(Net(model).body)
    except ValueError:
        found = Sites()
    layout = found.layouts.get("last", "channels_first")
    prefix = found.prefix if found.paths else None
    return Net(model, found.paths, layout=layout, layouts=found.layouts, prefix=prefix)
