"""Images a second that one core decodes and augments, beside what a GPU's training steps take.

Each recipe's whole way of a picture is measured: file (in memory after the first round), decoding,
crop, flip, RandAugment, normalization.  Beside it stands decoding alone, by Pillow (what the
readers use) and by torchvision (libjpeg-turbo as well), and how far their pixels are apart.

The need is that of counted operations (:mod:`pipelines.estimate`): a step's images over the seconds
that a GPU takes for it at a share of its peak, so it is an upper bound where mixing or small
layers take longer.  Pictures are drawn, 500 x 375 pixels as ImageNet's middle, with noise that
gives a JPEG of their size; ``--folder`` takes pictures of one's own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg

from benchmarks.clock import alternate
from mixlib.data.augmentations import AUGMENTS
from mixlib.data.images import Images
from mixlib.data.loader import Loader
from mixlib.data.open_image import open_image
from mixlib.training.recipes import recipe as row
from pipelines.cost import PEAK, SHARE, Gpu
from pipelines.plan.inputs import Row
from pipelines.start import CORES_PER_GPU
from pipelines.step_load import of_training, one_shard

SHAPE = 375, 500
RECIPES = {
    "imagenet_pytorch": ("resnet18", "resnet50"),
    "imagenet_deit": ("deit_small",),
    "imagenet_rsb_a2": ("resnet50",),
    "imagenet_rsb_a3": ("resnet50",),
}
"""Recipes that decode files while they train, with networks that they train."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def drawn(folder: Path, count: int) -> list[Path]:
    """Pictures with smooth areas, edges and grain, about 110 KB each at quality 95."""
    paths, rng = [], np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        smooth = Image.fromarray(coarse).resize(SHAPE[::-1], Image.Resampling.BICUBIC)
        grain = rng.normal(0, 7, (*SHAPE, 3))
        pixels = (np.asarray(smooth) + grain).clip(0, 255).astype(np.uint8)
        paths.append(folder / f"{number}.jpg")
        Image.fromarray(pixels).save(paths[-1], quality=95)
    return paths


def turns(paths: list[Path], call: Callable[[Path], object]) -> Callable[[], object]:
    """Each call does the next picture."""
    place = [0]

    def next_one() -> object:
        place[0] = (place[0] + 1) % len(paths)
        return call(paths[place[0]])

    return next_one


def way(paths: list[Path], recipe: str) -> Callable[[], object]:
    """Each call makes one network input of a recipe, as a loader's process does."""
    images = Images(np.zeros(len(paths), np.int64), ("any",), paths=tuple(paths))
    loader = Loader(
        images, AUGMENTS[row(recipe).augment], 1, 0, True, mean=MEAN, std=STD, workers=0
    )

    def endless() -> Iterator[object]:
        epoch = 0
        while True:
            yield from loader.epoch(epoch)
            epoch += 1

    pictures = endless()
    return lambda: next(pictures)


def torchvision_pixels(path: Path) -> torch.Tensor:
    """uint8 [3, H, W]."""
    data = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
    return decode_jpeg(data, mode=ImageReadMode.RGB)


def measure(paths: list[Path], rounds: int) -> dict[str, float]:
    """Images a second of one core by what is done with them."""
    calls = {
        "decode, Pillow": turns(paths, open_image),
        "decode, torchvision": turns(paths, torchvision_pixels),
        **{f"whole way of {name}": way(paths, name) for name in RECIPES},
    }
    return {name: 1 / seconds for name, seconds in alternate(calls, rounds).items()}


def apart(paths: list[Path]) -> int:
    """The largest difference of a pixel's value between the two decoders."""
    ours = (torch.from_numpy(np.array(open_image(p))).permute(2, 0, 1) for p in paths)
    return max(
        int((a.int() - torchvision_pixels(p).int()).abs().max())
        for a, p in zip(ours, paths, strict=True)
    )


def needs(gpu: Gpu, share: float) -> dict[tuple[str, str], float]:
    """Images a second that one GPU takes, by recipe and network."""
    found = {}
    for name, networks in RECIPES.items():
        chosen = one_shard(row(name))
        for network in networks:
            step = of_training(
                network, Row("mixup", 1, ()), chosen, 1000, AUGMENTS[row(name).augment].size
            )
            seconds = step.operations / (PEAK[gpu][chosen.precision] * share)
            found[name, network] = chosen.batch / seconds
    return found


def table(speeds: Mapping[str, float], wanted: Mapping[tuple[str, str], float], gpu: Gpu) -> str:
    """Markdown."""
    lines = [
        f"| recipe | network | images/s of one core | images/s that one {gpu.upper()} takes "
        "| cores for it | enough |",
        "|---|---|---|---|---|---|",
    ]
    for (name, network), need in wanted.items():
        core = speeds[f"whole way of {name}"]
        enough = "yes" if need <= core * (CORES_PER_GPU - 1) else "no: the loader is the limit"
        lines.append(
            f"| `{name}` | {network} | {core:.0f} | {need:,.0f} | {need / core:.1f} | {enough} |"
        )
    return "\n".join(lines)


def main(
    rounds: Annotated[int, typer.Option(help="measured rounds")] = 9,
    count: Annotated[int, typer.Option(help="drawn pictures")] = 32,
    folder: Annotated[Path | None, typer.Option(help="JPEG pictures in the place of drawn")] = None,
    gpu: Annotated[Gpu, typer.Option(help="which GPU the steps run on")] = Gpu.a100,
    share: Annotated[float, typer.Option(help="share of its peak that it reaches")] = SHARE,
) -> None:
    """Measures one core's throughput against the training steps' need."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        paths = drawn(Path(made), count) if folder is None else sorted(folder.rglob("*.jpg"))
        size = sum(path.stat().st_size for path in paths) / len(paths) / 1024
        print(f"{len(paths)} pictures of {size:.0f} KiB, n = {rounds} rounds, CPU time of one core")
        speeds = measure(paths, rounds)
        for name, value in speeds.items():
            print(f"{name:32} {value:8.0f} images/s")
        print(f"\npixels of the two decoders differ by {apart(paths)} of 255 at most\n")
    print(f"{CORES_PER_GPU - 1} cores load images for each GPU\n")
    print(table(speeds, needs(gpu, share), gpu))


if __name__ == "__main__":
    typer.run(main)
