"""Detectron2's names for the tensors of a torchvision- or timm-named ResNet.

Detectron2 numbers stages from res2 and nests each norm in its convolution; `res5` belongs to the
region head in the C4 model. Naming facts only; nothing here needs Detectron2.
"""

import re

HEADS = {
    "rpn_conv": "proposal_generator.rpn_head.conv",
    "rpn_logits": "proposal_generator.rpn_head.objectness_logits",
    "rpn_deltas": "proposal_generator.rpn_head.anchor_deltas",
    "cls_score": "roi_heads.box_predictor.cls_score",
    "bbox_pred": "roi_heads.box_predictor.bbox_pred",
    "extra_norm": "roi_heads.res5.norm",
}


def detectron2_name(name: str) -> str:
    """Detectron2's name of the C4 model's tensor that `C4Detector` calls `name`.

    `layer3.0.downsample.1.bias` gives `backbone.res4.0.shortcut.norm.bias`. Raises KeyError for a
    name that has no counterpart, such as the classifier's and num_batches_tracked.
    """
    head, _, tail = name.partition(".")
    stage = re.fullmatch(r"layer([1-4])", head)
    known = head in HEADS or head in ("conv1", "bn1") or stage is not None
    if not known or name.endswith("num_batches_tracked"):
        raise KeyError(f"no tensor of Detectron2's C4 model corresponds to {name!r}")
    if head in HEADS:
        return f"{HEADS[head]}.{tail}"
    if head == "conv1":
        return f"backbone.stem.conv1.{tail}"
    if head == "bn1":
        return f"backbone.stem.conv1.norm.{tail}"
    assert stage is not None
    number = int(stage.group(1)) + 1
    tail = re.sub(r"\bbn(\d)", r"conv\1.norm", tail)
    tail = tail.replace("downsample.0", "shortcut").replace("downsample.1", "shortcut.norm")
    owner = "roi_heads" if number == 5 else "backbone"
    return f"{owner}.res{number}.{tail}"
