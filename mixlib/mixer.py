"""Mixers: any method of the catalog as a function of a batch, for one's own training loop.

    mixer = mixlib.build("cutmix", alpha=1.0)
    mixed = mixer(images, labels, rng)
    loss = mixed.loss(model(mixed.images))

A mixer is a catalog row with its parameters; what it returns knows the images, the labels and how
both were mixed.  Methods that mix inside the network, or whose labels come from the forward pass,
cannot be a function of a batch: :func:`build` says what to use for them.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from mixlib.catalog.methods import check_released, method
from mixlib.catalog.parameters import check_names, looked_into, with_networks
from mixlib.core.annotated_boxes import MixedBoxes, mix_boxes, mix_points
from mixlib.core.annotations import mix_masks
from mixlib.core.arguments import Share, checked, converted
from mixlib.core.batch import check_batch
from mixlib.core.choice import Choice
from mixlib.core.labels import BinaryCrossEntropy, CrossEntropy, LabelRule, soft_targets
from mixlib.core.method import Method, resolve
from mixlib.core.mix import Mix, blend
from mixlib.core.net import Net
from mixlib.core.policy import Policy

Targets = Literal["multiclass", "multilabel"]

__all__ = ["Mixed", "Mixer", "build", "check_batch"]


@dataclass(frozen=True)
class Mixed:
    """A mixed batch.

    Attributes:
        images: [B, C, H, W], mixed; dtype, device and memory format of the batch.
        labels: the labels as they were given, int64 [B] or soft [B, Y]; a method that makes labels
            (ReLabel) puts its own in their place, in ``mix.labels``.
        mix: who was mixed with whom, where and how much.
        rule: the method's own label rule, None for the cross-entropy of the label shares.

    Example:
        >>> rng = torch.Generator().manual_seed(0)
        >>> mixed = build("mixup")(torch.ones(2, 3, 4, 4), torch.tensor([0, 1]), rng)
        >>> mixed.images.shape, mixed.targets(3).sum(1).tolist()
        (torch.Size([2, 3, 4, 4]), [1.0, 1.0])
    """

    images: Float[Tensor, "B C H W"]
    labels: Shaped[Tensor, "B *Y"]
    mix: Mix
    rule: LabelRule | None = None

    def targets(self, classes: int | None = None, smoothing: float = 0.0) -> Float[Tensor, "B Y"]:
        """Mixed labels as rows over the classes.

        Args:
            classes: how many; may be left out where the labels are soft.
            smoothing: every label is smoothed before it is mixed, off value smoothing / classes.

        Raises:
            ValueError: ``classes`` is missing, or differs from that of soft labels.
        """
        mix = self._labeled()
        if mix.labels is not None:
            classes = classes or mix.labels.shape[1]
        elif classes is None:
            raise ValueError("labels are class indices: say how many classes there are")
        return soft_targets(mix, self._indices(), classes, smoothing)

    def loss(self, logits: Float[Tensor, "B Y"], rule: LabelRule | None = None) -> Tensor:
        """Mean loss of the batch, under the method's rule unless another is given.

        Raises:
            ValueError: logits of another shape; a rule that reads class indices was given soft
                labels, or a softmax cross-entropy rows of several labels an image.
        """
        if logits.ndim != 2 or len(logits) != len(self.labels):
            raise ValueError(
                f"expected logits [B, classes] of the batch's {len(self.labels)} images, found "
                f"{tuple(logits.shape)}"
            )
        rule = rule or self.rule or CrossEntropy()
        several = self.labels.ndim == 2 and not self.labels.is_floating_point()
        if several and isinstance(rule, CrossEntropy):
            raise ValueError(
                f"labels {tuple(self.labels.shape)} of integers are several labels an image: "
                'mixlib.build(..., targets="multilabel"), or labels.float() for rows that sum to '
                "one"
            )
        return rule(self._labeled(), logits, {}, self._indices())

    def masks(
        self, target: Shaped[Tensor, "B *rest"], classes: int | None = None, ignore: int = 255
    ) -> Shaped[Tensor, "B *shown"]:
        """Segmentation targets of the mixed images, see :func:`mixlib.core.annotations.mix_masks`.

        Args:
            target: class maps, integers [B, H, W], or shares [B, C, H, W], of the images as given.
            classes: how many, for soft maps [B, classes, H, W]; None: class maps again, of the
                source that shows most at every pixel.
            ignore: the class of pixels without one.
        """
        return mix_masks(self.mix, target.to(self.mix.source.device), classes, ignore)

    def boxes(
        self,
        boxes: Sequence[Float[Tensor, "_ corners"]],
        labels: Sequence[Shaped[Tensor, " _"]],
        least: float = 0.0,
    ) -> list[MixedBoxes]:
        """Boxes of the mixed images, cut to what is shown, with the share of each that is shown and
        its label weight, see :func:`mixlib.core.annotated_boxes.mix_boxes`.

        Args:
            boxes, labels: of the images as given: (x1, y1, x2, y2) in pixels, and a label each.
            least: boxes of which no larger share is shown are left out.
        """
        size = (self.images.shape[-2], self.images.shape[-1])
        return mix_boxes(self.mix, size, boxes, labels, least)

    def points(
        self, points: Sequence[Float[Tensor, "_ 2"]]
    ) -> list[tuple[Float[Tensor, "_ 2"], Float[Tensor, " _"], Int[Tensor, " _"]]]:
        """Keypoints of the mixed images with the weight of the mask where they lie, and the sample
        they come from, see :func:`mixlib.core.annotated_boxes.mix_points`."""
        return mix_points(self.mix, (self.images.shape[-2], self.images.shape[-1]), points)

    def _labeled(self) -> Mix:
        """The mix with its soft labels: the method's own, else those that were given."""
        if self.mix.labels is not None or self.labels.ndim == 1:
            return self.mix
        return replace(self.mix, labels=self.labels.to(self.mix.weight))

    def _indices(self) -> Int[Tensor, " B"]:
        """Class indices, the largest of soft labels."""
        labels = self.labels if self.labels.ndim == 1 else self.labels.argmax(1)
        return labels.to(self.mix.weight.device)


@dataclass(frozen=True)
class Mixer:
    """A method, ready to mix batches.  Stateless: all randomness comes from the generator.

    Attributes:
        method: its catalog row.
        policy: decides the mask.
        params: what it was built with.
        net: the network that it looks into, for methods that need one.
        rule: its own label rule, None for the cross-entropy of the label shares.

    Example:
        >>> mixer = build("cutmix", alpha=0.5)
        >>> mixer.params["alpha"], mixer.method.title
        (0.5, 'CutMix')
    """

    method: Method
    policy: Policy
    params: Mapping[str, Any]
    net: Net | None = None
    rule: LabelRule | None = None

    def __call__(
        self,
        images: Float[Tensor, "B C H W"],
        labels: Shaped[Tensor, "B *Y"],
        rng: torch.Generator,
    ) -> Mixed:
        """Mixes a batch of any size from 1, on any device.

        Args:
            images: floating point, any precision.
            labels: int64 [B], or soft [B, Y] (a method that asks a network about classes then takes
                the largest).
            rng: a generator on the CPU (no waiting for the GPU) or on the images' device.

        Raises:
            TypeError: images are not floating point, or ``rng`` is no generator.
            ValueError: no image, shapes that do not fit together, class indices in a column.
        """
        check_batch(images, labels)
        if not isinstance(rng, torch.Generator):
            raise TypeError(
                "expected a torch.Generator as third argument, e.g. "
                f"torch.Generator().manual_seed(0), got {type(rng).__name__}"
            )
        hard = labels if labels.ndim == 1 else labels.argmax(1)
        mix = self.policy.choose(rng).draw(images, hard, self.net, rng)
        return Mixed(blend(mix, images), labels, mix, self.rule)


def build(
    name: str,
    *,
    net: nn.Module | None = None,
    family: str = "default",
    released: bool = False,
    prob: float | None = None,
    targets: Targets = "multiclass",
    **params: Any,
) -> Mixer:
    """A mixer by the name of its method.

    Args:
        name: a row of ``mixlib.METHODS``.
        net: the network in training (any classifier, or a :class:`mixlib.core.net.Net`), for
            methods that look into it; a ``teacher=`` (any classifier) is looked into instead.
        family: whose hyper-parameters are the defaults: "default" (the method's own paper),
            "cifar", "tiny", "imagenet", ... (the AutoMix paper's appendix), "deit", "rsb".
        released: as the released code has it: the row's ``released`` fields.
        prob: probability that a batch is mixed at all; a method with such a parameter of its own
            (relabel, stochastic, random_erasing) gets it for that.
        targets: "multilabel": rows of 0 and 1, a sigmoid for every class in ``mixed.loss``.
        params: changes of the method's parameters.

    Raises:
        KeyError: no such method or family; names the nearest one.
        TypeError: no such parameter; lists those of the method.
        ValueError: the method needs a net and got none, is no function of a batch, or has no
            released variant.

    Example:
        >>> import mixlib
        >>> images, labels = torch.zeros(4, 3, 8, 8), torch.arange(4)
        >>> mixed = mixlib.build("cutmix", alpha=1.0)(images, labels, torch.Generator())
        >>> mixed.images.shape, mixed.targets(classes=10).shape
        (torch.Size([4, 3, 8, 8]), torch.Size([4, 10]))
    """
    row = method(name)
    _refuse_objectives(row)
    make = resolve(row.path())
    known = [*inspect.signature(make).parameters, *row.rule_params]
    if prob is not None and "prob" in known:
        params, prob = {**params, "prob": prob}, None
    check_names(name, params, [*known, "released"])
    if released:
        check_released(row)
    given, of_rule = row.split({**row.params_for(family, released=released), **params})
    taught = any(isinstance(value, nn.Module) for value in given.values())
    policy = checked(make)(**with_networks(row, given))
    if prob is not None and prob != 1:
        policy = Choice((policy,), (converted(prob, Share, f"{name}: ", "prob"),))
    _refuse_hidden(row, policy)
    if row.needs and net is None and not taught:
        raise _without_network(row, known)
    targets = converted(targets, Targets, f"{name}: ", "targets")
    network = None if net is None else looked_into(row, net)
    if targets == "multilabel" and row.rule is None:
        return Mixer(row, policy, given, network, BinaryCrossEntropy())
    rule = None if row.rule is None else checked(resolve(row.path(row.rule)))(**of_rule)
    return Mixer(row, policy, given, network, rule)


def _refuse_hidden(row: Method, policy: Policy) -> None:
    """Refuses a policy that mixes inside the network."""
    hidden = [site for site in policy.places if site != "input"]
    if hidden:
        raise ValueError(
            f"{row.title} mixes inside the network (at {', '.join(hidden)}), so it cannot mix "
            "images alone; in the training step use\n"
            f"    objective = mixlib.objective({row.name!r}, model)\n"
            "    loss = objective(images, labels).loss"
        )


def _without_network(row: Method, known: list[str]) -> ValueError:
    word = "teacher" if "teacher" in known and "teacher" in row.needs else "net"
    return ValueError(
        f"{row.title} looks into a network ({', '.join(sorted(row.needs))}): "
        f"mixlib.build({row.name!r}, {word}=model)"
    )


def _refuse_objectives(row: Method) -> None:
    """Methods that are more than a mix of a batch.

    Raises:
        ValueError: says what to use instead.
    """
    if row.objective != "once":
        raise ValueError(
            f"{row.title} is a training objective of its own, not a mix of a batch: "
            f"mixlib.objective({row.name!r}, model, steps=...); its parts are built by "
            f"{row.path().replace(':', '.')}, see docs/methods.md"
        )
    if row.rule is not None and resolve(row.path(row.rule))().taps:
        raise ValueError(
            f"{row.title} takes its labels from the forward pass; in the training step use\n"
            f"    objective = mixlib.objective({row.name!r}, model)\n"
            "    loss = objective(images, labels).loss"
        )
