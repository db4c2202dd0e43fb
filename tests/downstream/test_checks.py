"""Bad input to the measurements of logits and images: each a message of its own."""

import numpy as np
import pytest
import timm
import torch
from torch import nn

from downstream.checks import check_images, check_logits, load_weights, predict
from downstream.errors import InputError

GOOD = np.zeros((3, 4)), np.array([0, 1, 3])


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (GOOD[0][:2], GOOD[1], r"found shapes \[2, 4\] and \[3\]"),
        (GOOD[0].ravel(), GOOD[1], r"expected logits \[N, Y\]"),
        (GOOD[0][:0], GOOD[1][:0], "empty test set"),
        (GOOD[0][:, :1], np.zeros(3, int), "one class only"),
        (GOOD[0], np.array([0, 4, 1]), "expected labels from 0 to 3, found 4 at image 1"),
        (GOOD[0], np.array([0, 1, -1]), "found -1 at image 2"),
        (np.array([[0, 0], [np.nan, 0]]), np.array([0, 1]), "in 1 of 2 images .first: number 1"),
        (np.array([[np.inf, 0]]), np.array([0]), "NaN or infinity"),
    ],
)
def test_logits_that_cannot_be_measured_are_refused(logits, labels, message):
    with pytest.raises(InputError, match=message):
        check_logits(logits, labels)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(3, 8, 8), "float images"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "divide 8-bit images by 255"),
        (torch.zeros(0, 3, 8, 8), "empty batch"),
        (torch.full((1, 3, 2, 2), -0.5), "before normalization"),
        (torch.full((1, 3, 2, 2), 2.0), "values from 2 to 2"),
        (torch.full((1, 3, 2, 2), torch.nan), "found values from nan"),
    ],
)
def test_images_outside_the_pixel_range_are_refused(x, message):
    with pytest.raises(InputError, match=message):
        check_images(x)


def test_predictions_are_those_of_evaluation_mode_and_the_mode_comes_back():
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(12, 3)).train()
    x = torch.rand(5, 3, 2, 2)
    y = torch.tensor([0, 1, 2, 0, 1])
    logits, labels = predict(model, [(x[:2], y[:2]), (x[2:], y[2:])])
    assert all(part.training for part in model.modules())
    np.testing.assert_allclose(logits, model.eval()(x).detach(), atol=1e-6)
    np.testing.assert_array_equal(labels, y)
    with pytest.raises(InputError, match="empty test set"):
        predict(model, [])


def test_a_checkpoint_of_another_architecture_is_refused_and_nothing_is_loaded():
    model, other = (timm.create_model(name, num_classes=4) for name in ("resnet18", "resnet26"))
    before = model.conv1.weight.clone()
    with pytest.raises(InputError, match="another architecture"):
        load_weights(model, other.state_dict())
    wider = model.state_dict() | {"fc.weight": torch.zeros(9, 512)}
    with pytest.raises(InputError, match=r"1 of another shape .fc\.weight"):
        load_weights(model, wider)
    assert torch.equal(model.conv1.weight, before)
    twin = timm.create_model("resnet18", num_classes=4)
    load_weights(model, twin.state_dict())
    assert torch.equal(model.conv1.weight, twin.conv1.weight)
