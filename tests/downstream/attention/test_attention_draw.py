"""Pictures of attention: what is written beside them, and that they can be saved."""

import numpy as np
import pytest
import torch

from downstream.attention.draw import draw_layers, draw_target_scores, enlarge
from downstream.attention.target_scores import TargetScores
from downstream.errors import InputError


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3), np.uint8)


def test_layers_with_their_shares(images, tmp_path):
    maps = np.random.default_rng(1).random((3, 2, 2, 3))
    shares = np.array([[0.25, 0.5]] * 3)
    figure = draw_layers(images, maps, ("1", "6", "12"), shares)
    assert len(figure.axes) == 8
    assert figure.axes[1].get_xlabel() == "25 % in box"
    assert figure.axes[0].get_title() == "image"
    figure.savefig(tmp_path / "layers.png")
    assert (tmp_path / "layers.png").stat().st_size > 5000
    with pytest.raises(InputError, match="2 layers, 2 images"):
        draw_layers(images, maps, ("1", "6"))


def test_scores_stand_below_the_mixed_image(images, tmp_path):
    scores = TargetScores(torch.tensor([[0.5, 0.5]] * 2), torch.tensor([[0.8, 0.1], [0.2, 0.9]]))
    figure = draw_target_scores(images, images, np.ones((2, 2, 3)), scores)
    assert figure.axes[2].get_xlabel() == "TokenMix 0.80, CutMix 0.50"
    figure.savefig(tmp_path / "scores.png")
    with pytest.raises(InputError, match="found 2, 2, 1 and 2"):
        draw_target_scores(images, images, np.ones((1, 2, 3)), scores)


def test_maps_are_stretched_and_constant_ones_are_not_divided_by_zero():
    large = enlarge(np.array([[0.2, 0.6]]), (4, 8))
    assert large.shape == (4, 8)
    assert (large.min(), large.max()) == (0, 1)
    assert (enlarge(np.full((2, 2), 0.3), (4, 4)) == 0).all()
