"""Every key of every recorded evaluation is compared with ours, for any file of a known family."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from downstream.calibration.measures import measure_calibration
from downstream.localization import boxes, maps, max_box_acc
from downstream.robustness.attacks import Normalized, fgsm, loss_gradient
from downstream.robustness.corrupt import corrupt
from downstream.robustness.filters import blur_along
from downstream.robustness.occlusion import drop_patches
from downstream.robustness.occlusion_settings import OcclusionSettings
from downstream.robustness.severities import CORRUPTIONS, LEVELS, MOTION
from mixlib.training.evaluate import mixed_hits
from tests.downstream.recordings import FOLDER, Recording, read_whole

OWN_TEXTURES = {"fog", "frost", "snow", "elastic_transform", "spatter"}


def compare_corruptions(recorded: Recording) -> None:
    images = recorded["x"]
    assert recorded["files"].shape == (len(images),)
    np.testing.assert_array_equal(recorded["motion_params"], MOTION)
    for level, (radius, sigma) in enumerate(MOTION):
        for place, angle in enumerate(recorded["motion_angles"]):
            wanted = recorded["motion_fixed_angle"][level, place]
            angles = np.full(len(wanted), angle)
            ours = blur_along(images[: len(wanted)], int(radius), sigma, angles)
            np.testing.assert_array_equal(ours, wanted)
    for key in [key for key in recorded if key.startswith("det_")]:
        name = key.removeprefix("det_")
        ours = np.stack([corrupt(images, name, severity) for severity in LEVELS])
        np.testing.assert_array_equal(ours, recorded[key], err_msg=name)
    assert recorded["stat_columns"].tolist() == [
        "mean_diff",
        "mean_abs_diff",
        "std_diff",
        "mean_psnr_db",
    ]
    many = np.repeat(images, int(recorded["stat_reps"]), axis=0)
    drawn = [key for key in recorded if key.startswith("stat_") and recorded[key].ndim == 2]
    assert {key.split("_", 1)[1] for key in drawn} <= set(CORRUPTIONS)
    for key in drawn:
        name = key.removeprefix("stat_")
        # the recorded noise in these means is that of 60 draws, and frost's textures are others
        share = 0.25 if name in OWN_TEXTURES else 0.10
        for severity in LEVELS:
            wanted = recorded[key][severity - 1]
            ours = distortion(many, corrupt(many, name, severity))
            close = np.abs(ours - wanted) <= share * np.abs(wanted)
            assert close[1:].all(), f"{name} {severity}: {ours} for {wanted}"
            assert abs(ours[0] - wanted[0]) <= share * wanted[1], f"{name} {severity}: brightness"


def distortion(clean: np.ndarray, corrupted: np.ndarray) -> np.ndarray:
    """Mean, mean absolute and standard deviation of the differences, and mean PSNR in dB."""
    change = corrupted.astype(np.float64) - clean
    error = np.square(change).mean((1, 2, 3)).clip(min=1e-9)
    psnr = 10 * np.log10(255**2 / error)
    return np.array([change.mean(), np.abs(change).mean(), change.std(), psnr.mean()])


def compare_ece(recorded: Recording) -> None:
    logits, labels = recorded["logits"], recorded["labels"]
    sizes = [int(key.removeprefix("ece_")) for key in recorded if key.startswith("ece_")]
    assert sizes
    for size in sizes:
        found = measure_calibration(logits, labels, size)
        np.testing.assert_allclose(found.confidence, recorded["confidence"], atol=1e-14)
        np.testing.assert_array_equal(found.prediction, recorded["prediction"])
        metrics = found.metrics()
        assert metrics["accuracy"] == pytest.approx(float(recorded["accuracy"]), abs=1e-10)
        assert metrics["confidence"] == pytest.approx(float(recorded["mean_confidence"]), abs=1e-10)
        assert found.gap == pytest.approx(float(recorded["overconfidence_gap"]), abs=1e-12)
        bins = found.bins
        table = np.stack([bins.counts, bins.accuracy, bins.confidence], 1)
        np.testing.assert_allclose(table, recorded[f"bins_{size}"], atol=1e-12)
        for name, ours, limit in (
            ("ece", bins.error(), 1e-12),
            ("mce", bins.largest_error(), 1e-12),
            ("sorted_variant", bins.sorted_error(), 1e-12),
            ("torchmetrics_l1", bins.error(), 1e-6),
        ):
            assert ours == pytest.approx(float(recorded[f"{name}_{size}"]), abs=limit), name


class SmallNet(nn.Module):
    """The recorded network: two convolutions, a global mean and a linear layer."""

    def __init__(self, recorded: Recording) -> None:
        super().__init__()
        for name in ("conv1", "conv2", "fc"):
            for part in ("w", "b"):
                value = torch.from_numpy(recorded[f"{name}_{part}"]).double()
                self.register_parameter(f"{name}_{part}", nn.Parameter(value))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(F.conv2d(x, self.conv1_w, self.conv1_b, padding=1))
        x = F.relu(F.conv2d(x, self.conv2_w, self.conv2_b, stride=2, padding=1))
        return F.linear(x.mean((2, 3)), self.fc_w, self.fc_b)


def compare_fgsm(recorded: Recording) -> None:
    mean, std = (tuple(recorded[name].tolist()) for name in ("mean", "std"))
    net = SmallNet(recorded)
    model = Normalized(net, mean, std)
    x = torch.from_numpy(recorded["x_uint8_nhwc"]).permute(0, 3, 1, 2).double() / 255
    y = torch.from_numpy(recorded["y"])
    logits = model(x).detach()
    np.testing.assert_allclose(logits, recorded["clean_logits"], atol=1e-9)
    assert F.cross_entropy(logits, y).item() == pytest.approx(float(recorded["clean_loss_mean"]))
    assert error(logits, y) == pytest.approx(float(recorded["clean_error"]))
    sign = loss_gradient(model, x, y).sign()
    np.testing.assert_array_equal(sign, recorded["grad_sign"])
    for eps in (4, 8):
        attacked = fgsm(model, x, y, eps / 255)
        np.testing.assert_allclose(attacked, recorded[f"adv_eps{eps}"], atol=1e-12)
        logits = model(attacked).detach()
        np.testing.assert_allclose(logits, recorded[f"adv_logits_eps{eps}"], atol=1e-9)
        assert error(logits, y) == pytest.approx(float(recorded[f"error_eps{eps}"]))
        # the usual mistake, a step of eps in normalized space, gives the number recorded for it
        normalized = (x - model.mean) / model.std
        wrong = error(net(normalized + eps / 255 * sign).detach(), y)
        assert wrong == pytest.approx(float(recorded[f"wrong_normspace_error_eps{eps}"]))


def error(logits: torch.Tensor, y: torch.Tensor) -> float:
    return 100 * float((logits.argmax(1) != y).double().mean())


def compare_occlusion(recorded: Recording) -> None:
    x, dropped = (torch.from_numpy(recorded[name]) for name in ("x", "dropped_patch_indices"))
    patch = int(recorded["patch"])
    occluded, mask = drop_patches(x, dropped, patch, float(recorded["fill"]))
    np.testing.assert_array_equal(occluded, recorded["occluded"])
    np.testing.assert_array_equal(mask[0], recorded["mask"])
    ratios = tuple(recorded["ratios"].tolist())
    tables = [key for key in recorded if key.startswith("counts_")]
    assert tables
    for key in tables:
        _, rounding, grid = key.split("_")
        rows, columns = map(int, grid.split("x"))
        settings = OcclusionSettings(ratios=ratios, rounding=rounding)
        assert settings.counts(rows * columns) == tuple(recorded[key].tolist()), key


def compare_mixed_topk(recorded: Recording) -> None:
    logits, own, partner = (torch.from_numpy(recorded[key]) for key in ("logits", "y_a", "y_b"))
    found = mixed_hits(logits, own, partner)
    for ours, key in ((found.top1, "top1_hit"), (found.distinct, "distinct")):
        np.testing.assert_array_equal(ours, recorded[key])
    # hits of pairs of one class are defined by nobody: the recording's are not ours
    distinct = recorded["distinct"]
    np.testing.assert_array_equal(found.top2[distinct], recorded["top2_hit"][distinct])
    percent = 100 * found.top2.double()
    assert 100 * float(found.top1.double().mean()) == pytest.approx(float(recorded["top1_acc"]))
    assert float(percent[distinct].mean()) == pytest.approx(
        float(recorded["top2_acc_distinct_only"])
    )
    assert float(percent.mean()) == pytest.approx(float(recorded["top2_acc_all_pairs"]))
    assert accuracy_of_the_training_log(recorded) == pytest.approx(
        float(recorded["openmixup_acc_mix"])
    )


def accuracy_of_the_training_log(recorded: Recording) -> float:
    """What the authors' code logs in its place, so that nobody takes the one for the other."""
    lam = float(recorded["lam"].mean())
    first, second = np.argsort(-recorded["logits"], 1)[:, :2].T
    major, minor = recorded["y_a"], recorded["y_b"]
    if lam < 0.5:
        major, minor, lam = minor, major, 1 - lam
    return 100 * float((lam * (first == major) + (1 - lam) * (second == minor)).mean())


def compare_wsol_maxboxacc(recorded: Recording) -> None:
    cams = [*recorded["cams14"], *recorded["cams7"]]
    index, sizes = recorded["gt_image_index"], recorded["image_sizes_wh"]
    scaled = recorded["gt_boxes_xyxy"] * 224 // np.tile(sizes[index], 2)
    np.testing.assert_array_equal(scaled, recorded["gt_boxes_224"])
    true = [scaled[index == number] for number in range(len(cams))]
    labels = recorded["labels"]
    assert labels.shape == (len(cams),)
    assert labels.max() < int(recorded["num_classes"])
    assert tuple(recorded["iou_thresholds"].tolist()) == max_box_acc.DELTAS
    gray = [maps.gray_levels(cam, 224) for cam in cams]
    steps = max_box_acc.shares()
    np.testing.assert_array_equal(steps, recorded["tau"])
    for suffix, shares in (("", steps), ("_tau01", max_box_acc.shares(100))):
        found = max_box_acc.evaluate(gray, true, shares)
        metrics = found.metrics()
        for version, word, overlaps in (
            ("v2", "MaxBoxAccV2", found.all),
            ("v1", "MaxBoxAcc", found.largest),
        ):
            counts = found.correct(overlaps)
            np.testing.assert_array_equal(counts, recorded[f"{version}{suffix}_num_correct"])
            wanted = recorded[f"maxboxacc_{version}{suffix}_per_iou"]
            assert [metrics[f"{word}_{delta}"] for delta in max_box_acc.DELTAS] == wanted.tolist()
            if not suffix:
                np.testing.assert_allclose(
                    overlaps[:, ::10], recorded[f"{version}_best_iou_every10"], atol=1e-7
                )
                assert metrics[word] == pytest.approx(float(recorded[f"maxboxacc_{version}"]))
    cuts = [(steps[::10] * level.max()).astype(int).tolist() for level in gray]
    numbers = [
        [len(boxes.trace(level, cut)[0]) for cut in own]
        for level, own in zip(gray, cuts, strict=True)
    ]
    np.testing.assert_array_equal(numbers, recorded["v2_num_boxes_every10"])
    for number, name in ((0, "image0"), (len(recorded["cams14"]), "imagenA")):
        ours = maps.stretch(maps.resize(cams[number], 224))[::8, ::8]
        np.testing.assert_allclose(ours, recorded[f"scoremap224_{name}_stride8"], atol=1e-6)
    sampled = recorded["sampled_boxes_v2"]
    assert set(sampled[:, 1].tolist()) == set(recorded["sampled_tau_index"].tolist())
    for image, tau in {tuple(row[:2]) for row in sampled.tolist()}:
        ours, _ = boxes.trace(gray[image], int(steps[tau] * gray[image].max()))
        wanted = sampled[(sampled[:, :2] == (image, tau)).all(1)][:, 2:]
        assert sorted(ours) == sorted(map(tuple, wanted.tolist()))


FAMILIES: dict[str, Callable[[Recording], None]] = {
    "cifar_c_corruptions": compare_corruptions,
    "ece": compare_ece,
    "fgsm": compare_fgsm,
    "occlusion": compare_occlusion,
    "mixed_topk": compare_mixed_topk,
    "wsol_maxboxacc": compare_wsol_maxboxacc,
}
FILES = sorted(FOLDER.glob("*.npz"))


def family(stem: str) -> str:
    """The longest family whose name a file starts with: a second recording is ``<family>_b``."""
    names = [name for name in FAMILIES if stem == name or stem.startswith(f"{name}_")]
    assert names, f"no comparison for {stem}: add one to FAMILIES"
    return max(names, key=len)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_key_equals_ours(path):
    with read_whole(path) as recorded:
        FAMILIES[family(path.stem)](recorded)


def test_every_family_has_a_recording():
    assert {family(path.stem) for path in FILES} == set(FAMILIES)


def test_an_unread_key_fails(tmp_path):
    np.savez(tmp_path / "two.npz", first=np.arange(2), second=np.arange(3))
    with (
        pytest.raises(AssertionError, match=r"two\.npz: recorded but not compared: second"),
        read_whole(tmp_path / "two.npz") as recorded,
    ):
        assert recorded["first"].sum() == 1


def test_a_file_of_no_family_fails():
    with pytest.raises(AssertionError, match="no comparison for something_else"):
        family("something_else")
