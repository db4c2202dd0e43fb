"""The share of an evaluation's time that is not the network's, for every evaluator.

Random images and freshly initialized networks: times do not depend on what a network knows. The
network's time is its forward passes and, where an attack asks for it, the way of the gradient back
to the pixels; everything else is ours. The clock is the process's own CPU time on one thread, so
that a busy machine changes no share.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor, nn

from benchmarks.localization import cases
from downstream.attention.boxes import box_cover, share_inside
from downstream.attention.class_token import class_attention, last_layer_rank
from downstream.calibration.temperature import scale_on_held_out
from downstream.checks import predict
from downstream.localization.cam import activation_maps
from downstream.localization.maps import GrayMaps
from downstream.localization.max_box_acc import evaluate as evaluate_boxes
from downstream.robustness.apgd import apgd
from downstream.robustness.attacks import Normalized, fgsm, pgd
from downstream.robustness.corrupt import corrupt
from downstream.robustness.occlusion import occlusion_curve
from downstream.robustness.occlusion_settings import OcclusionSettings
from downstream.robustness.scores import accuracy_of, measure_attacks
from downstream.robustness.severities import CORRUPTIONS
from downstream.segmentation.inference import evaluate as evaluate_masks
from downstream.segmentation.inference import normalizer
from downstream.segmentation.settings import SegmentSettings
from downstream.segmentation.upernet import UPerNet
from mixlib.core.net import Net
from mixlib.models.backbones import backbone, build

CLASSES = 10
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


class Clocked(nn.Module):
    """A network that knows how long it worked.

    Attributes:
        seconds: CPU time of forward passes, and of gradients on their way from the output to the
            input.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.seconds = 0.0
        self._began = 0.0

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            x.register_hook(self._stop)
        self._start()
        out: Tensor = self.model(x)
        self._stop()
        if out.requires_grad:
            out.register_hook(self._start)
        return out

    def _start(self, _: Tensor | None = None) -> None:
        self._began = time.process_time()

    def _stop(self, _: Tensor | None = None) -> None:
        self.seconds += time.process_time() - self._began


def measured(model: Clocked, work: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds of an evaluation, and of the network in it."""
    model.seconds = 0.0
    began = time.process_time()
    work()
    return time.process_time() - began, model.seconds


def pictures(count: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [count, side, side, 3] and labels [count]."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, side, side, 3), np.uint8), np.arange(count) % CLASSES


def batches(pixels: np.ndarray, labels: np.ndarray) -> Iterator[tuple[Tensor, Tensor]]:
    """All images in one batch, in [0, 1]."""
    yield torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(labels)


def classifier(name: str, count: int, side: int) -> Iterator[tuple[str, float, float]]:
    """Calibration, corruptions, attacks and localization with a convolutional network."""
    clocked = Clocked(build(name, CLASSES, seed=0).eval())
    model = Normalized(clocked, MEAN, STD)
    pixels, labels = pictures(count, side)

    def calibrate() -> None:
        scale_on_held_out(*predict(model, batches(pixels, labels)))

    def corrupted() -> None:
        def prepare(images: np.ndarray) -> Tensor:
            return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255

        for corruption in CORRUPTIONS:
            accuracy_of(model, corrupt(pixels, corruption, 3), labels, prepare)

    def localize() -> None:
        net = Net(clocked.model, backbone(name).sites)
        began = time.process_time()
        cams = activation_maps(net, batches(pixels, labels))
        # the maps are made inside the network, by its sites
        clocked.seconds += time.process_time() - began
        evaluate_boxes(GrayMaps(cams, 224), cases(count, 0)[1])

    yield "calibration", *measured(clocked, calibrate)
    yield "corruptions (19, severity 3)", *measured(clocked, corrupted)
    for title, attack in (
        ("FGSM", fgsm),
        ("PGD-20", pgd),
        ("APGD-CE, 20 steps", partial(apgd, steps=20)),
    ):
        work = partial(measure_attacks, model, list(batches(pixels, labels)), {title: attack})
        yield title, *measured(clocked, work)
    yield "localization, 1,000 thresholds", *measured(clocked, localize)


def transformer(name: str, count: int, side: int) -> Iterator[tuple[str, float, float]]:
    """Attention, occlusion and segmentation with a vision transformer."""
    clocked = Clocked(build(name, CLASSES, seed=0).eval())
    model = Normalized(clocked, MEAN, STD)
    pixels, labels = pictures(count, side)
    patch = int(clocked.model.patch_embed.patch_size[0])  # type: ignore[union-attr,index]
    box = np.array([[side // 4, side // 4, side // 2, side // 2]])

    def attend() -> None:
        maps = class_attention(model, next(batches(pixels, labels))[0])
        grid = (maps.shape[2], maps.shape[3])
        share_inside(maps, box_cover([box] * count, (side, side), grid))

    def occlude(which: str) -> None:
        settings = OcclusionSettings(patch, which=which)  # type: ignore[arg-type]
        rank = None if which == "random" else last_layer_rank(model)
        occlusion_curve(model, batches(pixels, labels), settings, MEAN, rank)

    yield "attention", *measured(clocked, attend)
    yield "occlusion, random", *measured(clocked, partial(occlude, "random"))
    yield "occlusion, salient", *measured(clocked, partial(occlude, "salient"))
    depth = len(clocked.model.blocks)  # type: ignore[arg-type]
    layers = tuple(depth * part // 4 - 1 for part in range(1, 5))
    settings = SegmentSettings(
        crop=4 * patch,
        stride=4 * patch,
        short=side,
        channels=64,
        layers=layers,  # type: ignore[arg-type]
    )
    segmenter = Clocked(UPerNet(build(name, CLASSES, seed=0), CLASSES, settings).eval())
    masks = Masks(pixels)
    work = partial(evaluate_masks, segmenter, masks, normalizer(MEAN, STD), settings)
    yield "segmentation, one scale", *measured(segmenter, work)
    yield "segmentation, six scales", *measured(segmenter, partial(work, multi_scale=True))


class Masks:
    """Images with random classes for every pixel."""

    names = tuple(map(str, range(CLASSES)))

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def image(self, number: int) -> np.ndarray:
        return self.pixels[number]

    def mask(self, number: int) -> np.ndarray:
        rng = np.random.default_rng(number)
        return rng.integers(0, CLASSES, self.pixels.shape[1:3], np.uint8)


def main(
    images: Annotated[int, typer.Option(help="Images of each evaluation.")] = 16,
    network: Annotated[str, typer.Option(help="A convolutional backbone.")] = "resnet18_cifar",
    side: Annotated[int, typer.Option(help="Its images' side.")] = 32,
    vit: Annotated[str, typer.Option(help="A vision transformer.")] = "deit_tiny",
    vit_side: Annotated[int, typer.Option(help="Its images' side.")] = 224,
) -> None:
    """Prints seconds and the share outside the network, by evaluator."""
    torch.set_num_threads(1)
    typer.echo(
        f"{images} images; {network} at {side} px, {vit} at {vit_side} px; CPU, one thread\n"
    )
    typer.echo("| evaluator | CPU s | outside the network |\n|---|---:|---:|")
    for rows in (classifier(network, images, side), transformer(vit, images, vit_side)):
        for title, whole, inside in rows:
            typer.echo(f"| {title} | {whole:.2f} | {100 * (1 - inside / whole):.1f} % |")


if __name__ == "__main__":
    typer.run(main)
