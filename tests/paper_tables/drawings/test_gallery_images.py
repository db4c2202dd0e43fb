"""Images of a folder, in the order of their names."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from paper_tables.drawings.gallery_images import SIDE, gallery_images


def test_a_folder_of_images(tmp_path):
    for name in "ba":
        pixels = np.full((20, 30, 3), 255 if name == "a" else 0, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    (tmp_path / "notes.txt").write_text("no image")
    images, labels = gallery_images(str(tmp_path), 2)
    assert images.shape == (2, 3, 2 * SIDE, 2 * SIDE)
    assert images.mean((1, 2, 3)).tolist() == [1.0, 0.0]
    assert labels.tolist() == [0, 0]
    with pytest.raises(FileNotFoundError, match="expected 4 images, found 2"):
        gallery_images(str(tmp_path), 4)


def test_generated_images_are_of_several_classes():
    images, labels = gallery_images("generated", 8)
    assert 0 <= float(images.min()) < float(images.max()) <= 1
    assert len(set(labels.tolist())) > 1
