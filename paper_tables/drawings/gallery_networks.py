"""Objectives of every method on small networks, which are trained for seconds where a method looks
into one or learns its masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

import torch
from lightning.fabric import Fabric
from torch import Tensor

from mixlib.catalog import build as builder
from mixlib.catalog.methods import method
from mixlib.core.method import Method
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce, Objective
from mixlib.core.policy import Policy
from mixlib.data.shapes.scenes import Shapes
from mixlib.models.attention import last_attention
from mixlib.seed import generator
from mixlib.training.fit import fit
from mixlib.training.recipes import Recipe
from paper_tables.drawings.gallery_images import SIDE, generated_images
from paper_tables.drawings.mixed_pair import BY_AREA, MixedImage, label_notes, mixed_image

Trained = TypeVar("Trained", bound=Objective)

CLASSES = 10
BATCH = 32
IMAGES = 512  # that the networks learn on
EPOCHS = 4  # of the small network that saliency and attention are read from
MASK_EPOCHS = 19  # of a mask generator
RECIPE = Recipe(
    "gallery",
    "our choice",
    optimizer="adamw",
    lr=3e-3,
    block_lr=3e-2,
    weight_decay=0.01,
    batch=BATCH,
    epochs=EPOCHS,
    channels_last=False,
)

# objective -> hyper-parameters that differ: a few hundred steps stand for an epoch or two, so a
# fast average
QUICK: Mapping[str, Mapping[str, Any]] = {
    "automix": {"momentum": {"start": 0.9, "end": 0.9}},
    "adautomix": {"momentum": {"start": 0.9, "end": 0.9}},
}
# method -> hyper-parameters that suit small images which are always to be mixed
SHOWN: Mapping[str, Mapping[str, Any]] = {
    # the finest of the paper's grids: on coarse ones two images' shares of saliency hardly differ,
    # and cells keep the half that the prior wants at lambda = 1/2 (docs/methods/saliency.md)
    "puzzlemix": {"blocks": (16,)},
    "random_erasing": {"prob": 1.0},
    "supermix": {"side": 16},  # on coarser masks the small network finds no mixture of these pairs
}
UNIT = {"mean": (0.0,) * 3, "std": (1.0,) * 3}  # images in [0, 1] are not normalized
# method -> what the picture cannot show
PATCHES = ("patches, labeled one by one",)
NOTES: Mapping[str, tuple[str, ...]] = {
    "augmix": ("one image's views", "labels stay"),
    "sumix": (BY_AREA, "in training by what the network sees"),
    "tokenlabel": PATCHES,
    "mixtoken": PATCHES,
    "puzzlemix": ("the finest of its grids",),
}
BY_ATTENTION = (BY_AREA, "in training by attention")
OWN_LOSS = ("a loss of its own, not seen here",)
TOKENS = ("tokenlabel", "mixtoken")  # objectives of a transformer's patches


class Batches:
    """The images that the networks learn on, in a new order every epoch."""

    def __init__(self, images: Tensor, labels: Tensor, seed: int) -> None:
        self.images, self.labels, self.seed = images, labels, seed

    def __len__(self) -> int:
        return len(self.images) // BATCH

    def epoch(self, e: int, start_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of epoch e from ``start_step`` on."""
        order = torch.randperm(
            len(self.images), generator=generator(self.seed, "gallery", "order", e)
        )
        for batch in order.split(BATCH)[start_step : len(self)]:
            yield self.images[batch], self.labels[batch]


class GalleryNetworks:
    """Mixes pairs with any method; a network is trained when the first method asks for it.

    Args:
        seed: of all networks.
        images: how many the networks learn on.
        mask_epochs: of a mask generator.

    Example:
        >>> from paper_tables.drawings.gallery_images import gallery_images
        >>> images, labels = gallery_images("generated", 2)
        >>> GalleryNetworks().mix("mixup", images, labels, 0.25, seed=0).weights
        (0.25, 0.75)
    """

    def __init__(self, seed: int = 0, images: int = IMAGES, mask_epochs: int = MASK_EPOCHS) -> None:
        self.seed, self.images, self.mask_epochs = seed, images, mask_epochs
        self._objectives: dict[str, Objective] = {}

    def mix(self, name: str, pair: Tensor, labels: Tensor, lam: float, seed: int) -> MixedImage:
        """The first image of a pair, mixed with the second.

        Args:
            name: a row of the catalog of methods.
            pair: [2, 3, H, W] in [0, 1].
            labels: int64 [2].
            lam: share of the first that is asked for; methods with a law of their own ignore it.
            seed: of everything else that the method draws.
        """
        row = method(name)
        objective = self.objective(row)
        try:
            mix, follows = objective.mix_at(pair, labels, lam, self._rng(row, seed)), True
        except ValueError:
            rng, network = self._rng(row, seed), self._network(row)
            mix = _policy(objective).choose(rng).draw(pair, labels, network, rng)
            follows = False
        made = mixed_image(mix, pair)
        about = ("labels by a teacher",) if mix.labels is not None else self._notes(row, objective)
        notes = (*about, *label_notes(mix, made, lam if follows else None))
        return MixedImage(made.image.clamp(0, 1), made.shares, made.weights, notes, follows)

    def _rng(self, row: Method, seed: int) -> torch.Generator:
        return generator(seed, "gallery", row.name)

    def objective(self, row: Method) -> Objective:
        """A method's objective; one that learns its masks is trained for a moment."""
        if row.name not in self._objectives:
            objective = builder.objective(
                row.name,
                self._network(row),
                self._params(row),
                RECIPE,
                steps=self.mask_epochs * len(self.batches),
                seed=self.seed,
            )
            if row.objective in QUICK:
                self._fit(objective, replace(RECIPE, epochs=self.mask_epochs))
            objective.eval()
            self._objectives[row.name] = objective
        return self._objectives[row.name]

    def _params(self, row: Method) -> dict[str, Any]:
        """Hyper-parameters: the catalog's for generated images, but for what suits a picture."""
        given = row.params_for("generated")
        given |= {word: value for word, value in UNIT.items() if word in given}
        given |= SHOWN.get(row.name, {})
        for word, value in QUICK.get(row.objective, {}).items():
            given[word] = {**given.get(word, {}), **value}
        if "teacher" in row.needs and row.objective == "once":
            given["teacher"] = self.net
        return given

    def _network(self, row: Method) -> Net:
        if row.objective in TOKENS or "attention" in row.needs:
            return self.transformer
        if row.needs:
            return self.net
        return builder.net("resnet10_w16", CLASSES, self.seed)

    def _notes(self, row: Method, objective: Objective) -> tuple[str, ...]:
        """What the pictures of a method cannot show."""
        if row.objective in QUICK:
            return (f"learned in {self.mask_epochs * len(self.batches)} steps",)
        if row.rule is not None:
            return BY_ATTENTION if "attention" in row.needs else OWN_LOSS
        if row.name in NOTES:
            return NOTES[row.name]
        hidden = [site for site in _policy(objective).places if site != "input"]
        return ("at the input", f"also at {', '.join(hidden)}") if hidden else ()

    @cached_property
    def batches(self) -> Batches:
        """What the networks learn on."""
        world = Shapes(train=self.images, val=0, size=SIDE, seed=1)
        return Batches(*generated_images(world), self.seed)

    @cached_property
    def net(self) -> Net:
        """The small network, trained without mixing."""
        network = builder.net("resnet10_w16", CLASSES, self.seed)
        return self._fit(MixOnce(network, builder.policy("vanilla")), RECIPE).net

    @cached_property
    def transformer(self) -> Net:
        """A small one, for methods that read attention."""
        from timm.models.vision_transformer import VisionTransformer

        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            model = VisionTransformer(
                img_size=SIDE, patch_size=8, embed_dim=48, depth=3, num_heads=3,
                num_classes=CLASSES, dynamic_img_size=True,
            )  # fmt: skip
        network = Net(model, {"attention": last_attention(model)}, layout="tokens")
        recipe = replace(RECIPE, lr=1e-3)
        return self._fit(MixOnce(network, builder.policy("vanilla")), recipe).net

    def _fit(self, objective: Trained, recipe: Recipe) -> Trained:
        """Trains an objective in place and returns it."""
        fabric = Fabric(accelerator="cpu", devices=1)
        fabric.launch()
        fit(objective, self.batches, None, recipe, seed=self.seed, fabric=fabric)
        objective.eval()
        return objective


def _policy(objective: Objective) -> Policy:
    """The policy of an objective that does not learn its masks.

    Raises:
        TypeError: it has none.
    """
    if objective.policy is None:
        raise TypeError(f"{type(objective).__name__} has no policy that could be shown")
    return objective.policy
