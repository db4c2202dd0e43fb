"""The examples of the documentation run; the plain loop is as short as promised."""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLES = Path(__file__).parents[4] / "docs" / "examples"


def lines_of(name: str, capsys) -> list[str]:
    runpy.run_path(str(EXAMPLES / name))
    return capsys.readouterr().out.splitlines()


def test_the_plain_loop(capsys):
    lines = lines_of("automix_plain_loop.py", capsys)
    assert len(lines) == 5
    assert lines[-1].startswith("predicted classes:")
    text = (EXAMPLES / "automix_plain_loop.py").read_text()
    code = [line for line in text.splitlines() if line.strip()]
    assert len(code) <= 35


def test_a_step_with_the_networks_of_timm_and_torchvision(capsys):
    lines = lines_of("automix_networks.py", capsys)
    # the class that comes back is the one that went in
    reported = {line.split(":")[0]: line.split()[-1] for line in lines}
    assert reported == {
        "timm ResNet": "ResNet",
        "torchvision ResNet": "ResNet",
        "ViT": "VisionTransformer",
        "DeiT": "VisionTransformer",
        "Swin": "SwinTransformer",
        "ConvNeXt": "ConvNeXt",
    }
    assert "nan" not in "".join(lines)
