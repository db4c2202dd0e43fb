"""The library's face: what the README promises, for every method that is a function of a batch."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn

import mixlib
from mixlib.adapters.collate import MixCollate
from mixlib.adapters.timm_mixup import Mixup
from mixlib.catalog import build as builder
from mixlib.catalog.methods import METHODS
from mixlib.core.labels import BinaryCrossEntropy, CrossEntropy
from mixlib.methods.decoupledmix import Decoupled
from mixlib.mixer import Mixer, check_batch
from mixlib.models.wrap import wrap

ROOT = Path(__file__).parents[2]
CLASSES = 5


class Small(nn.Module):
    """Stages under the names of a ResNet."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 6, 6, 8, 8)
        for k in range(1, 5):
            layer = nn.Conv2d(widths[k - 1], widths[k], 3, 2 if k in (2, 3) else 1, 1)
            setattr(self, f"layer{k}", layer)
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x):
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x).relu()
        return self.fc(x.mean((2, 3)))


def built(name: str) -> Mixer | None:
    """The mixer, or None for a method that is no function of a batch."""
    changes = {"attentivemix": {"side": None}, "relabel": {"teacher": teacher()}}.get(name, {})
    net = transformer() if "attention" in METHODS[name].needs else Small()
    try:
        return mixlib.build(name, net=net, **changes)
    except ValueError as error:
        if "mixlib." not in str(error):
            raise
        return None


def transformer() -> nn.Module:
    from timm.models.vision_transformer import VisionTransformer

    return VisionTransformer(
        img_size=16, patch_size=4, embed_dim=12, depth=1, num_heads=2, num_classes=CLASSES
    )


def teacher() -> nn.Module:
    from mixlib.catalog import build as builder

    return builder.net("resnet10_w16", CLASSES, 0)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_readme_runs():
    model = Small()
    images, labels = torch.rand(4, 3, 16, 16), torch.arange(4)
    mixer = mixlib.build("cutmix", alpha=1.0)
    mixed = mixer(images, labels, rng())
    loss = mixed.loss(model(mixed.images))
    loss.backward()
    assert model.fc.weight.grad is not None
    assert mixed.images.shape == images.shape


@pytest.mark.parametrize("name", METHODS)
def test_every_method_mixes_a_batch_or_says_what_to_use(name):
    mixer = built(name)
    if mixer is None:
        return
    for n, dtype in ((1, torch.float32), (3, torch.float32), (3, torch.bfloat16)):
        if dtype == torch.bfloat16 and METHODS[name].needs:
            continue
        width = 16 if "attention" in METHODS[name].needs else 12
        images = torch.rand(n, 3, 16, width).to(dtype)
        mixed = mixer(images, torch.arange(n), rng())
        assert mixed.images.dtype == dtype
        assert mixed.images.shape == images.shape
        rows = mixed.targets(CLASSES)
        assert rows.shape == (n, CLASSES)
        logits = torch.randn(n, CLASSES)
        assert mixed.loss(logits).isfinite()
        again = mixer(images, torch.arange(n), rng())
        assert torch.equal(again.images, mixed.images)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("attentivemix", lambda: {"teacher": Small(), "side": None}),
        ("tokenmix", lambda: {"teacher": transformer(), "grid": 4}),
        ("supermix", lambda: {"teacher": Small(), "iterations": 2}),
        ("relabel", lambda: {"teacher": teacher()}),
    ],
)
def test_any_classifier_is_a_teacher_and_no_net_is_needed(name, words):
    mixed = mixlib.build(name, **words())(torch.rand(3, 3, 16, 16), torch.arange(3), rng())
    assert mixed.targets(CLASSES).shape == (3, CLASSES)


@pytest.mark.parametrize("name", ["mixup", "cutmix", "vanilla", "ricap"])
def test_soft_labels_are_mixed_as_indices_are(name):
    images, labels = torch.rand(4, 3, 8, 8), torch.tensor([0, 3, 1, 4])
    soft = nn.functional.one_hot(labels, CLASSES).float()
    mixer = mixlib.build(name)
    hard, rows = mixer(images, labels, rng(1)), mixer(images, soft, rng(1))
    torch.testing.assert_close(rows.targets(), hard.targets(CLASSES))
    torch.testing.assert_close(rows.targets(CLASSES, 0.1), hard.targets(CLASSES, 0.1))
    logits = torch.randn(4, CLASSES)
    torch.testing.assert_close(rows.loss(logits), hard.loss(logits))
    expected = nn.functional.cross_entropy(logits, hard.targets(CLASSES))
    torch.testing.assert_close(hard.loss(logits), expected)
    for rule in (CrossEntropy(0.1), BinaryCrossEntropy(smoothing=0.1)):
        torch.testing.assert_close(rows.loss(logits, rule), hard.loss(logits, rule))


def test_another_rule_for_the_loss():
    mixed = mixlib.build("mixup")(torch.rand(4, 3, 8, 8), torch.arange(4), rng())
    logits = torch.randn(4, CLASSES)
    rule = BinaryCrossEntropy(target="two-hot")
    torch.testing.assert_close(mixed.loss(logits, rule), rule(mixed.mix, logits, {}, mixed.labels))
    smooth = mixed.loss(logits, CrossEntropy(0.1))
    expected = nn.functional.cross_entropy(logits, mixed.targets(CLASSES, 0.1))
    torch.testing.assert_close(smooth, expected)


def test_families_set_the_parameters():
    assert mixlib.build("cutmix", family="cifar").params == {"alpha": 0.2}
    assert mixlib.build("cutmix", family="cifar", alpha=0.5).params == {"alpha": 0.5}


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: mixlib.build("cutmx"), KeyError, "did you mean 'cutmix'"),
        (lambda: mixlib.build("cutmix", family="cifr"), KeyError, "did you mean 'cifar'"),
        (
            lambda: mixlib.build("cutmix", alhpa=1.0),
            TypeError,
            "cutmix: no parameter 'alhpa'; did you mean 'alpha'.*released, scope",
        ),
        (lambda: mixlib.build("puzzlemix"), ValueError, "input_grad.*net=model"),
        (lambda: MixCollate("cutmix"), TypeError, "MixCollate: mixer must be a mixlib.mixer.Mixer"),
        (lambda: mixlib.build("manifoldmix"), ValueError, "(?s)stage1, stage2.*objective"),
        (lambda: mixlib.build("alignmix", net=Small()), ValueError, "(?s)stage4.*objective"),
        (lambda: mixlib.build("tokenmix", net=Small()), ValueError, "no attention block"),
        (lambda: mixlib.build("transmix", net=Small()), ValueError, "from the forward pass"),
        (lambda: mixlib.build("automix"), ValueError, r"mixlib\.objective\('automix', model"),
        (lambda: mixlib.build("vanilla", released=True), ValueError, "known for: .*cutmix, fmix"),
        (lambda: mixlib.policy("mixup", released=True), ValueError, "known for: .*cutmix, fmix"),
        (lambda: METHODS["mixup"].make(released=True), ValueError, "no released variant"),
        (lambda: mixlib.nothing, AttributeError, "it has METHODS"),
    ],
)
def test_wrong_words_are_answered(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


@pytest.mark.parametrize(
    ("images", "labels", "kind", "words"),
    [
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.arange(2), TypeError, "uint8.*float"),
        (torch.zeros(3, 4, 4), torch.arange(3), ValueError, r"expected images \[B, C, H, W\]"),
        (torch.zeros(2, 3, 4, 4), torch.arange(3), ValueError, "for 2 images"),
        (torch.zeros(2, 3, 4, 4), torch.rand(2), TypeError, "class indices"),
        (torch.zeros(2, 3, 4, 4), torch.arange(2).int(), TypeError, "int32.*labels.long"),
        (torch.zeros(2, 3, 4, 4), torch.arange(2)[:, None], ValueError, r"\[2, 1\].*squeeze"),
        (torch.zeros(2, 3, 4, 4), [0, 1], TypeError, "labels as a tensor, got list"),
        (torch.zeros(0, 3, 4, 4), torch.arange(0), ValueError, "at least one image"),
    ],
)
def test_wrong_batches_are_refused_by_mixers_and_adapters(images, labels, kind, words):
    mixer = mixlib.build("mixup")
    with pytest.raises(kind, match=words):
        # beneath the run-time shape checks, which users do not have
        getattr(Mixer.__call__, "__wrapped__", Mixer.__call__)(mixer, images, labels, rng())
    with pytest.raises(kind, match=words):
        check_batch(images, labels)
    if isinstance(labels, torch.Tensor) and images.ndim == 4:
        with pytest.raises(kind, match=words):
            getattr(Mixup.__call__, "__wrapped__", Mixup.__call__)(
                Mixup(num_classes=CLASSES), images, labels
            )
    else:
        with pytest.raises(TypeError, match=r"as tensors|images"):
            MixCollate(mixer, num_classes=CLASSES)((images, labels))


def test_soft_labels_say_what_they_cannot_do():
    soft = torch.rand(2, CLASSES).softmax(1)
    mixed = mixlib.build("mixup")(torch.rand(2, 3, 4, 4), soft, rng())
    with pytest.raises(ValueError, match="class indices"):
        mixed.loss(torch.randn(2, CLASSES), BinaryCrossEntropy(target="two-hot"))
    with pytest.raises(ValueError, match="class indices"):
        mixed.loss(torch.randn(2, CLASSES), Decoupled())
    with pytest.raises(ValueError, match="expected 7 classes"):
        mixed.targets(7)
    hard = mixlib.build("mixup")(torch.rand(2, 3, 4, 4), torch.arange(2), rng())
    with pytest.raises(ValueError, match="how many classes"):
        hard.targets()


@pytest.mark.parametrize("name", ["manifoldmix", "alignmix", "transmix", "tla", "mixpro"])
def test_what_a_refusal_recommends_runs(name):
    with pytest.raises(ValueError, match="in the training step use") as refused:
        mixlib.build(name)
    _, _, code = str(refused.value).partition("use\n")
    model = timm.create_model("vit_tiny_patch16_224", img_size=32, num_classes=3)
    if name == "alignmix":  # it aligns maps, of which a transformer has none
        model = builder.net("resnet10_w16_cifar", 3, seed=0).model
    images, labels = torch.rand(2, 3, 32, 32), torch.tensor([0, 2])
    for seed in range(4):  # whatever site is drawn
        words = {"mixlib": mixlib, "model": model, "images": images, "labels": labels}
        words["rng"] = rng(seed)
        exec(textwrap.dedent(code), words)
        assert words["loss"].isfinite()


def test_models_are_wrapped_with_their_stages():
    assert wrap(Small()).sites["stage4"] == "layer4"
    swin = timm.create_model("swin_tiny_patch4_window7_224")
    assert wrap(swin).layout == "channels_last"
    vit = timm.create_model("vit_tiny_patch16_224")
    assert wrap(vit).layout == "tokens"
    net = wrap(Small())
    assert wrap(net) is net
    assert wrap(nn.Linear(3, 3)).sites == {}


def test_names_are_lazy_and_listed():
    assert "build" in dir(mixlib)
    for name in mixlib.__all__:
        assert getattr(mixlib, name) is not None


@pytest.mark.parametrize(
    "example", ["plain_loop", "collate_torchvision", "timm_mixup", "lightning_training"]
)
def test_examples_run(example):
    path = ROOT / "docs" / "examples" / f"{example}.py"
    run = subprocess.run(
        [sys.executable, str(path)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout


def test_logits_of_another_batch_are_named():
    mixed = mixlib.build("mixup")(torch.rand(4, 3, 8, 8), torch.arange(4), rng())
    with pytest.raises(ValueError, match=r"expected logits \[B, classes\] of the batch's 4 images"):
        mixed.loss(torch.zeros(3, 5))
    with pytest.raises(ValueError, match=r"smoothing in \[0, 1\], found 2"):
        mixed.targets(4, smoothing=2)


def test_boxes_of_another_shape_are_named():
    mixed = mixlib.build("mixup")(torch.rand(2, 3, 8, 8), torch.arange(2), rng())
    labels = [torch.zeros(2, dtype=torch.int64)] * 2
    with pytest.raises(ValueError, match=r"boxes \[n, 4\] .*found \(2, 5\)"):
        mixed.boxes([torch.zeros(2, 5)] * 2, labels)


def test_a_network_of_one_size_that_is_shown_another_is_answered():
    net = VisionTransformer(32, 8, embed_dim=12, depth=4, num_heads=2)
    mixer = mixlib.build("attentivemix", net=net)
    with pytest.raises(ValueError, match=r"side=224.*say side=None"):
        mixer(torch.rand(2, 3, 32, 32), torch.arange(2), rng())
