"""Batches are the same after a restart, with other numbers of processes, and cut among ranks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from mixlib.data.augmentations import AUGMENTS
from mixlib.data.images import Images
from mixlib.data.loader import Loader
from mixlib.data.readers import read
from mixlib.data.shapes.scenes import CLASS_NAMES, Shapes, render_split

STATISTICS = {"mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2)}
NAMES = ["cifar", "tiny", "fine", "deit", "rsb_a2"]


@pytest.fixture(scope="module")
def images():
    pixels, labels = render_split(Shapes(train=22, size=24), "train")
    return Images(labels, CLASS_NAMES, pixels=pixels)


@pytest.fixture(scope="module")
def files(images, tmp_path_factory):
    root = tmp_path_factory.mktemp("files")
    for index, label in enumerate(images.labels.tolist()):
        folder = root / "train" / CLASS_NAMES[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images.pixels[index]).save(folder / f"{index:03d}.png")
    return read("imagefolder", root, "train")


def make(images, name="cifar", batch=4, seed=0, train=True, **more):
    augment = AUGMENTS[name].resized(24)
    return Loader(images, augment, batch, seed, train, **STATISTICS, **more)


def same(first, second):
    assert len(first) == len(second)
    for (x, y), (u, v) in zip(first, second, strict=True):
        assert torch.equal(x, u)
        assert torch.equal(y, v)


@pytest.mark.parametrize("name", NAMES)
def test_an_epoch_repeats_and_can_be_entered_at_any_step(images, name):
    loader = make(images, name)
    whole = list(loader.epoch(3))
    assert len(whole) == len(loader) == 5
    same(whole, list(make(images, name).epoch(3)))
    for start in range(6):
        same(whole[start:], list(loader.epoch(3, start)))


@pytest.mark.parametrize("name", NAMES)
def test_batches_are_what_networks_expect(images, name):
    for x, y in make(images, name).epoch(0):
        assert (x.shape, x.dtype, y.dtype) == ((4, 3, 24, 24), torch.float32, torch.int64)
        assert x.is_contiguous(memory_format=torch.channels_last)


def test_epochs_and_seeds_differ(images):
    first = next(make(images).epoch(0))[0]
    assert not torch.equal(first, next(make(images).epoch(1))[0])
    assert not torch.equal(first, next(make(images, seed=1).epoch(0))[0])


@pytest.mark.parametrize("name", ["tiny", "deit"])
def test_the_number_of_processes_changes_nothing(files, name):
    batches = [list(make(files, name, workers=workers).epoch(1, 2)) for workers in (0, 1, 3)]
    same(batches[0], batches[1])
    same(batches[0], batches[2])


@pytest.mark.parametrize("name", ["cifar", "deit"])
def test_ranks_share_the_global_batch(images, name):
    whole = list(make(images, name).epoch(0))
    ranks = [list(make(images, name, rank=rank, world=2).epoch(0)) for rank in range(2)]
    for step, (x, y) in enumerate(whole):
        for rank in range(2):
            # A smaller matrix product may differ in the last bits.
            assert torch.allclose(ranks[rank][step][0], x[rank::2], atol=1e-4)
            assert torch.equal(ranks[rank][step][1], y[rank::2])


def test_training_visits_every_image_once_and_drops_the_rest(images):
    order = make(images).order(0)
    assert sorted(order.tolist()) == list(range(22))
    assert sum(len(y) for _, y in make(images).epoch(0)) == 20


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("kind", ["memory", "files"])
def test_testing_visits_every_image_once_in_order(images, files, kind, world):
    held = images if kind == "memory" else files
    seen = []
    for rank in range(world):
        loader = make(held, train=False, batch=7, rank=rank, world=world)
        assert len(loader) == 4
        seen += [y for _, y in loader.epoch(0)]
    assert sorted(torch.cat(seen).tolist()) == sorted(held.labels.tolist())
    if world == 1:
        assert torch.cat(seen).tolist() == held.labels.tolist()


def test_memory_and_files_give_the_same_test_inputs(files):
    memory = list(make(files.in_memory(), train=False).epoch(0))
    same(memory, list(make(files, train=False).epoch(0)))


def test_repeated_augmentation_shows_an_image_several_times_and_otherwise(images):
    order = make(images, "deit").order(0)
    counts = np.bincount(order.numpy(), minlength=22)
    assert len(order) == 22
    assert sorted(counts.tolist()) == [0] * 14 + [1] + [3] * 7
    x, _ = next(make(images, "deit").epoch(0))
    assert order[0] == order[1]
    assert not torch.equal(x[0], x[1])


def test_the_global_generator_is_left_alone(files):
    state = torch.get_rng_state()
    list(make(files, "deit", workers=1).epoch(0))
    list(make(files.in_memory(), "tiny").epoch(0))
    assert torch.equal(state, torch.get_rng_state())


def test_senseless_loaders_are_refused(images):
    with pytest.raises(ValueError, match="multiple of the 3 shards"):
        make(images, world=3)
    with pytest.raises(ValueError, match="full batch of 64, found 22"):
        make(images, batch=64)
    with pytest.raises(ValueError, match="rank must lie"):
        make(images, rank=2, world=2)


def test_an_image_is_normalized(images):
    x, _ = next(make(images, "none", train=False, batch=22).epoch(0))
    wanted = (images.pixels / 255 - 0.5) / 0.2
    assert np.allclose(x.permute(0, 2, 3, 1).numpy(), wanted, atol=1e-5)


def test_the_augmentation_changes_with_the_settings_only(images):
    loader = make(images)
    other = Loader(images, replace(loader.augment, flip=0.0), 4, 0, True, **STATISTICS)
    assert torch.equal(loader.order(0), other.order(0))
