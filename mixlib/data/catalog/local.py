"""Datasets without a download: rows of the generated worlds and of small extracts.

The generated worlds are drawn on demand and identified by their specification. The small extracts
hold real images in official layouts; they exercise the readers and are no benchmarks, so they are
identified by what lies on disk.
"""

from __future__ import annotations

from mixlib.data.catalog.row import (
    CIFAR_MEAN,
    CIFAR_STD,
    IMAGENET_MEAN,
    IMAGENET_STD,
    SHAPES_MEAN,
    SHAPES_STD,
    Dataset,
)
from mixlib.data.shapes.scenes import Shapes

_SCENES = Shapes(
    train=600,
    val=200,
    size=128,
    objects=(2, 6),
    radius=(0.09, 0.20),
    outline=0.8,
    surface=0.7,
    hue=0.6,
    mark=0.6,
    least=2,
    distractors=2,
    crowd=0.08,
)


def _made(
    name: str,
    title: str,
    family: str,
    layout: str,
    spec: Shapes,
    splits: tuple[tuple[str, int], ...],
    folder: str,
) -> Dataset:
    """The row of a generated dataset; `folder` is relative to the set's own generated folder."""
    return Dataset(
        *(name, title, family, layout, spec.classes, spec.size),
        splits=splits,
        citation="drawn by mixlib.data.shapes.scenes",
        folder=folder,
        how=f"nothing to fetch: `python -m pipelines.data prepare {name}` draws it",
        identity="generated",
        spec=spec,
        mean=SHAPES_MEAN,
        std=SHAPES_STD,
    )


GENERATED = (
    _made(
        *("shapes", "shapes", "generated", "imagefolder", Shapes()),
        splits=(("train", 2000), ("val", 500)),
        folder=".",
    ),
    _made(
        *("shapes_voc", "shapes (VOC)", "voc", "voc", _SCENES),
        splits=(("trainval0712", 600), ("test2007", 200)),
        folder="VOCdevkit",
    ),
    _made(
        *("shapes_coco", "shapes (COCO)", "coco", "coco", _SCENES),
        splits=(("train2017", 600), ("val2017", 200)),
        folder=".",
    ),
    _made(
        *("shapes_cub", "shapes (CUB)", "fine", "cub"),
        Shapes(train=2000, val=200, test=500, anywhere=True, radius=(0.24, 0.34)),
        splits=(("train", 2000), ("test", 500), ("val", 200)),
        folder="CUB_200_2011",
    ),
    _made(
        *("shapes_ade20k", "shapes (ADE20K)", "scenes", "ade20k", _SCENES),
        splits=(("train", 600), ("val", 200)),
        folder="ADEChallengeData2016",
    ),
)


def _extract(
    name: str,
    title: str,
    family: str,
    layout: str,
    classes: int,
    size: int,
    splits: tuple[tuple[str, int], ...],
    folder: str,
    needs: tuple[str, ...],
    content: str = "",
) -> Dataset:
    """The row of a small extract of real images; its statistics are those of the full dataset."""
    return Dataset(
        *(name, title, family, layout, classes, size, splits),
        citation="an extract for tests, not comparable with published numbers",
        folder=folder,
        needs=tuple((path, 0) for path in needs),
        how="a small extract for tests: set MIX_DATA to the folder that holds it",
        identity="measured",
        content=content,
        mean=CIFAR_MEAN if family == "cifar" else IMAGENET_MEAN,
        std=CIFAR_STD if family == "cifar" else IMAGENET_STD,
    )


EXTRACTS = (
    _extract(
        *("cifar10_small", "CIFAR-10 (5,000 re-encoded images)", "cifar", "cifar-pickle", 10, 32),
        splits=(("train", 5000), ("test", 1000)),
        folder="cifar-10-batches-py",
        needs=("data_batch_1", "test_batch", "batches.meta"),
        content="20dc6cc897575aa6829bb476f7d548baba53505c97a837623c33eebe98ecb999",
    ),
    _extract(
        *("cifar10_jpeg", "CIFAR-10 (re-encoded)", "cifar", "cifar-pickle", 10, 32),
        splits=(("train", 50_000), ("test", 10_000)),
        folder="cifar10_jpeg/cifar-10-batches-py",
        needs=("data_batch_1", "test_batch", "batches.meta"),
    ),
    _extract(
        *("not_cifar100", "100 classes at 32 px", "cifar", "cifar-pickle", 100, 32),
        splits=(("train", 800), ("test", 200)),
        folder="not-cifar100/cifar-100-python",
        needs=("train", "test", "meta"),
        content="23d44be1f4d20ed77338e573dda463cfdc1b4a1b030f1c1f4b11047d067f4ae1",
    ),
    _extract(
        *("tiny_imagenet_small", "Tiny-ImageNet (extract)", "tiny", "tiny-imagenet", 10, 64),
        splits=(("train", 1000), ("val", 200)),
        folder="tiny-imagenet-200",
        needs=("wnids.txt", "train", "val/val_annotations.txt"),
        content="38d0cdef23e72da9e35bd10f95414739d1ab0c08df32f0992ba485dbc79baa88",
    ),
    _extract(
        *("imagefolder64", "five classes at 64 px", "tiny", "imagefolder", 5, 64),
        splits=(("train", 200), ("val", 50)),
        folder="imagefolder64",
        needs=("train", "val"),
        content="4ed54c846721e657cbc777b6b8599a1b79a5266f8f675dbba5417b5fb800e756",
    ),
    _extract(
        *("cub_small", "eight animals (CUB layout)", "fine", "cub", 8, 64),
        splits=(("train", 160), ("test", 120), ("val", 40)),
        folder="cub-layout-tinyimagenet/CUB_200_2011",
        needs=("images.txt", "bounding_boxes.txt", "images"),
        content="2f8eb71d606048f34df047400ffa6edfdf07ca9586e31459390e7386c65b1191",
    ),
    _extract(
        *("bccd", "BCCD blood cells", "voc", "voc", 3, 640),
        splits=(("trainval0712", 75), ("test2007", 30)),
        folder="bccd/VOCdevkit",
        needs=("VOC2007/ImageSets/Main/test.txt", "VOC2012/ImageSets/Main/trainval.txt"),
        content="1c47b72c6e04b59db766b75d516a9c72a149074370ab811371227a7685c33835",
    ),
    _extract(
        *("coco_small", "COCO 2017 (extract)", "coco", "coco", 80, 640),
        splits=(("train2017", 13), ("val2017", 20)),
        folder="coco",
        needs=("annotations/instances_train2017.json", "annotations/instances_val2017.json"),
        content="73afc9d755ec4be6fd01af2dec4678240f0482c82b87e8a864f9907204220f40",
    ),
    _extract(
        *("cifar10_c_small", "CIFAR-10-C (ten images)", "cifar", "cifar-c", 10, 32),
        splits=(("test", 10),),
        folder="CIFAR-10-C",
        needs=("labels.npy", "zoom_blur.npy"),
    ),
    _extract(
        *("camvid", "CamVid (extract)", "scenes", "camvid", 11, 480),
        splits=(("train", 6), ("test", 3), ("val", 3)),
        folder="camvid",
        needs=("train.txt", "test.txt", "val.txt", "train", "trainannot"),
    ),
)
