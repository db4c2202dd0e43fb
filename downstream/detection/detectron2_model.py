"""The same detector as a Detectron2 model.

The configuration is built from the settings, not from a file, so that both backends are told the
same numbers once; weights are renamed in memory. Facts: Detectron2 02b5c4e2, `Base-RCNN-C4`, and
OpenMixup's `Base-RCNN-C4-BN` for the variant with trained norms.
"""

import torch
from torch import Tensor, nn

from downstream.detection.c4 import STAGES, resnet_parts
from downstream.detection.detectron2_names import detectron2_name
from downstream.detection.settings import DetectSettings

DEPTHS = {(3, 4, 6, 3): 50, (3, 4, 23, 3): 101, (3, 8, 36, 3): 152}
INSTALL = (
    "backend 'detectron2' needs Detectron2, which PyPI does not carry: build it from its git "
    "repository, or use backend='torchvision', which computes the same"
)


def require_detectron2() -> None:
    """Raises ImportError that says what to do where Detectron2 is not installed."""
    try:
        import detectron2.modeling  # noqa: F401
    except ImportError as error:
        raise ImportError(f"{INSTALL} ({error})") from error


def resnet_config(net: nn.Module) -> dict[str, int]:
    """Depth and widths of `net` in Detectron2's terms.

    Raises ValueError for what its C4 model cannot hold: it knows bottlenecks with three blocks in
    layer4, a 7x7 stem and strides on the 3x3 convolutions.
    """
    parts = resnet_parts(net)
    blocks = [list(parts[name].children()) for name in STAGES]
    layout = tuple(len(stage) for stage in blocks)
    first = dict(blocks[0][0].named_children())
    stem = parts["conv1"]
    plain_stem = isinstance(stem, nn.Conv2d) and stem.kernel_size == (7, 7)
    if layout not in DEPTHS or "conv3" not in first or not plain_stem:
        raise ValueError(
            f"Detectron2's C4 model needs a bottleneck ResNet-50, 101 or 152 with a 7x7 stem; got "
            f"{type(net).__name__} with {layout} blocks: use backend='torchvision'"
        )
    return {
        "DEPTH": DEPTHS[layout],
        "STEM_OUT_CHANNELS": _outputs(stem),
        "WIDTH_PER_GROUP": _outputs(first["conv1"]),
        "RES2_OUT_CHANNELS": _outputs(first["conv3"]),
    }


def _outputs(convolution: nn.Module) -> int:
    """Channels that a convolution makes."""
    assert isinstance(convolution, nn.Conv2d)
    return convolution.out_channels


def build_config(
    net: nn.Module, settings: DetectSettings, classes: int, device: torch.device, world: int = 1
):
    """Detectron2's CfgNode of `settings`; ValueError where it has no such option.

    Trained norms exchange their statistics where there are several processes.
    """
    from detectron2.config import get_cfg

    if settings.flip not in (0.0, 0.5):
        raise ValueError(f"Detectron2 flips with probability 0 or 0.5, got {settings.flip}")
    cfg = get_cfg()
    model, head = cfg.MODEL, cfg.MODEL.ROI_BOX_HEAD
    model.DEVICE = str(device)
    model.PIXEL_MEAN, model.PIXEL_STD = list(settings.pixel_mean), list(settings.pixel_std)
    model.BACKBONE.FREEZE_AT = settings.freeze_at
    model.RESNETS.merge_from_list([x for pair in resnet_config(net).items() for x in pair])
    model.RESNETS.STRIDE_IN_1X1 = False
    trained = "SyncBN" if world > 1 else "BN"
    model.RESNETS.NORM = "FrozenBN" if settings.norm == "frozen" else trained
    model.ANCHOR_GENERATOR.SIZES = [[float(size) for size in settings.anchor_sizes]]
    model.ANCHOR_GENERATOR.ASPECT_RATIOS = [list(settings.anchor_ratios)]
    rpn, roi = model.RPN, model.ROI_HEADS
    rpn.BATCH_SIZE_PER_IMAGE, rpn.POSITIVE_FRACTION = settings.rpn_per_image, settings.rpn_positive
    rpn.IOU_THRESHOLDS, rpn.NMS_THRESH = list(settings.rpn_iou), settings.rpn_nms
    rpn.PRE_NMS_TOPK_TRAIN, rpn.PRE_NMS_TOPK_TEST = settings.pre_nms
    rpn.POST_NMS_TOPK_TRAIN, rpn.POST_NMS_TOPK_TEST = settings.post_nms
    roi.NAME, roi.NUM_CLASSES, roi.IOU_THRESHOLDS = "Res5ROIHeads", classes, [settings.roi_iou]
    roi.BATCH_SIZE_PER_IMAGE, roi.POSITIVE_FRACTION = settings.rois_per_image, settings.roi_positive
    roi.SCORE_THRESH_TEST, roi.NMS_THRESH_TEST = settings.score_threshold, settings.nms
    head.POOLER_RESOLUTION, head.BBOX_REG_WEIGHTS = settings.roi_size, settings.box_weights
    cfg.TEST.DETECTIONS_PER_IMAGE = settings.detections_per_image
    _add_input_and_solver(cfg, settings)
    return cfg


def _add_input_and_solver(cfg, settings: DetectSettings) -> None:
    given, solver = cfg.INPUT, cfg.SOLVER
    given.FORMAT = "RGB"
    given.RANDOM_FLIP = "horizontal" if settings.flip else "none"
    given.MIN_SIZE_TRAIN, given.MIN_SIZE_TEST = settings.train_sizes, settings.test_size
    given.MAX_SIZE_TRAIN = given.MAX_SIZE_TEST = settings.max_size
    solver.MAX_ITER, solver.IMS_PER_BATCH = settings.iterations, settings.batch
    solver.BASE_LR, solver.GAMMA, solver.MOMENTUM = settings.lr, settings.gamma, settings.momentum
    solver.STEPS = tuple(step for step in settings.steps if step < settings.iterations)
    solver.WARMUP_ITERS, solver.WARMUP_FACTOR = settings.warmup_iters, settings.warmup_factor
    solver.WEIGHT_DECAY, solver.WEIGHT_DECAY_NORM = (
        settings.weight_decay,
        settings.weight_decay_norm,
    )


def renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a ResNet or of a C4Detector by Detectron2's names; others (fc) are left out."""
    found = {}
    for name, value in state.items():
        try:
            found[detectron2_name(name)] = value
        except KeyError:
            continue
    return found


def build_detector(
    net: nn.Module, settings: DetectSettings, classes: int, device: torch.device, world: int = 1
) -> tuple[nn.Module, object]:
    """Detectron2's model with the weights of `net`, and its configuration.

    New layers come from torch's global generator, which Detectron2 offers no way around. Raises
    ValueError when a tensor of the backbone or of layer4 found no value.
    """
    from detectron2.modeling import build_model

    cfg = build_config(net, settings, classes, device, world)
    model = build_model(cfg)
    if settings.extra_norm:
        width = cfg.MODEL.RESNETS.RES2_OUT_CHANNELS * 8
        norm = (nn.SyncBatchNorm if world > 1 else nn.BatchNorm2d)(width)
        model.roi_heads.res5.add_module("norm", norm.to(device))
    missing, _ = model.load_state_dict(renamed(net.state_dict()), strict=False)
    unset = [
        name
        for name in missing
        if name.startswith(("backbone.", "roi_heads.res5."))
        and not name.startswith("roi_heads.res5.norm.")
        and not name.endswith("num_batches_tracked")
    ]
    if unset:
        raise ValueError(
            f"{len(unset)} tensors of Detectron2's model have no pretrained value, first "
            f"{unset[0]}: expected a ResNet with torchvision's or timm's tensor names"
        )
    return model, cfg
