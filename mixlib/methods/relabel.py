"""ReLabel: labels of every crop by a teacher, mixed by CutMix.

Yun et al., "Re-labeling ImageNet: from Single to Multi-Labels, from Global to Localized Labels",
CVPR 2021, section 3: the label of a training crop is the softmax of a teacher's scores, pooled over
the crop; the class label of the dataset is not used.  Section 4 adds CutMix on top: each source
brings its own pooled label, with its share of the area.

With stored maps the labels come with the batch, and ReLabel is CutMix of soft labels
(``image_targets`` has a ``released`` of its own):

    targets = mixlib.models.score_maps.image_targets(maps, crop)
    mixed = mixlib.build("cutmix")(images, targets, rng)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor, nn

from mixlib.core.arguments import Positive, Share, checked
from mixlib.core.choice import Choice
from mixlib.core.hyperparameters import same
from mixlib.core.method import Method
from mixlib.core.mix import Mix
from mixlib.core.net import Net
from mixlib.core.policy import Pairing, Policy, Scope
from mixlib.masks.clipped_boxes import OddSide
from mixlib.methods.cutmix import cutmix
from mixlib.models.score_map_teacher import MapTeacher


@dataclass(frozen=True, eq=False)
class ReLabel(Policy):
    """Another policy's mix of images, with the labels of a teacher.

    Args:
        policy: mixes images; at the input.
        teacher: labels them before they are mixed.
    """

    needs = frozenset({"teacher"})

    policy: Policy
    teacher: MapTeacher | None = None

    def without_mixing(self) -> Policy:
        # the labels are the teacher's to the end
        return replace(self, policy=self.policy.without_mixing())

    def check_net(self, net: Net) -> None:
        self.policy.check_net(net)

    def at(self, lam: float) -> Policy:
        return replace(self, policy=self.policy.at(lam))

    def draw(self, z: Tensor, y: Int[Tensor, " B"], net: Net | None, rng: torch.Generator) -> Mix:
        if self.teacher is None:
            raise ValueError(
                "ReLabel needs a teacher, a network trained on these classes: teacher=model (its "
                "labels replace those of the dataset, so the network in training cannot be it); "
                "with stored score maps use mixlib.build('cutmix') on soft labels, see "
                "mixlib.methods.relabel"
            )
        mix = self.policy.draw(z, y, net, rng)
        return replace(mix, labels=self.teacher.image(z))


@checked
def relabel(
    alpha: Positive = 1.0,
    prob: Share = 1.0,
    teacher: nn.Module | None = None,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    odd: OddSide = "keep",
) -> Policy:
    """ReLabel with CutMix (Yun et al., CVPR 2021).

    Released: one box for the whole batch, odd sides lose a cell, partners by permutation.  Two more
    things differ in the release: it stops mixing in the last five epochs, which a recipe must say;
    and it reads the crop of a stored map transposed, for which ``score_maps`` has its own
    ``released``.

    Args:
        alpha: of CutMix's lambda.
        prob: probability of mixing at all; 0 is ReLabel alone.
        teacher: a classifier trained on the same classes, see
            :class:`mixlib.models.score_map_teacher.MapTeacher`; required, but not before the first
            batch.
        scope, pairing, odd: see :func:`mixlib.methods.cutmix.cutmix`.

    Example:
        >>> import timm
        >>> from mixlib.models.wrap import wrap
        >>> teacher = timm.create_model("resnet10t", num_classes=4)
        >>> images, labels = torch.zeros(4, 3, 32, 32), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> mix = relabel(teacher=teacher).draw(images, labels, None, rng)
        >>> mix.labels.shape
        torch.Size([4, 4])
    """
    mixing = cutmix(alpha, scope, pairing, odd)
    if prob < 1:
        mixing = Choice((mixing,), (prob,))
    return ReLabel(mixing, None if teacher is None else MapTeacher(teacher))


ROW = Method(
    "relabel",
    "ReLabel + CutMix",
    "relabel",
    "Yun et al., Re-labeling ImageNet: from Single to Multi-Labels, from Global to Localized "
    "Labels, CVPR 2021, arXiv:2101.05022",
    2021,
    same(alpha=1.0),
    frozenset({"teacher"}),
    released={"odd": "drop", "scope": "batch", "pairing": "permute"},
)
