"""torchvision's annotated samples in, the same types out; the segmentation example learns."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch
from torchvision import tv_tensors

import mixlib
from mixlib.adapters.tv_tensors import MixAnnotated

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "segmentation.py"


def samples(style: str = "XYXY"):
    made = []
    for k in range(2):
        image = tv_tensors.Image(torch.full((3, 8, 8), float(k)))
        corners = [[1, 1, 3, 5]] if style == "XYXY" else [[1, 1, 2, 4]]
        box = tv_tensors.BoundingBoxes(corners, format=style, canvas_size=(8, 8))
        mask = tv_tensors.Mask(torch.full((1, 8, 8), k, dtype=torch.uint8))
        target = {"boxes": box, "labels": torch.tensor([k + 5]), "masks": mask, "image_id": k}
        made.append((image, target))
    return made


@pytest.mark.parametrize("style", ["XYXY", "XYWH"])
def test_types_and_formats_stay(style):
    mix = MixAnnotated(mixlib.build("mixup", alpha=1.0), torch.Generator().manual_seed(0))
    images, targets = mix(samples(style))
    assert isinstance(images, tv_tensors.Image)
    for target in targets:
        boxes = target["boxes"]
        assert isinstance(boxes, tv_tensors.BoundingBoxes)
        assert boxes.format.value == style
        assert boxes.canvas_size == (8, 8)
        assert boxes.tolist() == ([[1, 1, 3, 5]] if style == "XYXY" else [[1, 1, 2, 4]]) * 2
        assert sorted(target["labels"].tolist()) == [5, 6]
        assert sorted(target["image_id"]) == [0, 1]
        assert isinstance(target["masks"], tv_tensors.Mask)
        assert target["masks"].dtype == torch.uint8
        torch.testing.assert_close(target["weight"].sum(), torch.tensor(1.0))


def test_soft_maps_and_images_agree():
    rng = torch.Generator().manual_seed(0)
    images, targets = MixAnnotated(mixlib.build("cutmix"), rng, classes=2)(samples())
    for image, target in zip(images, targets, strict=True):
        torch.testing.assert_close(
            target["masks"][1].as_subclass(torch.Tensor), image[0].as_subclass(torch.Tensor)
        )


def test_sizes_and_missing_annotations_are_named():
    mix = MixAnnotated(mixlib.build("cutmix"), torch.Generator())
    first, second = samples()
    with pytest.raises(ValueError, match="expected boxes for all 2 samples or for none, found 1"):
        mix([first, (second[0], {"masks": second[1]["masks"]})])
    with pytest.raises(ValueError, match="images of one size"):
        mix([first, (torch.zeros(3, 4, 4), second[1])])


def test_the_example_learns_to_segment(capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "intersection over union" in capsys.readouterr().out
