"""Settings of a detector fine-tuning, with every constant of Faster R-CNN R50-C4.

Defaults are Detectron2's `Base-RCNN-C4` with the Pascal VOC sizes and the 24k-iteration schedule
that MoCo introduced and OpenMixup (hence AutoMix, Table 7) kept.
"""

from dataclasses import dataclass, field
from typing import Any

BACKENDS = ("torchvision", "detectron2")
NORMS = ("frozen", "trainable")
AP_RULES = ("voc2007", "voc2012", "coco")
VOC_TRAIN_SIZES = tuple(range(480, 801, 32))
COCO_TRAIN_SIZES = tuple(range(640, 801, 32))


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")


@dataclass(frozen=True)
class DetectSettings:
    """Everything that changes a detector's numbers; sizes in pixels, schedules in iterations.

    Pairs such as `pre_nms` are (training, test). `freeze_at` counts the frozen leading stages
    (1: stem, 2: stem and layer1, ...); use 0 together with `norm="trainable"` when nothing was
    pretrained, because frozen random normalization learns nothing. `extra_norm` appends a batch
    norm to layer4 (MoCo's variant). `shards` are the parts of a batch in which losses are averaged
    and regions drawn, the protocol's number of GPUs; how many are in use is another matter
    (`downstream.detection.processes`). Raises ValueError on a combination that cannot run.
    """

    backend: str = "torchvision"
    iterations: int = 24_000
    batch: int = 16
    lr: float = 0.02
    warmup_iters: int = 100
    warmup_factor: float = 1e-3
    steps: tuple[int, ...] = (18_000, 22_000)
    gamma: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    weight_decay_norm: float = 0.0
    train_sizes: tuple[int, ...] = VOC_TRAIN_SIZES
    test_size: int = 800
    max_size: int = 1333
    test_batch: int = 1
    flip: float = 0.5
    pixel_mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    pixel_std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    freeze_at: int = 2
    norm: str = "frozen"
    extra_norm: bool = False
    precise_bn_iters: int = 0
    anchor_sizes: tuple[float, ...] = (32, 64, 128, 256, 512)
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    rpn_per_image: int = 256
    rpn_positive: float = 0.5
    rpn_iou: tuple[float, float] = (0.3, 0.7)
    pre_nms: tuple[int, int] = (12_000, 6_000)
    post_nms: tuple[int, int] = (2_000, 1_000)
    rpn_nms: float = 0.7
    rois_per_image: int = 512
    roi_positive: float = 0.25
    roi_iou: float = 0.5
    roi_size: int = 14
    box_weights: tuple[float, float, float, float] = (10.0, 10.0, 5.0, 5.0)
    score_threshold: float = 0.05
    nms: float = 0.5
    detections_per_image: int = 100
    ap_rule: str = "voc2007"
    shards: int = field(default=1, metadata={"later": True})

    def __post_init__(self):
        _one_of("backend", self.backend, BACKENDS)
        _one_of("norm", self.norm, NORMS)
        _one_of("ap_rule", self.ap_rule, AP_RULES)
        for name in ("iterations", "batch", "test_size", "max_size", "test_batch", "roi_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.shards < 1 or self.batch % self.shards:
            raise ValueError(
                f"batch must be a multiple of its shards, got {self.batch} images and "
                f"{self.shards} shards"
            )
        if not self.train_sizes:
            raise ValueError("train_sizes needs at least one shortest-edge length, got none")
        if list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"steps must increase, got {self.steps}")
        if self.freeze_at not in range(5):
            raise ValueError(f"freeze_at counts stages 0..4, got {self.freeze_at}")
        if self.extra_norm and self.norm != "trainable":
            raise ValueError(
                "extra_norm starts at mean 0, variance 1 and has to be trained: "
                f"expected norm='trainable' beside it, got norm={self.norm!r}"
            )


def voc_24k(**changes: Any) -> DetectSettings:
    """Pascal VOC 07+12, 24,000 iterations (MoCo's and OpenMixup's schedule)."""
    return DetectSettings(**changes)


def coco_2x(**changes: Any) -> DetectSettings:
    """COCO for 180,000 iterations ("2x"): warm-up 1,000, milestones 120k and 160k."""
    fixed: dict[str, Any] = {
        "iterations": 180_000,
        "warmup_iters": 1_000,
        "steps": (120_000, 160_000),
        "train_sizes": COCO_TRAIN_SIZES,
        "ap_rule": "coco",
    }
    return DetectSettings(**(fixed | changes))


def moco_norm() -> dict[str, Any]:
    """The fields by which MoCo and OpenMixup depart from frozen normalization.

    Batch norm is trained everywhere, nothing is frozen, one more norm follows layer4, and the
    running statistics are re-estimated over 200 batches before the evaluation.
    """
    return {"norm": "trainable", "freeze_at": 0, "extra_norm": True, "precise_bn_iters": 200}


# AutoMix 4.4: VOC with 24k iterations, COCO with the 2x schedule. The release follows MoCo's norm
# layers on VOC and COCO alike; both on 8 GPUs with 2 images each.
SETTINGS: dict[str, DetectSettings] = {
    "voc_24k": voc_24k(backend="detectron2", shards=8, **moco_norm()),
    "coco_2x": coco_2x(backend="detectron2", shards=8, **moco_norm()),
}
