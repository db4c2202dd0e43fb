"""A small declared world for the pipeline's tests: one table, one scale, no training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

TABLE: dict[str, Any] = {
    "title": "Transfer",
    "source": "Table 7",
    "kind": "detect",
    "rows": {"method": ["vanilla", "mixup"]},
    "columns": [
        {"label": "VOC", "set": {"data": "voc0712", "settings": "voc_24k"}, "metric": "AP50"},
        {"label": "COCO", "set": {"data": "coco2017", "settings": "coco_2x"}, "metric": "AP"},
    ],
    "fixed": {"pretrain": "imagenet", "backbone": "resnet50", "recipe": "imagenet_pytorch"},
    "reference": {"Vanilla": [81.0, 38.1], "Mixup": [80.7, None]},
}


@pytest.fixture
def declare(tmp_path: Path):
    """Writes a declaration file with some keys of the table changed, and returns its path."""

    def write(**changes: Any) -> Path:
        spec = {key: value for key, value in {**TABLE, **changes}.items() if value is not None}
        path = tmp_path / "paper.yaml"
        path.write_text(yaml.safe_dump({"paper": "AutoMix", "tables": {"table7": spec}}))
        return path

    return write
