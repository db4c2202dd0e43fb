"""What should every token of a transformer say?  TokenLabeling and MixToken.

Jiang et al., "All Tokens Matter: Token Labeling for Training Better Vision Transformers", NeurIPS
2021, section 3: beside the class token, which answers for the image, a second linear classifier
reads every patch token, whose label is what a teacher sees at its place.  MixToken mixes with a
CutMix box *behind* the patch embedding, so that every token holds one image only.

The release swaps the tokens inside the box back to the samples that they came from and compares
them with those samples' labels.  Here the tokens stay and their labels are mixed, by the very mix
of the tokens: the pairs (token, label) are the same ones, for partners in reverse, and it also
holds for any other pairing and for a box per sample, where there is no swapping back.
"""

from __future__ import annotations

from torch import nn

from mixlib.core.hyperparameters import same
from mixlib.core.labels import LabelRule
from mixlib.core.lam import Beta
from mixlib.core.method import Method
from mixlib.core.net import Net
from mixlib.core.policy import ByLaw, Pairing, Policy, Scope
from mixlib.methods.cutmix import Box
from mixlib.methods.tokenlabel import AT_TEST, TokenLabels


def mixtoken(
    net: Net,
    *,
    steps: int = 0,
    seed: int = 0,
    rule: LabelRule | None = None,
    teacher: nn.Module | None = None,
    alpha: float = 1.0,
    weight: float = 1.0,
    at_test: float = AT_TEST,
    scope: Scope = "sample",
    pairing: Pairing = "roll",
    released: bool = False,
) -> TokenLabels:
    """MixToken (Jiang et al., NeurIPS 2021): TokenLabeling with a CutMix box of patches, lambda ~
    Beta(alpha, alpha); ``steps`` is every objective's, unused.

    ``released=True``: one box for the whole batch, odd sides lose a cell, the batch backwards as
    partners; and the class token, too, learns the teacher's label of the image.
    """
    if released:
        policy: Policy = ByLaw(Box("clip", "drop"), Beta(alpha), "batch", "reverse")
    else:
        policy = ByLaw(Box(), Beta(alpha), scope, pairing)
    return TokenLabels(
        net,
        teacher,
        policy,
        weight=weight,
        of_image="teacher" if released else "class",
        at_test=at_test,
        rule=rule,
        seed=seed,
    )


_CITE = (
    "Jiang et al., All Tokens Matter: Token Labeling for Training Better Vision Transformers, "
    "NeurIPS 2021, arXiv:2104.10858"
)

ROW = Method(
    "mixtoken",
    "MixToken",
    "mixtoken",
    _CITE,
    2021,
    same(alpha=1.0),
    frozenset({"teacher"}),
    objective="mixtoken",
    status="defined",
)
