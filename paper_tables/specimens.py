"""What does a method make of a given pair of images at a given lambda?  One specimen of each: the
mixed image, whose pixel is where, and the label weights."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from mixlib.catalog import build as builder
from mixlib.catalog.methods import method
from mixlib.core.lam import Fixed, LamLaw
from mixlib.core.method import Method
from mixlib.core.mix import Mix, blend
from mixlib.core.net import Net
from mixlib.core.objective import MixOnce, Objective
from mixlib.core.policy import Policy
from mixlib.data.folders import list_images
from mixlib.data.open_image import open_image
from mixlib.data.shapes.scenes import Shapes, render_split
from mixlib.methods.augmix.consistency import Consistency
from mixlib.methods.automix.draws import Draw
from mixlib.methods.automix.joint import JointMix
from mixlib.methods.automix.objective import AutoMix
from mixlib.methods.tokenlabel import TokenLabels
from mixlib.models.attention import last_attention
from mixlib.seed import generator

CLASSES = 10
STEPS = 60  # of the small network that saliency and attention are read from
BATCH = 32
LEARN = 300
SIDE = 64


@dataclass(frozen=True)
class Specimen:
    """One mixed image.

    Attributes:
        image: [3, H, W] in [0, 1].
        shares: [3, H, W], per pixel the share of the own image, the partner and neither (a fill).
        weights: label shares of the own image and of the partner.
        note: what the picture cannot show, or "".
        asked: whether lambda was as wished; False for methods that have a law of their own.
    """

    image: Tensor
    shares: Tensor
    weights: tuple[float, float]
    note: str = ""
    asked: bool = True


def pictures(source: str, count: int) -> tuple[Tensor, Tensor]:
    """Images [count, 3, H, W] in [0, 1] and their labels (0 where they are unknown).

    Args:
        source: "generated", or a folder of images, taken in the order of their names.
        count: how many.

    Raises:
        FileNotFoundError: the folder holds fewer images.
    """
    if source == "generated":
        images, labels = render_split(Shapes(train=count, val=0, size=SIDE, noise=2), "train")
        return _unit(images), torch.from_numpy(labels)
    paths = list_images(Path(source)).paths[:count]
    if len(paths) < count:
        raise FileNotFoundError(f"{source}: expected {count} images, found {len(paths)}")
    shown = []
    for path in paths:
        picture = open_image(path)
        side = min(picture.size)
        left, top = ((length - side) // 2 for length in picture.size)
        cut = picture.crop((left, top, left + side, top + side)).resize((2 * SIDE, 2 * SIDE))
        shown.append(np.asarray(cut))
    return _unit(np.stack(shown)), torch.zeros(count, dtype=torch.int64)


def _unit(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images.copy()).permute(0, 3, 1, 2).float() / 255


class Studio:
    """Makes specimens; networks are trained when the first method asks for one, for seconds.

    Args:
        seed: of all networks.
        learn: steps of a mask generator.
    """

    def __init__(self, seed: int = 0, learn: int = LEARN) -> None:
        self.seed = seed
        self.learn = learn

    @cached_property
    def data(self) -> tuple[Tensor, Tensor]:
        """What the networks learn on."""
        images, labels = render_split(Shapes(train=512, val=0, size=SIDE, seed=1), "train")
        return _unit(images), torch.from_numpy(labels)

    def _fit(self, objective: Objective, steps: int, lr: float) -> None:
        images, labels = self.data
        order = generator(self.seed, "gallery", "order")
        rng = generator(self.seed, "gallery", "mix")
        groups = [
            {"params": group, "lr": 10 * lr if name == "block" else lr}
            for name, group in objective.groups().items()
        ]
        optimizer = torch.optim.AdamW(groups)
        objective.train()
        for i in range(steps):
            batch = torch.randint(len(images), (BATCH,), generator=order)
            loss = objective(images[batch], labels[batch], rng).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            objective.after_step(i)
        objective.eval()

    @cached_property
    def net(self) -> Net:
        """The small network, trained without mixing."""
        net = builder.net("resnet10_w16", CLASSES, self.seed)
        self._fit(MixOnce(net, builder.policy("vanilla")), STEPS, 3e-3)
        return net

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
        net = Net(model, {"attention": last_attention(model)}, layout="tokens")
        self._fit(MixOnce(net, builder.policy("vanilla")), STEPS, 1e-3)
        return net

    @cached_property
    def _objectives(self) -> dict[str, Objective]:
        return {}

    def objective(self, row: Method) -> Objective:
        """A method's own objective, trained for a moment if it learns its masks."""
        if row.name not in self._objectives:
            make = builder.constructor(row.build)
            words = {**row.params_for("generated"), **_plain(inspect.signature(make).parameters)}
            net = builder.net("resnet10_w16", CLASSES, self.seed)
            if "teacher" in inspect.signature(make).parameters:
                net = self.transformer  # labels of tokens, which nothing is learned of here
            # a few hundred steps stand for an epoch or two: a full lambda loss, a fast average
            quick = {"gamma": 1.0, "momentum": 0.9, "momentum_end": 0.9}
            words |= {k: v for k, v in quick.items() if k in inspect.signature(make).parameters}
            made = make(net, steps=self.learn, seed=self.seed, **words)
            if isinstance(made, AutoMix | JointMix):
                self._fit(made, self.learn, 3e-3)
            self._objectives[row.name] = made
        return self._objectives[row.name]

    def specimen(self, name: str, pair: Tensor, labels: Tensor, lam: float, seed: int) -> Specimen:
        """The first image of a pair, mixed with the second.

        Args:
            name: a row of ``mixlib.METHODS``.
            pair: [2, 3, H, W] in [0, 1].
            labels: int64 [2].
            lam: wished share of the first; methods with a law of their own ignore it.
            seed: of everything else that the method draws.
        """
        row = method(name)
        rng = generator(seed, "gallery", name)
        objective = None
        if row.objective == "once":
            policy, note, asked = self._policy(row, lam, rng)
            if row.rule is not None:
                note = "label by area; in training by attention"
        else:
            objective = self.objective(row)
            if isinstance(objective, AutoMix | JointMix):
                draw = Draw(torch.tensor([lam]), torch.tensor([1, 0]), 1)
                return specimen_of(
                    objective.mix_with(pair, draw), pair, f"learned in {self.learn} steps"
                )
            policy, note, asked = _of_objective(objective, lam)
        net = self.transformer if "attention" in row.needs else self.net if row.needs else None
        seen = pair
        if isinstance(objective, TokenLabels):
            # the mask of the patches, shown on the pixels that they cover
            seen = avg_pool2d(pair, objective.patch)
        mix = policy.draw(seen, labels, net, rng)
        if mix.labels is not None:
            note = "labels by a teacher"
        return replace(specimen_of(mix, pair, note), asked=asked)

    def _policy(self, row: Method, lam: float, rng: torch.Generator) -> tuple[Policy, str, bool]:
        make = builder.constructor(row.build)
        words = inspect.signature(make).parameters
        given = {**row.params_for(), **_plain(words)}
        for word in ("supervisor", "teacher"):
            if word in words and "teacher" in row.needs:
                given[word] = self.net
        made = make(**given)
        policy = fixed(made, lam)
        hidden = [site for site in policy.places if site != "input"]
        now = policy.settle(rng)
        while now.site != "input":
            now = policy.settle(rng)
        note = f"at the input; also at {', '.join(hidden)}" if hidden else ""
        return now, note, policy is not made


def _of_objective(objective: Objective, lam: float) -> tuple[Policy, str, bool]:
    """The policy of an objective that learns no masks, a note, and whether lambda is as wished.

    Raises:
        TypeError: it has no policy.
    """
    policy = getattr(objective, "policy", None)
    if not isinstance(policy, Policy):
        raise TypeError(f"{type(objective).__name__} has no policy that could be shown")
    if isinstance(objective, Consistency):
        return policy, "one image's views; labels stay", False
    made = fixed(policy, lam)
    note = "patches, labeled one by one" if isinstance(objective, TokenLabels) else ""
    return made, note, made is not policy


def _plain(words: Mapping[str, Any]) -> dict[str, Any]:
    """Words that suit small images in [0, 1] which are always to be mixed."""
    plain: dict[str, Any] = {"mean": (0.0,) * 3, "std": (1.0,) * 3, "prob": 1.0}
    if "map_site" in words:
        plain["side"] = None  # the network sees the image as it is
    return {word: value for word, value in plain.items() if word in words}


def fixed(policy: Any, lam: float) -> Any:
    """The same policy with this lambda wherever it draws one; itself where it draws none."""
    changes: dict[str, Any] = {}
    for part in fields(policy):
        value = getattr(policy, part.name)
        if part.name == "lam" and isinstance(value, LamLaw) and not isinstance(value, Fixed):
            changes["lam"] = Fixed(lam)
        elif part.name == "laws":
            changes["laws"] = tuple((law, Fixed(lam)) for law, _ in value)
        elif part.name == "policies":
            changes["policies"] = tuple(fixed(one, lam) for one in value)
        elif isinstance(value, Policy):
            changes[part.name] = fixed(value, lam)
    return replace(policy, **changes) if changes else policy


def specimen_of(mix: Mix, pair: Tensor, note: str) -> Specimen:
    """What a mix does to the first image of a pair."""
    image = blend(mix, pair)[0].clamp(0, 1)
    mask = mix.dense(tuple(pair.shape[2:]))[0].expand(-1, *pair.shape[2:])
    shares = torch.zeros(3, *pair.shape[2:])
    weights = [0.0, 0.0]
    for k, (source, weight) in enumerate(zip(mix.source[0], mix.weight[0], strict=True)):
        made = mix.parts is not None and mix.parts[k] is not None
        # content that earns no label and comes from no image: a fill
        place = 2 if made and k > 0 and not float(weight) else int(source)
        shares[place] += mask[k]
        weights[int(source)] += float(weight)
    return Specimen(image.detach(), shares.detach(), (weights[0], weights[1]), note)
