"""Published weights as a job names them: an explicit declaration, never a silent default.

"torchvision" is that library's first ImageNet weights, which the papers fine-tuned, "timm" that
one's by the tag of the network's row; any other name is a file below MIX_DATA or data/, identified
by its content.  A null starts from random weights.
"""

from __future__ import annotations

from mixlib.models.backbones import PUBLISHED, PUBLISHED_BY_TIMM, backbone
from pipelines.data.published import content_digest, find
from pipelines.plan.inputs import Row


def identify(name: str, network: str) -> Row:
    """The weights that a declared name means for a network, as a job sees them.

    Raises:
        ValueError: the library publishes none for this network.
        FileNotFoundError: the file is nowhere it was looked for.
    """
    if name == PUBLISHED_BY_TIMM:
        name_at_timm, _, tag = (backbone(network).timm or "").partition(".")
        if not tag:
            raise ValueError(
                f"the catalog names no weights of {network} at timm: name a file, or say weights: "
                "null to start from random ones"
            )
        return Row(PUBLISHED_BY_TIMM, 1, (("model", name_at_timm), ("version", tag)))
    if name != PUBLISHED:
        return Row(name, 1, (("sha256", content_digest(find(name))),))
    model = backbone(network).torchvision
    if model is None:
        raise ValueError(
            f"torchvision publishes no weights of {network}: name a file, or say weights: null to "
            "start from random ones"
        )
    return Row(PUBLISHED, 1, (("model", model), ("version", "IMAGENET1K_V1")))
