"""Do the small pieces agree with Detectron2's: coding, anchors, sizes, schedule, AP?"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import roi_align

from downstream.detection.augment import place_boxes, shortest_edge_size
from downstream.detection.boxes import (
    LARGEST_LOG_SCALE,
    cell_anchors,
    decode,
    encode,
    grid_anchors,
    iou,
)
from downstream.detection.coco_ap import evaluate_coco
from downstream.detection.pooling import pool_by_product
from downstream.detection.readers import Record, Records, record
from downstream.detection.sampling import subsample
from downstream.detection.schedule import learning_rates
from downstream.detection.settings import DetectSettings, coco_2x, voc_24k
from downstream.detection.voc_ap import IOUS, average_precision, evaluate_voc

GOLDEN = Path(__file__).parents[2] / "golden" / "detection"
UNITS = json.loads((GOLDEN / "units.json").read_text())


@pytest.mark.parametrize(("name", "made"), [("voc_24k", voc_24k()), ("coco_2x", coco_2x())])
def test_learning_rates(name, made):
    rates = learning_rates(made)
    for step, rate in UNITS["lr"][name].items():
        if int(step) < len(rates):
            assert rates[int(step)] == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize("row", UNITS["resize_shortest_edge"]["rows"])
def test_shortest_edge_size(row):
    height, width, short, longest, new_height, new_width = row
    assert shortest_edge_size(width, height, short, longest) == (new_width, new_height)


def test_box_coding_matches_reference():
    known = {k: torch.tensor(v) for k, v in UNITS["box2box"].items() if k != "clamp"}
    weights = tuple(UNITS["box2box"]["weights"])
    assert pytest.approx(UNITS["box2box"]["clamp"]) == LARGEST_LOG_SCALE
    torch.testing.assert_close(encode(known["src"], known["tgt"], weights), known["deltas"])
    offsets = known["apply_in"].view(len(known["src"]), -1, 4)
    boxes = decode(offsets, known["src"][:, None].expand_as(offsets), weights)
    torch.testing.assert_close(boxes, known["apply_out"].view_as(boxes), rtol=1e-5, atol=1e-3)


def test_anchors_match_reference():
    made = DetectSettings()
    cell = cell_anchors(made.anchor_sizes, made.anchor_ratios)
    torch.testing.assert_close(cell, torch.tensor(UNITS["cell_anchors"][0]), rtol=0, atol=0)
    grid = grid_anchors(cell, (2, 3), 16)
    torch.testing.assert_close(grid, torch.tensor(UNITS["grid_2x3"]), rtol=0, atol=0)


def test_box_loss_is_the_reference_at_beta_zero():
    x = torch.tensor(UNITS["smooth_l1"]["x"])
    torch.testing.assert_close(x.abs(), torch.tensor(UNITS["smooth_l1"]["beta0"]))


@pytest.mark.parametrize("case", json.loads((GOLDEN / "voc_ap_micro.json").read_text()))
def test_average_precision_of_tiny_curves(case):
    hits = np.array(case["tp"], dtype=float)
    assert average_precision(hits, case["npos"], "voc2007") == pytest.approx(case["ap11"], 1e-12)
    assert average_precision(hits, case["npos"], "voc2012") == pytest.approx(case["apall"], 1e-12)


def recorded(difficult: bool = True) -> tuple[Records, list, dict]:
    data = json.loads((GOLDEN / "voc_coco_ap.json").read_text())
    classes, items, found = tuple(data["meta"]["classes"]), [], []
    for name in data["meta"]["images"]:
        rows = [row for row in data["gt"] if row["image"] == name]
        boxes = np.array([row["box"] for row in rows], float) - np.array([1, 1, 0, 0])
        labels = [classes.index(row["cls"]) for row in rows]
        flags = [bool(row["difficult"]) and difficult for row in rows]
        items.append(record(name, (640, 480), boxes, labels, difficult=flags))
        ours = [row for row in data["detections"] if row["image"] == name]
        found.append(
            (
                np.array([row["box"] for row in ours]).reshape(-1, 4),
                np.array([row["score"] for row in ours]),
                np.array([classes.index(row["cls"]) for row in ours], dtype=int),
            )
        )
    return Records(tuple(items), classes), found, data["expected"]


@pytest.mark.parametrize("year", ["2007", "2012"])
def test_voc_metric(year):
    truth, found, expected = recorded()
    got = evaluate_voc(truth, found, f"voc{year}")
    for key, value in expected[year]["summary_percent"].items():
        assert got[key] == pytest.approx(value, abs=1e-9)
    for name, table in expected[year]["ap_per_class"].items():
        assert got["per_class"][name]["AP50"] == pytest.approx(100 * table["50"], abs=1e-9)
        assert got["per_class"][name]["AP75"] == pytest.approx(100 * table["75"], abs=1e-9)
        mean = 100 * np.mean([table[str(round(100 * t))] for t in IOUS])
        assert got["per_class"][name]["AP"] == pytest.approx(mean, abs=1e-9)


def test_voc_metric_without_difficult_objects():
    truth, found, expected = recorded(difficult=False)
    got = evaluate_voc(truth, found, "voc2007")
    for key, value in expected["2007_difficult_cleared"]["summary_percent"].items():
        assert got[key] == pytest.approx(value, abs=1e-9)


def test_coco_metric(capfd):
    truth, found, expected = recorded()
    got = evaluate_coco(truth, found)
    assert capfd.readouterr().out == ""
    for key in ("AP", "AP50", "AP75", "APm", "APl"):
        assert got[key] == pytest.approx(100 * expected["coco"]["stats"][key], abs=1e-9)
    assert np.isnan(got["APs"])
    for name, table in expected["coco"]["per_class"].items():
        for key, value in table.items():
            assert got["per_class"][name][key] == pytest.approx(100 * value, abs=1e-9)


def test_metrics_of_no_detection_are_zero():
    truth, found, _ = recorded()
    nothing = [(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int)) for _ in found]
    assert evaluate_voc(truth, nothing, "voc2007")["AP"] == 0
    assert evaluate_coco(truth, nothing)["AP"] == 0


corner = st.floats(0, 500, width=32)
side = st.floats(1, 400, width=32)
box = st.tuples(corner, corner, side, side).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


@given(box, box, st.sampled_from([(1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)]))
def test_decode_inverts_encode(source, target, weights):
    source, target = (torch.tensor([b], dtype=torch.float64) for b in (source, target))
    log_ratio = torch.log((target[:, 2:] - target[:, :2]) / (source[:, 2:] - source[:, :2]))
    back = decode(encode(source, target, weights), source, weights)
    if (log_ratio < LARGEST_LOG_SCALE).all():
        torch.testing.assert_close(back, target, rtol=1e-9, atol=1e-6)


@given(st.lists(box, min_size=1, max_size=6), st.lists(box, min_size=1, max_size=6))
def test_iou_is_symmetric_bounded_and_one_on_itself(a, b):
    a, b = torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    both = iou(a, b)
    torch.testing.assert_close(both, iou(b, a).T)
    assert ((both >= 0) & (both <= 1 + 1e-9)).all()
    torch.testing.assert_close(iou(a, a).diagonal(), torch.ones(len(a), dtype=a.dtype))


@given(box, st.integers(500, 900), st.booleans())
def test_flip_twice_restores_a_box(b, width, flip):
    b = np.array([b]).clip(0, 500)
    once = place_boxes(b, (width, 600), (width, 600), flip)
    np.testing.assert_allclose(place_boxes(once, (width, 600), (width, 600), flip), b, atol=1e-6)


scores = st.lists(st.integers(1, 999), min_size=1, max_size=20, unique=True)


def scene(values: list[int]) -> tuple[Record, tuple]:
    """One image of boxes on a diagonal; every second detection is exact, the others miss."""
    place = 20.0 * np.arange(len(values))
    boxes = np.stack((place, place, place + 15, place + 15), axis=1)
    shifted = boxes + np.where(np.arange(len(values)) % 2, 12.0, 0.0)[:, None]
    labels = np.zeros(len(values), int)
    item = record("scene", (640, 640), boxes, labels)
    return item, (shifted, np.array(values) / 1000, labels)


@settings(deadline=None, max_examples=30)
@given(scores, st.randoms(use_true_random=False), st.sampled_from(["voc2007", "voc2012"]))
def test_ap_ignores_the_order_and_scale_of_scores(values, random, rule):
    item, (boxes, confidences, labels) = scene(values)
    truth = Records((item,), ("thing",))
    before = evaluate_voc(truth, [(boxes, confidences, labels)], rule)
    order = list(range(len(values)))
    random.shuffle(order)
    ranks = (np.argsort(np.argsort(confidences)) + 1) / 1000
    after = evaluate_voc(truth, [(boxes[order], ranks[order], labels[order])], rule)
    assert after == before
    assert 0 <= before["AP"] <= before["AP50"] + 1e-9 <= 100 + 2e-9


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 32), st.integers(0, 99))
def test_subsample_keeps_quota_and_only_candidates(positives, negatives, count, seed):
    kinds = torch.tensor([[1] * positives + [0] * negatives + [-1] * 3])
    rng = torch.Generator().manual_seed(seed)
    kept, rest = subsample(kinds == 1, kinds == 0, count, 0.25, rng)
    assert not (kept & (kinds != 1)).any()
    assert not (rest & (kinds != 0)).any()
    assert kept.sum() == min(positives, int(count * 0.25))
    assert rest.sum() == min(negatives, count - kept.sum())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backend": "mmdet"}, "torchvision, detectron2"),
        ({"extra_norm": True}, "norm='trainable'"),
        ({"steps": (5, 3)}, "increase"),
        ({"train_sizes": ()}, "at least one"),
    ],
)
def test_settings_reject_what_cannot_run(changes, words):
    with pytest.raises(ValueError, match=words):
        DetectSettings(**changes)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.floats(-20, 190), st.floats(-20, 120), st.floats(0.5, 240), st.floats(0.5, 160)
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from([2, 7, 14]),
)
def test_both_ways_of_pooling_agree_with_gradients(places, size):
    boxes = torch.tensor([(x, y, x + w, y + h) for x, y, w, h in places], dtype=torch.float64)
    numbers = torch.arange(len(boxes), dtype=torch.float64)[:, None] % 2
    rois = torch.cat((numbers, boxes), dim=1)
    rng = torch.Generator().manual_seed(0)
    results = []
    for product in (True, False):
        feature = torch.randn(2, 3, 8, 11, generator=rng.manual_seed(0), dtype=torch.float64)
        feature.requires_grad_()
        if product:
            pooled = pool_by_product(feature, rois, size, 16)
        else:
            pooled = roi_align(feature, rois, size, 1 / 16, sampling_ratio=0, aligned=True)
        scale = torch.randn(pooled.shape, generator=rng.manual_seed(1), dtype=torch.float64)
        (pooled * scale).sum().backward()
        results.append((pooled.detach(), feature.grad))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, atol=1e-9, rtol=1e-7)
