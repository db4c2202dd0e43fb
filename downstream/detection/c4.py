"""Faster R-CNN with the C4 head, from a classification ResNet.

Layers 1-3 give one feature map; layer4 runs on every pooled region (He et al., 2016, appendix A).
The arithmetic is Detectron2's R50-C4, which differs from torchvision's detector in anchors,
pooling, padding, losses and their normalizers. Any ResNet with torchvision's or timm's child
names will do, of any width, block type or stem; strides and channels are measured, not assumed.
"""

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import skip_init
from torchvision.ops import batched_nms, nms

from downstream.detection.boxes import cell_anchors, clip, decode, encode, grid_anchors
from downstream.detection.pooling import pool_regions
from downstream.detection.sampling import (
    RoiSample,
    match_anchors,
    matched_boxes,
    sample_anchors,
    sample_rois,
)
from downstream.detection.settings import DetectSettings
from mixlib.models.recompute import recomputed
from mixlib.models.strided_pointwise import avoid_narrow_strided_pointwise

STAGES = ("layer1", "layer2", "layer3", "layer4")
UNIT_WEIGHTS = (1.0, 1.0, 1.0, 1.0)  # box offsets of the proposals are not rescaled
PROBE = 128  # side in pixels of the empty image that measures stride and channels


class Batch(NamedTuple):
    """Normalized images [B,3,H,W] zero-padded below and right; their true sizes [B,2] (w, h).

    Boxes [B,G,4] in pixels of the padded image and class labels [B,G], -1 where padded.
    """

    images: Tensor
    sizes: Tensor
    boxes: Tensor
    labels: Tensor


class Detections(NamedTuple):
    """One image: boxes [D,4] in pixels, scores [D] (descending), labels [D]."""

    boxes: Tensor
    scores: Tensor
    labels: Tensor


def resnet_parts(net: nn.Module) -> dict[str, nn.Module]:
    """The stem and stages of `net` by the names conv1, bn1, act, maxpool, layer1..layer4.

    Raises TypeError when a part is missing, naming the children found.
    """
    children = dict(net.named_children())
    activation = children.get("act1", children.get("relu"))
    wanted = ("conv1", "bn1", "maxpool", *STAGES)
    missing = [name for name in wanted if name not in children]
    if missing or activation is None:
        raise TypeError(
            f"a C4 detector needs a ResNet with children {', '.join(wanted)} and act1 or relu; "
            f"{type(net).__name__} has {', '.join(children) or 'none'}"
        )
    return {name: children[name] for name in wanted} | {"act": activation}


class C4Detector(nn.Module):
    """Faster R-CNN on the ResNet `net` (copied) for `classes` object classes; background last.

    New layers are drawn from `rng`, as in the reference: normal with standard deviation .01
    (.001 for the box offsets), biases 0. With `recompute` set, the activations inside a block are
    not kept for the backward pass but computed again: less memory, the same gradients, about a
    third more work.
    """

    cell: Tensor
    recompute: bool = False

    def __init__(
        self, net: nn.Module, classes: int, settings: DetectSettings, rng: torch.Generator
    ):
        super().__init__()
        self.settings = settings
        self.classes = classes
        parts = resnet_parts(copy.deepcopy(net).cpu().float())
        self.conv1, self.bn1, self.act, self.pool = (
            parts[name] for name in ("conv1", "bn1", "act", "maxpool")
        )
        self.layer1, self.layer2, self.layer3, self.layer4 = (parts[name] for name in STAGES)
        avoid_narrow_strided_pointwise(self)
        inner, outer, self.stride = self._measure()
        self.extra_norm = nn.BatchNorm2d(outer) if settings.extra_norm else nn.Identity()
        per_cell = len(settings.anchor_sizes) * len(settings.anchor_ratios)
        self.rpn_conv = skip_init(nn.Conv2d, inner, inner, 3, padding=1)
        self.rpn_logits = skip_init(nn.Conv2d, inner, per_cell, 1)
        self.rpn_deltas = skip_init(nn.Conv2d, inner, 4 * per_cell, 1)
        self.cls_score = skip_init(nn.Linear, outer, classes + 1)
        self.bbox_pred = skip_init(nn.Linear, outer, 4 * classes)
        for layer in (self.rpn_conv, self.rpn_logits, self.rpn_deltas, self.cls_score):
            nn.init.normal_(layer.weight, std=0.01, generator=rng)
            nn.init.zeros_(layer.bias)
        nn.init.normal_(self.bbox_pred.weight, std=0.001, generator=rng)
        nn.init.zeros_(self.bbox_pred.bias)
        cell = cell_anchors(settings.anchor_sizes, settings.anchor_ratios)
        self.register_buffer("cell", cell, persistent=False)
        self.freeze()
        self.train()

    def _measure(self) -> tuple[int, int, int]:
        """Channels of layer3 and layer4 and the stride of layer3."""
        self.eval()
        with torch.no_grad():
            inner = self.layer3(
                self.layer2(self.layer1(self._stem(torch.zeros(1, 3, PROBE, PROBE))))
            )
            outer = self.layer4(inner)
        return inner.shape[1], outer.shape[1], PROBE // inner.shape[-1]

    def freeze(self) -> None:
        """Marks what the settings keep as it is; again, when layers have been replaced."""
        stem = nn.ModuleList((self.conv1, self.bn1))
        leading = (stem, self.layer1, self.layer2, self.layer3)[: self.settings.freeze_at]
        for stage in leading:
            stage.requires_grad_(False)
        frozen = (
            self.modules()
            if self.settings.norm == "frozen"
            else (module for stage in leading for module in stage.modules())
        )
        self._frozen_norms = [module for module in frozen if isinstance(module, _BatchNorm)]
        for norm in self._frozen_norms:
            norm.requires_grad_(False)

    def train(self, mode: bool = True) -> "C4Detector":
        """As nn.Module.train, but frozen normalization always uses its stored statistics."""
        super().train(mode)
        for norm in self.__dict__.get("_frozen_norms", ()):
            norm.eval()
        return self

    def _stem(self, images: Tensor) -> Tensor:
        return self.pool(self.act(self.bn1(self.conv1(images))))

    def features(self, images: Tensor) -> Tensor:
        """Feature map [B,C,h,w] of normalized images [B,3,H,W]; frozen stages build no graph."""
        x = images
        stages: tuple[Callable[[Tensor], Tensor], ...] = (
            self._stem,
            self.layer1,
            self.layer2,
            self.layer3,
        )
        for number, stage in enumerate(stages):
            with torch.set_grad_enabled(
                torch.is_grad_enabled() and number >= self.settings.freeze_at
            ):
                x = self._through(stage, x)
        return x

    def _through(self, stage: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """A stage's output; with `recompute`, block by block, each done again in the backward
        pass."""
        if not (self.recompute and torch.is_grad_enabled() and isinstance(stage, nn.Sequential)):
            return stage(x)
        for block in stage:
            x = recomputed(block, x)
        return x

    def rpn(self, feature: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Objectness logits [B,A], box offsets [B,A,4] and anchors [A,4] of a feature map."""
        height, width = feature.shape[-2:]
        hidden = F.relu(self.rpn_conv(feature))
        logits = self.rpn_logits(hidden).permute(0, 2, 3, 1).flatten(1)
        deltas = self.rpn_deltas(hidden).permute(0, 2, 3, 1).reshape(len(feature), -1, 4)
        return logits, deltas, grid_anchors(self.cell, (height, width), self.stride)

    @torch.no_grad()
    def propose(
        self, logits: Tensor, deltas: Tensor, anchors: Tensor, sizes: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        """Per image, proposals [P,4] with their logits [P], best first.

        `sizes` [B,2] are widths and heights. Raises FloatingPointError on NaN while training.
        """
        mode = 0 if self.training else 1
        scores, order = logits.topk(min(self.settings.pre_nms[mode], logits.shape[1]), dim=1)
        picked = deltas.gather(1, order[..., None].expand(-1, -1, 4))
        boxes = decode(picked, anchors[order], UNIT_WEIGHTS)
        good = torch.isfinite(boxes).all(dim=2) & torch.isfinite(scores)
        if self.training and not good.all():
            raise FloatingPointError(
                "predicted boxes or scores are not finite: training diverged; lower lr or "
                "lengthen warmup_iters"
            )
        boxes = clip(boxes, sizes.to(boxes.dtype))
        good &= (boxes[..., 2:] > boxes[..., :2]).all(dim=2)
        found = []
        for image_boxes, image_scores, image_good in zip(boxes, scores, good, strict=True):
            image_boxes, image_scores = image_boxes[image_good], image_scores[image_good]
            keep = nms(image_boxes, image_scores, self.settings.rpn_nms)
            keep = keep[: self.settings.post_nms[mode]]
            found.append((image_boxes[keep], image_scores[keep]))
        return found

    def box_features(self, feature: Tensor, rois: Tensor) -> Tensor:
        """Vectors [R,D] of the regions [R,5] (image number, box)."""
        pooled = pool_regions(feature, rois, self.settings.roi_size, self.stride)
        return self.extra_norm(self._through(self.layer4, pooled)).mean(dim=(2, 3))

    def rpn_losses(
        self, logits: Tensor, deltas: Tensor, anchors: Tensor, labels: Tensor, targets: Tensor
    ) -> dict[str, Tensor]:
        """Losses of sampled labels [B,A] in 1, 0, -1 and true boxes [B,A,4].

        Both are sums over (images * rpn_per_image), also where fewer anchors were sampled.
        """
        used = labels >= 0
        image, anchor = (labels == 1).nonzero(as_tuple=True)
        truth = encode(anchors[anchor], targets[image, anchor], UNIT_WEIGHTS)
        scale = self.settings.rpn_per_image * len(labels)
        objectness = F.binary_cross_entropy_with_logits(
            logits, labels.clamp(min=0).to(logits.dtype), weight=used, reduction="sum"
        )
        return {
            "rpn_cls": objectness / scale,
            "rpn_box": (deltas[image, anchor] - truth).abs().sum() / scale,
        }

    def roi_losses(self, vectors: Tensor, sample: RoiSample) -> dict[str, Tensor]:
        """Losses of sampled regions from their vectors [R,D]; the box loss is a sum over all."""
        objects = (sample.classes < self.classes).nonzero(as_tuple=True)[0]
        offsets = self.bbox_pred(vectors).view(-1, self.classes, 4)
        truth = encode(sample.rois[objects, 1:], sample.targets[objects], self.settings.box_weights)
        error = offsets[objects, sample.classes[objects]] - truth
        return {
            "cls": F.cross_entropy(self.cls_score(vectors), sample.classes),
            "box": error.abs().sum() / max(len(sample.classes), 1),
        }

    def forward(self, batch: Batch, *rngs: torch.Generator) -> dict[str, Tensor]:
        """The four losses of one training batch: means over its shards, as many equal parts as
        generators, each of which samples its own anchors and regions."""
        feature = self.features(batch.images)
        logits, deltas, anchors = self.rpn(feature)
        each, terms, samples = len(batch.images) // len(rngs), [], []
        for number, rng in enumerate(rngs):
            own = slice(number * each, (number + 1) * each)
            boxes, truth = batch.boxes[own], batch.labels[own]
            with torch.no_grad():
                matches = match_anchors(anchors, boxes, truth, self.settings.rpn_iou)
                labels = sample_anchors(
                    matches, self.settings.rpn_per_image, self.settings.rpn_positive, rng
                )
                targets = matched_boxes(boxes, matches.index)
                found = self.propose(logits[own], deltas[own], anchors, batch.sizes[own])
                proposals = [b for b, _ in found]
                sample = sample_rois(proposals, boxes, truth, self.classes, self.settings, rng)
                sample.rois[:, 0] += own.start
            terms.append(self.rpn_losses(logits[own], deltas[own], anchors, labels, targets))
            samples.append(sample)
        vectors = self.box_features(feature, torch.cat([sample.rois for sample in samples]))
        parts = vectors.split([len(sample.rois) for sample in samples])
        for shard, part, sample in zip(terms, parts, samples, strict=True):
            shard |= self.roi_losses(part, sample)
        return {
            name: sum((shard[name] for shard in terms[1:]), start=value) / len(terms)
            for name, value in terms[0].items()
        }

    @torch.no_grad()
    def detect(self, images: Tensor, sizes: Tensor) -> list[Detections]:
        """Detections in pixels of normalized `images` [B,3,H,W] of (w, h) `sizes` [B,2]."""
        feature = self.features(images)
        proposals = [b for b, _ in self.propose(*self.rpn(feature), sizes)]
        numbers = [torch.full_like(b[:, :1], i) for i, b in enumerate(proposals)]
        boxes = torch.cat(proposals)
        vectors = self.box_features(feature, torch.cat((torch.cat(numbers), boxes), dim=1))
        scores = self.cls_score(vectors).softmax(dim=1)[:, :-1]
        offsets = self.bbox_pred(vectors).view(-1, self.classes, 4)
        boxes = decode(offsets, boxes[:, None].expand_as(offsets), self.settings.box_weights)
        counts = [len(b) for b in proposals]
        parts = zip(boxes.split(counts), scores.split(counts), sizes, strict=True)
        return [self._select(*part) for part in parts]

    def _select(self, boxes: Tensor, scores: Tensor, size: Tensor) -> Detections:
        """Final detections of one image from boxes [P,K,4] and scores [P,K]."""
        finite = torch.isfinite(boxes).all(dim=2).all(dim=1) & torch.isfinite(scores).all(dim=1)
        boxes, scores = clip(boxes[finite], size.to(boxes.dtype)), scores[finite]
        region, label = (scores > self.settings.score_threshold).nonzero(as_tuple=True)
        boxes, scores = boxes[region, label], scores[region, label]
        keep = batched_nms(boxes, scores, label, self.settings.nms)
        keep = keep[: self.settings.detections_per_image]
        return Detections(boxes[keep], scores[keep], label[keep])
