"""SaliencyMix and Attentive CutMix: maps, peaks, boxes, cells and images as recorded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mixlib
from mixlib.core.lam import Beta
from mixlib.core.mix import blend
from mixlib.core.net import Net
from mixlib.methods.attentivemix import Attentive, attended, attentivemix
from mixlib.methods.saliencymix import box_around, saliencymix
from mixlib.saliency.fine_grained import bytes_of, fine_grained, fine_grained_of_floats, peak


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


@pytest.mark.parametrize("case", range(8))
def test_official_maps_peaks_and_boxes(golden, case):
    data, at = golden("methods/saliencymix"), f"c{case:02d}_"
    image = tensor(data[at + "image_hwc"]).permute(2, 0, 1)[None]
    found = fine_grained(image)
    assert torch.equal(found[0], tensor(data[at + "map_u8"]))
    assert torch.equal(found[0], tensor(data[at + "map_trunc_u8"]))
    center = peak(found)
    assert torch.equal(center[0], tensor(data[at + "argmax_rc"]))
    # on floats the released map is another one altogether
    assert abs(float(data[at + "corr_with_released_float"])) < 0.25
    assert not np.array_equal(data[at + "released_float_argmax_rc"], data[at + "argmax_rc"])
    lam = tensor(data[at + "lam_in"])
    boxes = box_around(center.expand(len(lam), 2), lam, tuple(image.shape[-2:]))
    expected = tensor(data[at + "box_r0c0r1c1_lam"])
    corners = torch.cat([boxes.edges[:, :2], boxes.edges[:, :2] + boxes.edges[:, 2:]], 1)
    assert torch.equal(corners.double(), expected[:, :4])
    torch.testing.assert_close(boxes.share_outside(), expected[:, 4])


def test_openmixup_maps_and_masks(golden):
    data = golden("automix/saliencymix")
    images = tensor(data["u8"]).permute(0, 3, 1, 2)
    found = fine_grained(images)
    assert torch.equal(found, tensor(data["sal_u8_rgb_order"]))
    assert torch.equal(peak(found), tensor(data["peak_u8"]))
    # as released, from floats read as bytes: equal, too, and with its peaks elsewhere
    theirs = fine_grained_of_floats(tensor(data["x"]))
    assert torch.equal(theirs, tensor(data["sal_float_openmixup"]))
    assert torch.equal(peak(theirs), tensor(data["peak_float"]))
    for case in range(2):
        at = f"c{case}_"
        partner, lam = tensor(data[at + "perm"]), tensor(data[at + "lam"])[None]
        for centers, key in (("peak_float", "box_"), ("peak_u8", "box_u8_")):
            boxes = box_around(tensor(data[centers])[partner[:1]], lam, (32, 32))
            top, left, height, width = boxes.edges[0].tolist()
            expected = data[at + key + "r0r1c0c1"].tolist()
            assert [top, top + height, left, left + width] == expected
            if centers == "peak_float":
                pasted = boxes.inside()[0].to(torch.uint8)
                assert torch.equal(pasted, tensor(data[at + "mask"]))
                assert abs(float(boxes.share_outside()) - float(data[at + "lam_adj"])) < 1e-6


def test_official_maps_of_floats(golden):
    """The recording holds peaks and correlations, not the floats: statistics of CIFAR-100 give
    them up to the rounding of the lowest bytes."""
    data, same = golden("methods/saliencymix"), 0
    mean, std = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)
    for case in range(8):
        at = f"c{case:02d}_"
        x = (tensor(data[at + "image_hwc"]).double() / 255 - tensor(mean)) / tensor(std)
        found = fine_grained_of_floats(x.float().permute(2, 0, 1)[None])
        same += torch.equal(peak(found)[0], tensor(data[at + "released_float_argmax_rc"]))
        both = np.corrcoef(found.flatten().numpy(), data[at + "map_u8"].ravel())[0, 1]
        assert abs(both - float(data[at + "corr_with_released_float"])) < 0.01
    assert same >= 7


def test_released_boxes_are_one_per_batch_at_the_float_peak(golden):
    x = tensor(golden("automix/saliencymix")["x"])
    centers = peak(fine_grained_of_floats(x))
    seen = set()
    for seed in range(12):
        mix = mixlib.policy("saliencymix", released=True).draw(
            x, torch.arange(3), None, torch.Generator().manual_seed(seed)
        )
        assert len(mix.mask.edges) == 1
        first = int(mix.source[0, 1])
        seen.add(first)
        row, col = centers[first].tolist()
        assert mix.mask.inside()[0, row, col] or float(mix.weight[0, 0]) > 0.99
    assert seen == {0, 1, 2}
    small = torch.rand(2, 3, 1, 1)
    mix = mixlib.policy("saliencymix", released=True).draw(
        small, torch.arange(2), None, torch.Generator()
    )
    assert blend(mix, small).isfinite().all()


def test_every_sample_gets_the_peak_of_its_partner():
    x = torch.zeros(3, 3, 64, 64)
    spots = [(9, 50), (40, 12), (30, 33)]
    for b, (row, col) in enumerate(spots):
        x[b, :, row - 1 : row + 2, col - 1 : col + 2] = 1.0
    policy = saliencymix(mean=(0.0,) * 3, std=(1.0,) * 3)
    mix = policy.draw(x, torch.arange(3), None, torch.Generator().manual_seed(1))
    inside = mix.mask.inside()
    for b in range(3):
        row, col = spots[int(mix.source[b, 1])]
        assert inside[b, row, col] or mix.weight[b, 0] > 0.999


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (3, 40), (150, 130)])
def test_any_size_has_a_map(size):
    images = torch.randint(256, (2, 3, *size), dtype=torch.uint8)
    assert fine_grained(images).shape == (2, *size)
    flat = torch.full((1, 3, *size), 7, dtype=torch.uint8)
    assert fine_grained(flat).max() == 0
    normalized = (images.float() / 255 - 0.4) / 0.2
    assert torch.equal(bytes_of(normalized, (0.4,) * 3, (0.2,) * 3), images)


@pytest.mark.parametrize("case", range(4))
def test_official_attended_cells(golden, case):
    data, at = golden("methods/attentivecutmix"), f"c{case:02d}_"
    features, k = tensor(data[at + "features"]), int(data[at + "k"])
    count = torch.full((len(features),), k)
    for key, maps in (("channel_mean", features), ("last_channel", features[:, -1:])):
        cells = attended(maps, count).flatten(1)
        expected = torch.zeros_like(cells).scatter_(1, tensor(data[at + f"idx_{key}"]), True)
        assert torch.equal(cells, expected)
    share = float(attended(features, count).float().mean())
    assert abs(share - float(data[at + "lam_pasted"])) < 1e-6


@pytest.mark.parametrize(("name", "case"), [(n, c) for n in ("", "_b") for c in range(2)])
def test_openmixup_attentive_images(golden, name, case):
    data, at = golden(f"automix/attentivemix{name}"), f"c{case}_"
    x, features = tensor(data["x"]), tensor(data["features"])
    top = int(data[at + "top_k"])
    policy = Attentive(Beta(1.0), cells=None if top < 0 else top)
    lam = tensor(data[at + "lam"]).expand(len(x))
    mix = policy.solve(features, tensor(data[at + "perm"]), lam, tuple(x.shape[-2:]))
    assert torch.equal(mix.mask[:, 0].to(torch.uint8), tensor(data[at + "mask"]))
    torch.testing.assert_close(mix.weight[0, 0], tensor(data[at + "lam_adj"]).float())
    torch.testing.assert_close(blend(mix, x), tensor(data[at + "img"]), atol=1e-6, rtol=1e-6)


def test_attention_comes_from_the_teacher_or_the_net_itself():
    body = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, 2), torch.nn.BatchNorm2d(4))
    net = Net(torch.nn.Sequential(body, torch.nn.Flatten(), torch.nn.LazyLinear(2)), {"map": "0"})
    x, y = torch.randn(3, 3, 16, 16), torch.arange(3)
    for policy in (
        attentivemix(map_site="map", side=None),
        attentivemix(map_site="map", teacher=net, side=32),
    ):
        mix = policy.draw(x, y, net, torch.Generator().manual_seed(0))
        torch.testing.assert_close(mix.weight, mix.dense().mean((2, 3)))
    assert net.training
    assert body[1].num_batches_tracked == 0
    with pytest.raises(ValueError, match="teacher"):
        attentivemix().draw(x, y, None, torch.Generator())
