"""Sampling of the anchors and regions that a training step learns from.

Faster R-CNN (Ren et al., 2015), section 3.1.2-3.1.3, with Detectron2's R50-C4 constants. All
images of a batch are handled in one tensor: a loop over images costs more than the arithmetic at
small scale. Absent boxes are padding, marked by the label -1.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from downstream.detection.boxes import iou


class Matches(NamedTuple):
    """Per anchor: index [B,A] of the best true box, and 1 object, 0 background, -1 neither."""

    index: Tensor  # type: ignore[assignment]  # shadows tuple.index, which nobody calls
    label: Tensor


class RoiSample(NamedTuple):
    """Regions [R,5] (image number, box), class [R] (background last), true box [R,4]."""

    rois: Tensor
    classes: Tensor
    targets: Tensor


def match_anchors(
    anchors: Tensor, boxes: Tensor, labels: Tensor, thresholds: tuple[float, float]
) -> Matches:
    """Match anchors [A,4] with true boxes [B,G,4] whose labels [B,G] are -1 where padded.

    An anchor is an object at IoU >= thresholds[1], background below thresholds[0]. The best
    anchors of every box, ties included, are objects too; they keep the index of the box which
    they themselves overlap most (as the reference does).
    """
    real = (labels >= 0)[..., None]
    overlap = iou(boxes, anchors.expand(len(boxes), -1, 4)) * real
    best, index = overlap.max(dim=1)
    label = torch.full_like(index, -1, dtype=torch.int8)
    label[best < thresholds[0]] = 0
    label[best >= thresholds[1]] = 1
    forced = ((overlap == overlap.amax(dim=2, keepdim=True)) & real).any(dim=1)
    label[forced] = 1
    return Matches(index, label)


def subsample(
    positive: Tensor, negative: Tensor, count: int, fraction: float, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Keep at most `count` candidates per image: (kept positives, kept negatives), bool [B,N].

    At most int(count * fraction) are positive; negatives fill the rest. Candidates are ranked by
    one uniform draw each, which is uniform sampling without replacement.
    """
    keys = torch.rand(positive.shape, generator=rng, device=rng.device).to(positive.device)
    quota = torch.full_like(positive[:, :1], int(count * fraction), dtype=torch.long)
    kept = _lowest(positive, keys, quota, int(count * fraction))
    rest = _lowest(negative, keys, count - kept.sum(dim=1, keepdim=True), count)
    return kept, rest


def _lowest(allowed: Tensor, keys: Tensor, quota: Tensor, most: int) -> Tensor:
    """Mask of the `quota` [B,1] (<= `most`) allowed entries with the lowest keys [B,N]."""
    never = 2.0  # above every key, which lie in [0, 1)
    found, where = torch.where(allowed, keys, never).topk(
        min(most, keys.shape[1]), dim=1, largest=False
    )
    rank = torch.arange(found.shape[1], device=keys.device)
    return torch.zeros_like(allowed).scatter_(1, where, (found < never) & (rank < quota))


def matched_boxes(boxes: Tensor, index: Tensor) -> Tensor:
    """True boxes [B,A,4] picked from [B,G,4] by index [B,A]."""
    return boxes.gather(1, index[..., None].expand(-1, -1, 4))


def sample_anchors(matches: Matches, count: int, fraction: float, rng: torch.Generator) -> Tensor:
    """Labels [B,A]: 1 and 0 for the sampled anchors, -1 for all others."""
    kept, rest = subsample(matches.label == 1, matches.label == 0, count, fraction, rng)
    return kept.to(torch.int8) - (~(kept | rest)).to(torch.int8)


def sample_rois(
    proposals: list[Tensor],
    boxes: Tensor,
    labels: Tensor,
    background: int,
    settings,
    rng: torch.Generator,
) -> RoiSample:
    """Sample regions among each image's proposals [P,4] and its true boxes [B,G,4], [B,G].

    The true boxes join the proposals, so that there are positives before the proposals are good.
    """
    real = labels >= 0
    pools = [torch.cat((p, b[r])) for p, b, r in zip(proposals, boxes, real, strict=True)]
    pool = pad_sequence(pools, batch_first=True)
    counts = torch.tensor([len(p) for p in pools], device=pool.device)
    valid = torch.arange(pool.shape[1], device=pool.device) < counts[:, None]
    best, index = (iou(boxes, pool) * real[..., None]).max(dim=1)
    hit = best >= settings.roi_iou
    kept, rest = subsample(
        hit & valid, ~hit & valid, settings.rois_per_image, settings.roi_positive, rng
    )
    image, slot = (kept | rest).nonzero(as_tuple=True)
    index = index[image, slot]
    classes = torch.where(kept[image, slot], labels[image, index], background)
    rois = torch.cat((image[:, None].to(pool.dtype), pool[image, slot]), dim=1)
    return RoiSample(rois, classes, boxes[image, index])
