"""The statistic of MSDA Figure 4 against its fixture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from theory.gradients import by_distance as reach
from theory.gradients import input_gradients, normalized, product_map


def fig4(data):
    w1, w2, w3 = (torch.tensor(data[f"w{k}"]) for k in (1, 2, 3))

    def model(images):
        hidden = F.softplus(F.conv2d(images, w1, padding=1))
        hidden = F.softplus(F.conv2d(hidden, w2, padding=1, stride=2))
        return hidden.mean(dim=(2, 3)) @ w3.T

    return model, torch.tensor(data["x"]), torch.tensor(data["y"])


def test_figure_4_statistic(recorded):
    data = recorded("theory/fig4_statistic")
    gradients = input_gradients(*fig4(data))
    np.testing.assert_allclose(gradients, data["grad"], atol=1e-6)
    found = product_map(gradients)
    np.testing.assert_allclose(found, data["map_raw"], atol=1e-6)
    np.testing.assert_allclose(normalized(found), data["map_norm_center"], atol=1e-6)
    assert not data.unread()
    assert normalized(found).max() == 1
    assert torch.equal(found, found.flip(0, 1))
    lengths, values = reach(normalized(found))
    assert values[0] == 1
    assert len(lengths) == len(values)
    # one pixel away: the four neighbors and the four diagonal ones, sqrt(2) rounded
    middle = found.shape[0] // 2
    near = normalized(found)[middle - 1 : middle + 2, middle - 1 : middle + 2]
    assert float(values[1]) == pytest.approx(float((near.sum() - 1) / 8))
    with pytest.raises(ValueError, match="vanish"):
        normalized(torch.zeros(3, 3))
