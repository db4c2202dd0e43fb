"""Declared figures: their own products, their own words, and a picture of any method."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from timm.models.vision_transformer import VisionTransformer

from mixlib.catalog import build as builder
from mixlib.catalog.methods import METHODS
from mixlib.core.mix import pair
from mixlib.core.net import Net
from paper_tables.drawings import gallery
from paper_tables.drawings.mixed_pair import CLASSES, SIDE, Studio, fixed, pictures, specimen_of
from paper_tables.render import products, render
from pipelines.declare import scale, table
from pipelines.declare.errors import DeclarationError
from pipelines.execute.store import Store
from pipelines.plan import grid

FIGURES = """
paper: a test
tables: {}
figures:
  small:
    title: A small figure
    source: nowhere
    figure: gallery
    settings: {methods: [mixup, cutmix, cutout], lambdas: [0.5], pairs: 1}
"""


@pytest.fixture
def declared(tmp_path):
    path = tmp_path / "figures.yaml"
    path.write_text(FIGURES)
    return path


def test_a_figure_has_no_cells_and_renders(declared, tmp_path):
    plan = grid.plan(table.load(declared), scale.load("demo"))
    assert plan.cells["small"] == ()
    assert not plan.jobs
    render(plan, "small", Store(tmp_path / "results"), tmp_path)
    made = products(plan, "small", tmp_path)
    assert {path.suffix for path in made} == {".png", ".svg", ".json"}
    assert all(path.stat().st_size > 0 for path in made)
    first = made[0].read_bytes()
    render(plan, "small", Store(tmp_path / "results"), tmp_path)
    assert made[0].read_bytes() == first


def test_its_settings_are_its_address(declared):
    def address() -> str:
        plan = grid.plan(table.load(declared), scale.load("demo"))
        return grid.digest(plan.tables["small"], plan.scale, ())

    before = address()
    declared.write_text(FIGURES.replace("0.5", "0.4"))
    assert address() != before


def test_every_declared_figure_has_valid_settings():
    tables = [t for t in table.load_all().values() if t.kind == table.NO_CELLS]
    assert {"gallery", "fig1_samples", "msda_masks"} <= {t.name for t in tables}
    for found in tables:
        gallery.settings(found.name, dict(found.fixed))


@pytest.mark.parametrize(
    ("said", "words"),
    [({"lambda": [0.5]}, "no key 'lambda'; did you mean"), ({"methods": ["cutmx"]}, "'cutmix'")],
)
def test_wrong_words(said, words):
    with pytest.raises(DeclarationError, match=words):
        gallery.settings("figures.yaml: small", said)


@pytest.fixture(scope="module")
def studio():
    return Studio(learn=2)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_picture(name, studio):
    images, labels = pictures("generated", 2)
    shown = studio.specimen(name, images, labels, 0.5, 1)
    assert shown.image.shape == images.shape[1:]
    # every pixel once
    torch.testing.assert_close(shown.shares.sum(0), torch.ones(images.shape[2:]))
    assert 0.5 < sum(shown.weights) < 1.5
    if name != "tokenmix":  # labels by content need not sum to one
        assert sum(shown.weights) == pytest.approx(1)


@pytest.mark.parametrize("name", ["relabel", "tokenlabel", "mixtoken"])
def test_specimens_of_methods_with_a_teacher(name):
    images, labels = pictures("generated", 2)
    studio = Studio()
    # what the networks have learned does not matter here
    studio.net = builder.net("resnet10_w16_dense", CLASSES, 0)
    model = VisionTransformer(
        img_size=SIDE, patch_size=8, embed_dim=12, depth=1, num_heads=2, num_classes=CLASSES
    )
    studio.transformer = Net(model, {"last": "norm"}, layout="tokens")
    shown = studio.specimen(name, images, labels, 0.5, 1)
    torch.testing.assert_close(shown.shares.sum(0), torch.ones(images.shape[2:]))
    assert shown.shares.mean((1, 2))[0] == pytest.approx(shown.weights[0])
    assert shown.note
    assert shown.asked == (name != "tokenlabel")


def test_what_is_filled_earns_no_label():
    images, _ = pictures("generated", 2)
    own = torch.ones(2, 64, 64)
    own[:, :16] = 0
    fill = torch.zeros(2, 3, 64, 64)
    mix = pair(torch.arange(2), own, torch.ones(2), parts=(None, fill))
    shown = specimen_of(mix, images, "")
    assert shown.shares.mean((1, 2)).tolist() == [0.75, 0, 0.25]


def test_lambda_is_fixed_wherever_it_is_drawn():
    from mixlib.catalog.methods import method

    rng = torch.Generator().manual_seed(0)
    images, labels = pictures("generated", 2)
    mix = fixed(method("hmix").make(), 0.3).draw(images, labels, None, rng)
    assert mix.weight[:, 0].tolist() == pytest.approx([0.3, 0.3])


def test_a_folder_of_images(tmp_path):
    for name in "ba":
        pixels = np.full((20, 30, 3), 255 if name == "a" else 0, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    images, _ = pictures(str(tmp_path), 2)
    assert images.mean((1, 2, 3)).tolist() == [1.0, 0.0]
    with pytest.raises(FileNotFoundError, match="expected 4 images, found 2"):
        pictures(str(tmp_path), 4)
