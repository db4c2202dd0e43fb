"""Relations between fields of one settings object, checked when all its values are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.declare.errors import DeclarationError


@dataclass(frozen=True)
class Relation:
    """What must hold between fields of one settings object.

    Attributes:
        fields: that take part, for the message.
        holds: (settings) -> whether it does.
        expected: for the message.
    """

    fields: tuple[str, ...]
    holds: Callable[[Any], bool]
    expected: str


RECIPE_RELATIONS = (
    Relation(("min_lr", "lr"), lambda r: r.min_lr <= r.lr, "min_lr at most lr"),
    Relation(
        ("block_min_lr", "block_lr"),
        lambda r: r.block_lr is None or r.block_min_lr is None or r.block_min_lr <= r.block_lr,
        "block_min_lr at most block_lr",
    ),
    Relation(
        ("warmup_epochs", "epochs"),
        lambda r: r.warmup_epochs < r.epochs,
        "fewer warmup_epochs than epochs",
    ),
    Relation(
        ("nesterov", "momentum"),
        lambda r: not r.nesterov or r.momentum > 0,
        "a momentum above 0 for nesterov",
    ),
    Relation(
        ("batch", "shards"),
        lambda r: r.batch % r.shards == 0,
        "a batch that is a multiple of its shards",
    ),
)
DETECTION_RELATIONS = (
    Relation(
        ("batch", "shards"),
        lambda s: s.batch % s.shards == 0,
        "a batch that is a multiple of its shards",
    ),
    Relation(
        ("steps", "iterations"),
        lambda s: not s.steps or s.steps[-1] < s.iterations,
        "steps before the last of the iterations",
    ),
    Relation(
        ("warmup_iters", "iterations"),
        lambda s: s.warmup_iters <= s.iterations,
        "at most as many warmup_iters as iterations",
    ),
    Relation(
        ("train_sizes", "max_size"),
        lambda s: max(s.train_sizes) <= s.max_size,
        "train_sizes of at most max_size",
    ),
    Relation(
        ("extra_norm", "norm"),
        lambda s: not s.extra_norm or s.norm == "trainable",
        "norm trainable where extra_norm is true",
    ),
)


def check_relations(where: str, settings: Any, relations: tuple[Relation, ...]) -> None:
    """Refuses settings whose fields contradict each other.

    Raises:
        DeclarationError: names the fields, what was expected and what was found.
    """
    for relation in relations:
        if not relation.holds(settings):
            found = ", ".join(f"{name} {getattr(settings, name)!r}" for name in relation.fields)
            raise DeclarationError(f"{where}: expected {relation.expected}, found {found}")
