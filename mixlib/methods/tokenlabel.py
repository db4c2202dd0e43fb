"""TokenLabeling: patch tokens with labels of their own, next to the class token of the image.

Jiang et al., "All Tokens Matter: Token Labeling for Training Better Vision Transformers", NeurIPS
2021, section 3: a second linear classifier reads every patch token, whose label is what a teacher
predicts at its place.  The objective takes a policy that mixes the patches, which MixToken uses
(:mod:`mixlib.methods.mixtoken`).

MixToken's release swaps the tokens inside the box back to the samples that they came from and
compares them with those samples' labels.  Here the tokens stay and their labels are mixed, by the
very mix of the tokens: the pairs (token, label) are the same ones, for partners in reverse, and it
also holds for any other pairing and for a box per sample, where there is no swapping back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, cast

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from mixlib.core.arguments import NotNegative, checked
from mixlib.core.labels import CrossEntropy, LabelRule
from mixlib.core.method import Method
from mixlib.core.mix import Mix, blend, identity
from mixlib.core.net import Net
from mixlib.core.objective import Objective, Step
from mixlib.core.policy import Keep, Policy
from mixlib.models.attention import token_layout
from mixlib.models.score_map_teacher import MapTeacher
from mixlib.seed import generator

ImageLabel = Literal["class", "teacher"]

PATCHES = "patch_embed"
SPREAD = 0.02  # of the token classifier's initial weights, as timm initializes transformers
AT_TEST = 0.5  # weight of the strongest token next to the class token, as released


class TokenLabels(Objective):
    """A transformer whose class token and patch tokens are trained.

    Args:
        net: a timm vision transformer with a class token (layout "tokens").
        teacher: a classifier trained on the same classes, see
            :class:`mixlib.models.score_map_teacher.MapTeacher`; None where every step is given its
            targets, see :meth:`learn`.
        policy: mixes the patch embeddings, as a map [B, D, h, w].
        weight: of the tokens' loss next to the class token's.
        of_image: whose label the class token learns: the "class" of the dataset (the paper) or
            the "teacher"'s of the image (the release).
        at_test: weight of the strongest token next to the class token in the prediction.
        rule: the loss, of the class token and of every token.
        seed: initializes the tokens' classifier.

    Raises:
        ValueError: the network is no transformer with a class token.
    """

    def __init__(
        self,
        net: Net,
        teacher: nn.Module | None,
        policy: Policy,
        *,
        weight: float = 1.0,
        of_image: ImageLabel = "class",
        at_test: float = AT_TEST,
        rule: LabelRule | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        layout = token_layout(net)
        if net.layout != "tokens" or not layout.class_token:
            raise ValueError(
                "token labels need a transformer with a class token (layout 'tokens'), got "
                f"{type(net.model).__name__} in layout {net.layout!r} with {layout.prefix} prefix "
                "tokens; take e.g. deit_tiny"
            )
        if of_image not in ("class", "teacher"):
            raise ValueError(f"of_image must be class or teacher, got {of_image!r}")
        self.net = net
        self.prefix = layout.prefix
        # timm's word for the side of a patch in pixels
        self.patch = cast("tuple[int, int]", net.place(PATCHES).patch_size)
        self.teacher = None if teacher is None else MapTeacher(teacher)
        self.policy: Policy = policy
        self.weight, self.of_image, self.at_test = weight, of_image, at_test
        self.rule = rule or CrossEntropy()
        self.token_head = _token_head(net, generator(seed, "token_labels", "head"))

    def forward(
        self, x: Float[Tensor, "B C H W"], y: Shaped[Tensor, "B *Y"], rng: torch.Generator
    ) -> Step:
        if self.teacher is None:
            raise ValueError(
                "token labels need a teacher, a network trained on these classes: teacher=model; "
                "with stored score maps call objective.learn(images, targets, rng), targets from "
                "mixlib.models.score_maps.token_targets"
            )
        targets = self.teacher.tokens(x, self._grid(x))
        if self.of_image == "class":
            row = (F.one_hot(y, targets.shape[1]) if y.ndim == 1 else y).to(targets)
            targets = torch.cat([row[:, :, None], targets[:, :, 1:]], 2)
        return self.learn(x, targets, rng)

    def learn(
        self, x: Float[Tensor, "B C H W"], targets: Float[Tensor, "B Y N"], rng: torch.Generator
    ) -> Step:
        """One step with given targets.

        Args:
            targets: soft labels of the image, then of its tokens in row order: N = 1 + h w.
            rng: for the mix.

        Raises:
            ValueError: not one target per token of the network.
        """
        grid = self._grid(x)
        if targets.shape[2] != 1 + grid[0] * grid[1]:
            raise ValueError(
                f"expected targets of 1 image and {grid[0]} x {grid[1]} tokens, got "
                f"{targets.shape[2]} in all"
            )
        mix, logits, tokens = self._mixed(x, targets, grid, rng)
        parts = blend(mix, targets[:, :, 1:].unflatten(2, grid)).flatten(2)
        terms = {
            "image": self._loss(replace(mix, labels=targets[:, :, 0]), logits),
            "tokens": self._loss(
                replace(
                    identity(parts.shape[0] * parts.shape[2], x.device),
                    labels=parts.transpose(1, 2).flatten(0, 1),
                ),
                self.token_head(tokens).flatten(0, 1),
            ),
        }
        loss = terms["image"] + self.weight * terms["tokens"]
        return Step(loss, {name: term.detach() for name, term in terms.items()}, mix)

    def _loss(self, mix: Mix, logits: Tensor) -> Tensor:
        assert mix.labels is not None
        # rules take class indices, too; the labels that the mix brings stand for them
        return self.rule(mix, logits, {}, mix.labels.argmax(1))

    def _grid(self, x: Tensor) -> tuple[int, int]:
        """Rows and columns of the patches of these images."""
        return x.shape[-2] // self.patch[0], x.shape[-1] // self.patch[1]

    def _mixed(
        self, x: Tensor, targets: Tensor, grid: tuple[int, int], rng: torch.Generator
    ) -> tuple[Mix, Float[Tensor, "B Y"], Float[Tensor, "B T D"]]:
        """The mix of the patches, the logits of the class token, and the patch tokens."""
        drawn: list[Mix] = []

        def mixing(z: Tensor) -> Tensor:
            # [B, T, D], or [B, h, w, D] where timm allows images of any size
            patches = z.reshape(len(z), *grid, z.shape[-1]).permute(0, 3, 1, 2)
            hard = targets[:, :, 0].argmax(1)
            drawn.append(self.policy.draw(patches, hard, self.net, rng))
            return blend(drawn[0], patches).permute(0, 2, 3, 1).reshape(z.shape)

        logits, seen = self.net(x, edit={PATCHES: mixing}, tap=("last",))
        return drawn[0], logits, patch_tokens(seen["last"], grid[0] * grid[1], self.prefix)

    def mix_at(
        self,
        x: Float[Tensor, "B C H W"],
        y: Shaped[Tensor, "B *Y"],
        lam: float,
        rng: torch.Generator,
    ) -> Mix:
        """The mix of the patches: its mask has one cell for each."""
        patches = F.avg_pool2d(x, self.patch)
        return self.policy.draw_at(patches, y, self.net, lam, rng)

    def predictor(self) -> nn.Module:
        return ClassAndTokens(self.net, self.token_head, self.at_test, self.prefix)


class ClassAndTokens(nn.Module):
    """The prediction of the class token plus ``weight`` times the tokens' largest logits, as
    released."""

    def __init__(self, net: Net, token_head: nn.Linear, weight: float, prefix: int = 1) -> None:
        super().__init__()
        self.prefix = prefix
        self.net = net
        self.token_head = token_head
        self.weight = weight

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B Y"]:
        """Images to logits."""
        logits, seen = self.net(x, tap=("last",))
        return logits + self.weight * self.token_head(seen["last"][:, self.prefix :]).amax(1)


def patch_tokens(
    tokens: Float[Tensor, "B N D"], count: int, prefix: int = 1
) -> Float[Tensor, "B T D"]:
    """The tokens behind the prefix tokens: the class token, a distillation token, registers.

    Raises:
        ValueError: there are not exactly so many of both.
    """
    if tokens.shape[1] != prefix + count:
        raise ValueError(
            f"expected {prefix} prefix tokens (one of class) and {count} patch tokens, got "
            f"{tokens.shape[1]} tokens"
        )
    return tokens[:, prefix:]


def _token_head(net: Net, rng: torch.Generator) -> nn.Linear:
    like = net.last_linear()
    # without torch's own initialization, which would draw from the global generator
    head = nn.utils.skip_init(nn.Linear, like.in_features, like.out_features)
    nn.init.normal_(head.weight, std=SPREAD, generator=rng)
    nn.init.zeros_(head.bias)
    return head.to(like.weight.device)


@checked
def tokenlabel(
    net: Net,
    *,
    steps: int = 0,
    seed: int = 0,
    rule: LabelRule | None = None,
    teacher: nn.Module | None = None,
    weight: NotNegative = 1.0,
    at_test: NotNegative = AT_TEST,
    of_image: ImageLabel = "class",
) -> TokenLabels:
    """TokenLabeling (Jiang et al., NeurIPS 2021), nothing mixed.

    Released: the class token, too, learns the teacher's label of the image, not the class of the
    dataset.

    Args:
        net: a transformer with a class token.
        steps: every objective's, unused.
        seed: initializes the tokens' classifier.
        rule: the loss.
        teacher: labels the tokens.
        weight: of the tokens' loss.
        at_test: weight of the strongest token in the prediction.
        of_image: whose label the class token learns, the dataset's "class" or the "teacher"'s.

    Example:
        >>> import timm
        >>> from timm.models.vision_transformer import VisionTransformer
        >>> model = VisionTransformer(16, 4, embed_dim=8, depth=1, num_heads=2, num_classes=4)
        >>> net = Net(model, {"last": "norm"}, layout="tokens")
        >>> teacher = timm.create_model("resnet10t", num_classes=4)
        >>> images, labels = torch.zeros(4, 3, 16, 16), torch.arange(4)
        >>> rng = torch.Generator().manual_seed(0)
        >>> step = tokenlabel(net, teacher=teacher)(images, labels, rng)
        >>> sorted(step.terms)
        ['image', 'tokens']
    """
    return TokenLabels(
        net,
        teacher,
        Keep(),
        weight=weight,
        of_image=of_image,
        at_test=at_test,
        rule=rule,
        seed=seed,
    )


_CITE = (
    "Jiang et al., All Tokens Matter: Token Labeling for Training Better Vision Transformers, "
    "NeurIPS 2021, arXiv:2104.10858"
)

ROW = Method(
    "tokenlabel",
    "TokenLabeling",
    "tokenlabel",
    _CITE,
    2021,
    needs=frozenset({"teacher"}),
    objective="tokenlabel",
    pipelines=("none",),
    released={"of_image": "teacher"},
)
