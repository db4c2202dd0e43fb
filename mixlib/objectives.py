"""One call for every method: ``mixlib.objective(name, model, steps=...)``.

    objective = mixlib.objective("automix", model, steps=len(loader) * epochs)
    for i, (images, labels) in enumerate(loader):
        objective(images, labels).loss.backward()
        ...
        objective.update_teacher(i)

Every method of the catalog is trained like this: those that mix a batch, those that mix inside the
network, and those with networks of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, distributed, nn

from mixlib.catalog.build import assembled
from mixlib.catalog.methods import check_released, method
from mixlib.catalog.parameters import check_names, of_objective, scope_word, with_networks
from mixlib.core.arguments import Count, Share, checked
from mixlib.core.batch import paths_of, taken
from mixlib.core.labels import BinaryCrossEntropy, CrossEntropy, LabelRule, check_rows
from mixlib.core.method import Family, Method
from mixlib.core.mix import Mix, identity
from mixlib.core.net import Net, NoSiteError, logits_of
from mixlib.core.objective import MixOnce, Objective, Step
from mixlib.core.policy import Policy, Scope
from mixlib.core.traced_mix import Drawer, UnseenMix
from mixlib.core.training_pipeline import TRAINING_PIPELINES, PipelineName
from mixlib.models.sites import candidates, find_head
from mixlib.models.wrap import wrap
from mixlib.seed import generator

__all__ = ["MixingObjective", "objective"]

Targets = Literal["multiclass", "multilabel"]
DRY = 8  # draws that tell how many sources a policy's mixes have


class Draws:
    """When a batch is mixed, and the generator of each.

    Args:
        seed: of everything random; a step's draws depend on (seed, step, batch within the step,
            rank) alone, so that a resumed run repeats them and no two ranks share them.
        prob: share of the batches that are mixed.
        until: the first step whose batches are not mixed any more; None: all are.
    """

    def __init__(self, seed: int, prob: float, until: int | None) -> None:
        self.seed, self.prob, self.until = seed, prob, until
        self.step = self.call = 0

    def rng(self) -> torch.Generator:
        """The generator of the next batch."""
        known = distributed.is_available() and distributed.is_initialized()
        rank = distributed.get_rank() if known else 0
        self.call += 1
        return generator(self.seed, "objective", self.step, self.call - 1, rank)

    def mixes(self, rng: torch.Generator) -> bool:
        """Whether the batch is mixed."""
        if self.until is not None and self.step >= self.until:
            return False
        return self.prob >= 1 or float(torch.rand((), generator=rng, device=rng.device)) < self.prob

    def follow(self, i: int) -> None:
        """Goes on to the step after i."""
        self.step, self.call = i + 1, 0


class MixingObjective(Objective):
    """A method with its network: batches in, losses out.

    In evaluation mode nothing is mixed: the loss is that of the network that is to be kept.

    Args:
        inner: the method's own objective.
        draws: when it mixes.
        rule: the loss of batches that are not mixed.
        targets: "multiclass" or "multilabel", what labels say.
        keys: where images and labels lie in a batch, see :func:`mixlib.core.batch.paths_of`.

    Attributes:
        inner: as given.

    Example:
        >>> import mixlib
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
        >>> objective = mixlib.objective("cutmix", model)
        >>> step = objective({"image": torch.rand(4, 3, 4, 4), "label": torch.arange(4) % 3})
        >>> step.loss.requires_grad, step.logits.shape
        (True, torch.Size([4, 3]))
    """

    def __init__(
        self,
        inner: Objective,
        draws: Draws,
        rule: LabelRule,
        targets: Targets = "multiclass",
        keys: tuple[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.inner, self.draws, self.rule = inner, draws, rule
        self.targets: Targets = targets
        self.keys = keys
        self.optional_terms = (*inner.optional_terms, "clean")
        self._looked_at_rows = False
        self._drawer = self._as_operator()

    def forward(  # type: ignore[override]
        self,
        x: Any,
        y: Shaped[Tensor, "B *Y"] | None = None,
        rng: torch.Generator | None = None,
    ) -> Step:
        """The loss of one batch.

        Args:
            x: images [B, C, H, W]; or a whole batch: a mapping, a pair, or either of them nested.
            y: int64 [B], or rows [B, Y].
            rng: of the draws; None is the objective's own.

        Raises:
            TypeError, ValueError: see :func:`mixlib.core.batch.check_batch`.
            KeyError: ``keys`` lead nowhere.
        """
        if y is None:
            images, labels = paths_of(x, self.keys)
            x, y = taken(x, images), taken(x, labels)
        y = self._as_labels(y)
        if not self.training:
            return self._evaluated(x, y)
        if torch.compiler.is_compiling() and rng is None:
            return self._traced(x, y) if self._drawer is not None else self._untraced(x, y)
        rng = rng or self.draws.rng()
        return self.inner(x, y, rng) if self.draws.mixes(rng) else self.clean(x, y)

    def clean(self, x: Float[Tensor, "B C H W"], y: Shaped[Tensor, "B *Y"]) -> Step:
        """The loss of a batch as it is, by the network in training with all its heads."""
        mix = identity(len(x), x.device)
        heads = self.inner.clean_logits(x)
        loss = torch.stack([self.rule(mix, logits, {}, y) for logits in heads]).sum()
        if not isinstance(self.inner, MixOnce):
            # what has no part in this batch gets a gradient of zero: DDP asks for all of them
            rest = [p for group in self.inner.groups().values() for p in group]
            loss = loss + torch.stack([p.sum() for p in rest]).sum() * 0
        return Step(loss, {"clean": loss.detach()}, mix, heads[0])

    def _evaluated(self, x: Tensor, y: Tensor) -> Step:
        logits = logits_of(self.inner.predictor()(x))
        mix = identity(len(x), x.device)
        loss = self.rule(mix, logits, {}, y)
        return Step(loss, {"clean": loss.detach()}, mix, logits)

    def _as_labels(self, y: Tensor) -> Tensor:
        """Labels that the rules understand.

        Raises:
            ValueError: class indices where rows were announced, or rows that are no distribution.
        """
        if self.targets == "multilabel":
            if not isinstance(y, Tensor) or y.ndim != 2:
                shape = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
                raise ValueError(
                    f'targets="multilabel" expects rows [B, classes] of 0 and 1, got {shape}'
                )
            return y.float() if not y.is_floating_point() else y
        if isinstance(y, Tensor) and y.ndim == 2 and not torch.compiler.is_compiling():
            if not self._looked_at_rows and y.device.type != "meta" and y.shape[1] > 1:
                check_rows(y.detach().float().cpu())  # once: it waits for the device
            self._looked_at_rows = True
        return y

    def _as_operator(self) -> Drawer | None:
        """The draw as an operator of its own, where it looks at nothing but the images: such a
        method compiles whole."""
        inner = self.inner
        if not isinstance(inner, MixOnce) or inner.rule.taps or inner.policy is None:
            return None
        policy = inner.policy
        if policy.needs or policy.places != ("input",):
            return None
        images, rng = torch.zeros(4, 3, 16, 16), generator(0, "dry")
        dry = (
            policy.choose(rng).draw(images, torch.zeros(4, dtype=torch.int64), None, rng)
            for _ in range(DRY)
        )
        return Drawer(self._drawn, max(mix.source.shape[1] for mix in dry))

    def _drawn(self, x: Tensor, y: Int[Tensor, " B"]) -> Mix:
        rng = self.draws.rng()
        if not self.draws.mixes(rng):
            return identity(len(x), x.device)
        inner = cast("MixOnce", self.inner)
        return inner.policy.choose(rng).draw(x, y, inner.net, rng)

    def _traced(self, x: Tensor, y: Tensor) -> Step:
        """:meth:`forward` as one graph: the draw is an operator, the rest is traced."""
        inner = cast("MixOnce", self.inner)
        assert self._drawer is not None
        mixed, source, weight = self._drawer(x, y.argmax(1) if y.ndim == 2 else y)
        mix = UnseenMix(source, weight, weight[:, :, None, None])
        logits, _ = inner.net(mixed)
        loss = inner.rule(mix, logits, {}, y)
        return Step(loss, {"loss": loss.detach()}, mix, logits)

    def _untraced(self, x: Tensor, y: Tensor) -> Step:
        """A method that reads or mixes inside the network, or has networks of its own: it runs as
        it is written, and a network that was compiled by itself stays compiled."""
        # not as a decorator: that would load the compiler with the library, which takes seconds
        return torch.compiler.disable(self._as_written)(x, y)

    def _as_written(self, x: Tensor, y: Tensor) -> Step:
        rng = self.draws.rng()
        return self.inner(x, y, rng) if self.draws.mixes(rng) else self.clean(x, y)

    def mix_at(
        self,
        x: Float[Tensor, "B C H W"],
        y: Shaped[Tensor, "B *Y"],
        lam: float,
        rng: torch.Generator,
    ) -> Mix:
        return self.inner.mix_at(x, y, lam, rng)

    def clean_logits(self, x: Float[Tensor, "B C H W"]) -> list[Float[Tensor, "B Y"]]:
        return self.inner.clean_logits(x)

    @property
    def policy(self) -> Policy | None:  # type: ignore[override]
        """What draws the method's mixes."""
        return self.inner.policy

    def stop_mixing(self) -> None:
        self.inner.stop_mixing()

    def update_teacher(self, i: int) -> None:
        """Moves the momentum network, if there is one, after optimizer step i (counted from 0), and
        goes on to the next step's draws."""
        self.draws.follow(i)
        self.inner.update_teacher(i)

    def predictor(self) -> nn.Module:
        return self.inner.predictor()

    def groups(self) -> dict[str, list[nn.Parameter]]:
        return self.inner.groups()

    def get_extra_state(self) -> Tensor:
        """Step and batch, so that a resumed run draws on where it was."""
        return torch.tensor([self.draws.step, self.draws.call])

    def set_extra_state(self, state: Tensor) -> None:
        """Restores what :meth:`get_extra_state` saved."""
        self.draws.step, self.draws.call = state.tolist()


@checked
def objective(
    name: str,
    model: nn.Module,
    *,
    steps: Count | None = None,
    seed: int = 0,
    prob: Share = 1.0,
    until: int | float | None = None,
    scope: Scope | None = None,
    targets: Targets = "multiclass",
    smoothing: Share = 0.0,
    rule: LabelRule | None = None,
    family: Family = "default",
    released: bool = False,
    keys: tuple[str, str] | None = None,
    head: str | None = None,
    **params: Any,
) -> MixingObjective:
    """A method around a network, ready to train.

    Args:
        name: a row of ``mixlib.METHODS``.
        model: any image classifier, compiled or not, or a :class:`mixlib.Net` with its sites.
        steps: optimizer steps of the run, for methods with a schedule (AutoMix, averages) and for
            an ``until`` that is a share.
        seed: of everything random, see :class:`Draws`, and of what a method adds to the network.
        prob: probability that a batch is mixed; methods that choose among samples by a ``prob`` of
            their own (relabel, stochastic, transmix, random_erasing) get it for that.
        until: the step at which mixing ends; a number below 1 is a share of ``steps``.
        scope: one lambda for every "sample" or for the "batch"; None is the method's own.
        targets: "multiclass": indices, or rows that sum to one; "multilabel": rows of 0 and 1, a
            sigmoid for every class.
        smoothing, rule: of labels before they are mixed; another loss than that of the targets.
        family, released: as of :func:`mixlib.build`.
        keys: dotted paths of images and labels in a mapping; None looks for the usual names.
        head: path of the last linear layer, for methods with several heads; None finds it.
        params: changes of the method's parameters; sites may be module paths.

    Raises:
        KeyError: no such method.  TypeError: no such parameter, or one of another type.
        ValueError: a value out of its range, or a network in which the method finds no place; names
            the module paths that would do.

    Example:
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, 4), nn.Flatten(), nn.Linear(128, 5))
        >>> made = objective("mixup", model, alpha=0.2, prob=0.5, until=100)
        >>> made(torch.rand(4, 3, 16, 16), torch.arange(4)).loss.backward()
    """
    row = method(name)
    params = {"pipeline": row.pipeline, **params}
    follows = _check_run(row, params["pipeline"], steps, until)
    given, prob = _given(row, params, family, released, scope, prob)
    loss = rule or _loss(targets, smoothing)
    net = _network(row, model, given, head, follows)
    inner = _assembled(row, net, given, loss, steps or 1, seed)
    ends = int(until * (steps or 0)) if isinstance(until, float) else until
    return MixingObjective(inner, Draws(seed, prob, ends), loss, targets, keys)


def _check_run(
    row: Method, pipeline: PipelineName, steps: int | None, until: int | float | None
) -> bool:
    """Whether the method follows a schedule over the run, whose length is then known.

    Raises:
        ValueError: it is not, or ``until`` is neither a step nor a share.
    """
    if until is not None and (until < 0 or (isinstance(until, float) and until > 1)):
        raise ValueError(
            f"until is a step, or a share in [0, 1], got {until}: leave it out to mix all"
        )
    follows = (bool(row.settings) and pipeline != "none") or TRAINING_PIPELINES[pipeline].averaged
    if steps is None and (follows or isinstance(until, float)):
        raise ValueError(
            f"{row.title} follows a schedule over the run: say steps=, the optimizer steps of it"
            if follows
            else "an until that is a share needs the length of the run: steps="
        )
    return follows


def _given(
    row: Method,
    params: Mapping[str, Any],
    family: Family,
    released: bool,
    scope: Scope | None,
    prob: float,
) -> tuple[dict[str, Any], float]:
    """Every parameter of the method, and the share of batches that is mixed beside it."""
    if released:
        check_released(row)
    known = of_objective(row)
    check_names(row.name, params, [*known, "pipeline"])
    defaults = row.params_for(family, released=released)
    given = {**defaults, **scope_word(row, known, scope), **params}
    if prob < 1 and "prob" in known:
        return {**given, "prob": prob}, 1.0
    return given, prob


def _network(
    row: Method, model: nn.Module, given: Mapping[str, Any], head: str | None, heads: bool
) -> Net:
    """The network with its sites, and its head where several are put on it."""
    net = wrap(model, attention="attention" in row.needs and given.get("teacher") is None)
    if head is not None or heads:
        net.head = head or net.head or find_head(net)
        net.last_linear()  # says what is there
    return net


def _assembled(
    row: Method, net: Net, given: Mapping[str, Any], loss: LabelRule, steps: int, seed: int
) -> Objective:
    try:
        return assembled(row, net, with_networks(row, given), loss, steps=steps, seed=seed)
    except NoSiteError as error:
        raise ValueError(_no_place(row, net, error)) from error


def _loss(targets: Targets, smoothing: float) -> LabelRule:
    if targets == "multilabel":
        return BinaryCrossEntropy(smoothing=smoothing)
    return CrossEntropy(smoothing)


def _no_place(row: Method, net: Net, error: NoSiteError) -> str:
    """What to do where a network has not the site of a method."""
    paths = candidates(net.body)
    would = ", ".join(map(repr, paths)) if paths else "any module path of a feature map"
    words = [word for word in ("site", "sites", "map_site") if word in of_objective(row)]
    what = f"{words[0]}=" if words else "a Net with sites="
    return f"{row.title}: {error.args[0]}.  Name one by {what}; that would do: {would}"
