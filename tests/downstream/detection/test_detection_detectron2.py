"""Do both backends compute the same detector? Runs only where Detectron2 is installed."""

import numpy as np
import pytest
import torch

from downstream.detection import evaluate
from downstream.detection.c4 import C4Detector
from downstream.detection.finetune import finetune
from downstream.detection.readers import read_voc
from downstream.detection.settings import DetectSettings, voc_24k
from mixlib.seed import generator
from tests.downstream.detection.detection_data import write_voc
from tests.downstream.detection.detection_resnets import tiny_basic, tiny_bottleneck

pytest.importorskip("detectron2", reason="Detectron2 is not installed")
pytestmark = [pytest.mark.detectron2, pytest.mark.filterwarnings("ignore")]

from downstream.detection import detectron2_backend, detectron2_model  # noqa: E402

CPU = torch.device("cpu")
CLASSES = ("RBC", "WBC", "Platelets")
SMALL = DetectSettings(
    iterations=4,
    batch=2,
    warmup_iters=2,
    steps=(3,),
    train_sizes=(96, 128),
    test_size=128,
    rpn_per_image=32,
    rois_per_image=16,
    pre_nms=(300, 200),
    post_nms=(100, 50),
)


@pytest.fixture(scope="module")
def voc(tmp_path_factory):
    """A Pascal VOC tree of six drawn images: two bright rectangles each, on noise."""
    return write_voc(tmp_path_factory.mktemp("voc"), CLASSES, images=6)


@pytest.mark.parametrize("extra", [{}, {"norm": "trainable", "freeze_at": 0, "extra_norm": True}])
def test_equal_weights_give_equal_detections(voc, tmp_path, extra):
    settings = DetectSettings(
        **{**SMALL.__dict__, **extra, "score_threshold": 0.0, "detections_per_image": 50}
    )
    test = read_voc(voc, [("VOC2007", "test")], CLASSES)
    net = tiny_bottleneck(8)
    ours = C4Detector(net, 3, settings, generator(0, "layers"))
    theirs, cfg = detectron2_model.build_detector(net, settings, 3, CPU)
    unused = theirs.load_state_dict(detectron2_model.renamed(ours.state_dict()), strict=False)
    assert not unused.unexpected_keys
    first = evaluate.detect_all(ours, test, settings, CPU)
    second = detectron2_backend.detect_all(theirs, cfg, detectron2_backend.dataset(test, tmp_path))
    for a, b in zip(first, second, strict=True):
        assert len(a.scores)
        assert a.labels.tolist() == b.labels.tolist()
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-4)
        np.testing.assert_allclose(a.boxes, b.boxes, atol=5e-3)


def test_equal_samples_give_equal_trained_sets():
    settings = DetectSettings(**{**SMALL.__dict__, "norm": "trainable", "freeze_at": 2})
    for changes in (SMALL, settings):
        ours = C4Detector(tiny_bottleneck(4), 3, changes, generator(0, "layers"))
        theirs, _ = detectron2_model.build_detector(tiny_bottleneck(4), changes, 3, CPU)
        trained = {n for n, p in theirs.named_parameters() if p.requires_grad}
        names = {
            detectron2_model.detectron2_name(n)
            for n, p in ours.named_parameters()
            if p.requires_grad
        }
        assert names == trained


@pytest.mark.parametrize("backend", ["torchvision", "detectron2"])
def test_a_tiny_voc_job_runs_in_both_backends(voc, tmp_path, backend):
    train, test = (read_voc(voc, [("VOC2007", s)], CLASSES) for s in ("trainval", "test"))
    settings = DetectSettings(**{**SMALL.__dict__, "backend": backend})
    before = torch.random.get_rng_state()
    metrics = finetune(
        tiny_bottleneck(4), settings, train, test, seed=0, device="cpu", workdir=tmp_path
    )
    assert torch.equal(before, torch.random.get_rng_state())
    assert {"AP", "AP50", "AP75", "per_class", "losses"} <= metrics.keys()
    assert [row["iteration"] for row in metrics["losses"]] == [1, 2, 3, 4]
    assert all(np.isfinite(list(row.values())).all() for row in metrics["losses"])


def test_both_backends_start_from_losses_of_one_size(voc, tmp_path):
    """Same weights, same data: the first RPN loss is log 2 in both, the class loss log(K + 1)."""
    train, test = (read_voc(voc, [("VOC2007", s)], CLASSES) for s in ("trainval", "test"))
    rows = {}
    for backend in ("torchvision", "detectron2"):
        settings = DetectSettings(**{**SMALL.__dict__, "backend": backend, "iterations": 1})
        rows[backend] = finetune(
            tiny_bottleneck(8), settings, train, test, seed=0, device="cpu", workdir=tmp_path
        )["losses"][0]
    for term, start in (("rpn_cls", np.log(2)), ("cls", np.log(4))):
        for row in rows.values():
            assert row[term] == pytest.approx(start, rel=0.1)


def test_voc_configuration_is_the_reference_schedule():
    from torchvision.models import resnet50

    cfg = detectron2_model.build_config(resnet50(), voc_24k(), 20, CPU)
    assert cfg.MODEL.RESNETS.DEPTH == 50
    assert cfg.MODEL.RESNETS.RES2_OUT_CHANNELS == 256
    assert cfg.SOLVER.STEPS == (18_000, 22_000)
    assert cfg.MODEL.RPN.PRE_NMS_TOPK_TRAIN == 12_000
    assert tuple(range(480, 801, 32)) == cfg.INPUT.MIN_SIZE_TRAIN


def test_a_net_that_it_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="backend='torchvision'"):
        detectron2_model.resnet_config(tiny_basic(8))
