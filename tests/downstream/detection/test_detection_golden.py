"""Does the network compute what Detectron2 computes, from the same weights?

Numbers recorded with Detectron2 02b5c4e2; what each file holds, and the tolerances, stand in
tests/golden/detection/README.md.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from downstream.detection.batches import normalize_and_pad
from downstream.detection.c4 import C4Detector
from downstream.detection.detectron2_names import detectron2_name
from downstream.detection.evaluate import to_original
from downstream.detection.pooling import pool_by_product, pool_regions
from downstream.detection.sampling import RoiSample, match_anchors, matched_boxes
from downstream.detection.settings import DetectSettings
from tests.downstream.detection.detection_resnets import tiny_bottleneck

GOLDEN = Path(__file__).parents[2] / "golden" / "detection"
BOX, SCORE, LOSS = 5e-3, 1e-4, 1e-4
FROZEN = DetectSettings(rpn_per_image=64, rois_per_image=64)
TRAINED = DetectSettings(
    rpn_per_image=64, rois_per_image=64, norm="trainable", freeze_at=0, extra_norm=True
)
LOSS_NAMES = {
    "cls": "loss_cls",
    "box": "loss_box_reg",
    "rpn_cls": "loss_rpn_cls",
    "rpn_box": "loss_rpn_loc",
}


def golden(name: str) -> dict[str, torch.Tensor]:
    with np.load(GOLDEN / f"{name}.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def detector(settings: DetectSettings, extra: dict[str, torch.Tensor] | None = None) -> C4Detector:
    weights = golden("c4small_weights") | (extra or {})
    model = C4Detector(tiny_bottleneck(4), 3, settings, torch.Generator())
    state = {
        name: weights.get(detectron2_name(name), value)
        for name, value in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    missing = [n for n in state if detectron2_name(n) not in weights and "extra_norm" not in n]
    assert not missing
    model.load_state_dict(state, strict=False)
    return model


def inputs(
    settings: DetectSettings,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    given = golden("c4small_inputs")
    images, sizes = normalize_and_pad(
        [given[f"image_{i}"].numpy() for i in (0, 1)], settings, torch.device("cpu")
    )
    # The reference ran channels first; trained batch norm at this size amplifies a change of the
    # order of summation to some per cent of a gradient.
    images = images.contiguous()
    boxes = torch.zeros(2, 19, 4)
    labels = torch.full((2, 19), -1)
    for i in (0, 1):
        count = len(given[f"gt_boxes_{i}"])
        boxes[i, :count] = given[f"gt_boxes_{i}"]
        labels[i, :count] = given[f"gt_classes_{i}"]
    return images, sizes, boxes, labels


def check(actual: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    torch.testing.assert_close(
        actual.detach(), expected.to(actual.dtype), atol=tolerance, rtol=tolerance
    )


def test_inference_stage_by_stage():
    want = golden("c4small_infer")
    model = detector(FROZEN).eval()
    images, sizes, _, _ = inputs(FROZEN)
    assert list(images.shape) == want["batch_tensor_shape"].tolist()
    with torch.no_grad():
        feature = model.features(images)
        logits, deltas, anchors = model.rpn(feature)
        check(feature, want["res4"], 1e-4)
        check(anchors, want["anchors"], 0)
        check(logits, want["rpn_logits_nchw"].permute(0, 2, 3, 1).flatten(1), SCORE)
        raw = want["rpn_deltas_nchw"].permute(0, 2, 3, 1).reshape(2, -1, 4)
        check(deltas, raw, SCORE)
        for i, (boxes, scores) in enumerate(model.propose(logits, deltas, anchors, sizes)):
            check(boxes, want[f"prop_boxes_{i}"], BOX)
            check(scores, want[f"prop_logits_{i}"], SCORE)
        proposals = [want[f"prop_boxes_{i}"] for i in (0, 1)]
        rois = torch.cat(
            [torch.cat((torch.full((len(p), 1), float(i)), p), 1) for i, p in enumerate(proposals)]
        )
        vectors = model.box_features(feature, rois)
        check(vectors[:16], want["box_feat"], 1e-4)
        check(model.cls_score(vectors), want["cls_logits"], SCORE)
        check(model.bbox_pred(vectors), want["box_deltas"], SCORE)


@pytest.mark.parametrize("pool", [pool_regions, pool_by_product])
def test_roi_pooling(pool):
    want = golden("c4small_infer")
    rois = torch.cat((torch.zeros(3, 1), want["prop_boxes_0"][:3]), dim=1)
    pooled = pool(want["res4"], rois, 14, 16)
    check(pooled, want["roi_pool_first3"], 1e-4)


def test_detections_in_network_and_original_pixels():
    want = golden("c4small_infer")
    model = detector(FROZEN).eval()
    images, sizes, _, _ = inputs(FROZEN)
    for i, found in enumerate(model.detect(images, sizes)):
        check(found.boxes, want[f"det_boxes_{i}"], BOX)
        check(found.scores, want[f"det_scores_{i}"], SCORE)
        assert torch.equal(found.labels, want[f"det_classes_{i}"])
        height, width = want[f"orig_size_{i}"].tolist()
        back = to_original(found, sizes[i], (width, height))
        check(back.boxes, want[f"post_boxes_{i}"], 2 * BOX)
        assert torch.equal(back.labels, want[f"post_classes_{i}"])


def step(settings: DetectSettings, want: dict[str, torch.Tensor], extra=None):
    """One training step on the recorded samples: model, losses, and the anchor matches."""
    model = detector(settings, extra).train()
    images, sizes, boxes, labels = inputs(settings)
    feature = model.features(images)
    logits, deltas, anchors = model.rpn(feature)
    matches = match_anchors(anchors, boxes, labels, settings.rpn_iou)
    proposals = model.propose(logits, deltas, anchors, sizes)
    assert [len(found) for found, _ in proposals] == want["train_prop_n"].tolist()
    targets = matched_boxes(boxes, matches.index)
    losses = model.rpn_losses(logits, deltas, anchors, want["anchor_labels"], targets)
    numbers = [torch.full((len(want[f"samp_boxes_{i}"]), 1), float(i)) for i in (0, 1)]
    sample = RoiSample(
        torch.cat([torch.cat((n, want[f"samp_boxes_{i}"]), 1) for i, n in enumerate(numbers)]),
        torch.cat([want[f"samp_classes_{i}"] for i in (0, 1)]).long(),
        torch.cat([want[f"samp_gt_{i}"] for i in (0, 1)]),
    )
    losses |= model.roi_losses(model.box_features(feature, sample.rois), sample)
    sum(losses.values()).backward()
    return model, losses, matches, targets


@pytest.mark.parametrize(
    ("name", "settings"), [("c4small_train", FROZEN), ("c4small_bnextra_train", TRAINED)]
)
def test_losses_and_gradients(name, settings):
    want = golden(name)
    expected = json.loads((GOLDEN / f"{name}.json").read_text())
    extra = {}
    if settings.extra_norm:
        extra = {f"roi_heads.res5.norm.{k}": want[f"extra_norm_{k}"] for k in ("weight", "bias")}
    model, losses, matches, targets = step(settings, want, extra)
    for ours, theirs in LOSS_NAMES.items():
        assert losses[ours].item() == pytest.approx(expected["losses"][theirs], abs=LOSS, rel=LOSS)
    norms = {
        detectron2_name(key): value.grad.norm().item()
        for key, value in model.named_parameters()
        if value.requires_grad
    }
    assert norms.keys() == expected["grad_norms"].keys()
    for key, value in expected["grad_norms"].items():
        assert norms[key] == pytest.approx(value, rel=1e-3, abs=1e-4), key
    if "frozen_params" in expected:
        frozen = {
            detectron2_name(key)
            for key, value in model.named_parameters()
            if not value.requires_grad and value.dim() == 4
        }
        assert frozen == set(expected["frozen_params"])
    if "anchor_match_raw" in want:
        assert torch.equal(matches.label.long(), want["anchor_match_raw"][:, 1].long())
        assert torch.equal(matches.index, want["anchor_match_raw"][:, 0].long())
        used = want["anchor_labels"] == 1
        check(targets[used], want["anchor_matched_gt"][used], 0)
    state = {
        detectron2_name(k): v
        for k, v in model.state_dict().items()
        if not k.endswith("num_batches_tracked")
    }
    for key in want:
        if key.startswith(("rm:", "rv:")):
            kind = "running_mean" if key.startswith("rm:") else "running_var"
            check(state[f"{key[3:]}.{kind}"], want[key], 1e-3)
