"""Pictures of trained networks: drawn without error, not empty, and the same bytes again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib import image, rc_context

from paper_tables.drawings import gradients, samples
from paper_tables.drawings.canvas import Drawing
from paper_tables.drawings.registry import load_drawing
from paper_tables.drawings.trained_networks import context_of
from paper_tables.measure import measure
from paper_tables.render import render
from pipelines.declare import scale, table
from pipelines.execute.train import trained_objective
from pipelines.plan import grid
from tests.paper_tables.computed import computed
from theory.gradients import input_gradients, normalized, product_map

TABLES = table.load_all()
TRAINED = ("fig4", "fig6", "fig7", "fig12")
SMALLEST = {"train": 64, "val": 40}


def tiny() -> scale.Scale:
    """The demo scale with a few steps on a few images."""
    demo = scale.load("demo")
    world = {"name": "shapes", "spec": SMALLEST}
    kinds = {"train": {"default": {**demo.settings("train", ""), "epochs": 3, "batch": 16}}}
    data = dict.fromkeys(demo.data, world)
    return replace(demo, seeds=1, seeds_of={}, data=data, kinds=kinds)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A plan of the pictures of trained networks, with its results."""
    names = (*TRAINED, "msda_fig4")
    plan = grid.plan({name: TABLES[name] for name in names}, tiny())
    with computed(plan, tmp_path_factory.mktemp("trained")) as store:
        yield plan, store


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_method_is_drawn(trained, name, tmp_path):
    plan, store = trained
    out = render(plan, name, store, tmp_path / "a") / "figure.png"
    again = render(plan, name, store, tmp_path / "b") / "figure.png"
    assert out.read_bytes() == again.read_bytes()
    pixels = image.imread(out)
    # a photograph has thousands of colors, axes alone a few dozen
    assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 2000


@pytest.mark.parametrize("name", ["fig6", "fig7", "fig12"])
def test_titles_say_what_a_mask_shows_and_epochs_are_whole(trained, name, monkeypatch):
    plan, store = trained
    kept = []
    monkeypatch.setattr(samples, "save", lambda figure, paths: kept.append(figure))
    numbers = measure(plan.tables[name], plan.cells[name], store)
    drawing = Drawing(plan.tables[name], plan.scale, numbers, plan.cells[name], store)
    load_drawing(plan.tables[name].figure)(drawing, ())
    assert samples.MASKS in " ".join(kept[0].get_suptitle().split())
    curves = [axis for axis in kept[0].axes if axis.get_xlabel() == "epoch"]
    assert len(curves) == (name == "fig6")
    for axis in curves:
        assert axis.get_ylabel() == "Top-1 (%)"
        assert all(tick == round(tick) for tick in axis.get_xticks())


def test_a_cut_box_is_said_below_its_picture(trained, tmp_path):
    """At lambda = 0 a strip of the other image is left."""
    plan, store = trained
    with rc_context({"svg.fonttype": "none"}):
        text = (render(plan, "fig4", store, tmp_path) / "figure.svg").read_text()
    assert "box cut at the" in text


def test_mixed_accuracy_is_measured_over_the_label_share(trained):
    plan, store = trained
    result = store.read(plan.needed("fig4")[0])
    assert set(result["metrics"]) == {"mixed_top1", "mixed_top2"}
    assert all(0 <= row["top2"] <= 100 and row["n"] >= row["pairs"] for row in result["history"])
    # every round of the 40 test images, none lost between the bins
    assert sum(row["n"] for row in result["history"]) == 4 * SMALLEST["val"]


def test_a_training_keeps_the_snapshots_that_were_asked_for(trained):
    plan, store = trained
    for job in plan.needed("fig7"):
        assert job.snapshots == (0, 2)
        kept = {path.name for path in store.folder(job).glob("objective-*.pt")}
        assert kept == {"objective-0000.pt", "objective-0002.pt"}
        metrics = store.read(job)["metrics"]
        assert metrics["parameters"] > 0.07
        assert metrics["step_ms"] > 0


def test_products_of_gradients_are_those_of_the_trained_networks(trained, tmp_path, monkeypatch):
    plan, store = trained
    monkeypatch.setattr(gradients, "IMAGES", 6)
    jobs = [cell.jobs[0] for cell in plan.cells["msda_fig4"]]
    vanilla, cutmix = (gradients.of_network(jobs[i], store) for i in (0, 2))
    assert vanilla.shape == (95, 95)
    assert vanilla.max() == vanilla[47, 47] == 1
    assert torch.equal(vanilla, vanilla.flip(0, 1))
    assert not torch.allclose(vanilla, cutmix, atol=0.05)
    x, y = gradients.spread(jobs[0], store, 6)
    # sorted by class on disk, so the first six would be of one or two
    assert len(y.unique()) == 6
    predictor = trained_objective(jobs[0], context_of(store), "objective.pt").predictor().eval()
    again = normalized(product_map(input_gradients(predictor, x, y)))
    assert torch.equal(vanilla, again)
    pictures = [
        (render(plan, "msda_fig4", store, tmp_path / at) / "figure.svg").read_bytes() for at in "ab"
    ]
    assert pictures[0] == pictures[1]
