"""Everything that is observed of a method before anything is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from mixlib.audit import global_rng
from mixlib.audit.claims import Claims, Effort, Size
from mixlib.audit.forms import Form, feed, image_array, recognized, unpack
from mixlib.audit.probe import Setup, Trial, collect, one_hot_batch, seed_of
from mixlib.audit.recover import Draws, Scope, draws, scope_of, separate_rows
from mixlib.audit.reference import Fit, fit_boxes, nearest_box_law
from mixlib.audit.workers import Streams, streams
from mixlib.seed import generator

PILOT = 32
FEW = 20


@dataclass(frozen=True)
class Randomness:
    """Where the draws come from.

    Attributes:
        drawn: global generators that a call advances.
        reset: those that are in one state after a call, whatever state they were in before.
        repeatable: equal global seeds give equal outputs of one and the same object.
        needless: a generator is handed over, and the outputs depend on it alone (what advances a
            global one, such as a run-time type checker, does no harm).
    """

    drawn: tuple[str, ...]
    reset: tuple[str, ...]
    repeatable: bool
    needless: bool


@dataclass(frozen=True)
class Evidence:
    """Series of calls, and what they raised.

    Attributes:
        claims, effort, form: of the audit.
        classes: length of a soft label.
        scope: for whom is drawn, as seen.
        pilot: keeps every row of a few calls.
        main: the series that the law rests on.
        sized: further series by name: "small", "wide", "tall".
        couple: batches of two; None where the main batch has no more.
        batches: by batch size (odd ones, and one): a trial or what was raised.
        dtypes: by dtype: a trial or what was raised.
        errors: by name of a series, what it raised.
        randomness: where draws come from.
        streams: what workers of a DataLoader drew; None if none was started.
    """

    claims: Claims
    effort: Effort
    form: Form
    classes: int
    scope: Scope
    pilot: Trial
    main: Trial
    sized: dict[str, Trial]
    couple: Trial | None
    batches: dict[int, Trial | Exception]
    dtypes: dict[str, Trial | Exception]
    errors: dict[str, Exception]
    randomness: Randomness
    streams: Streams | None = None

    @cached_property
    def draws(self) -> Draws:
        """Separate draws of the main series."""
        return draws(self.main)

    @cached_property
    def by_size(self) -> dict[str, Draws]:
        """Separate draws of every size, the main one included."""
        return {"main": self.draws, **{name: draws(t) for name, t in self.sized.items()}}

    @cached_property
    def box_fits(self) -> list[Fit]:
        """Own shares of boxes against what is said of them, every convention, best first; against
        the nearest known law where nothing is said."""
        share = self.draws.share[self.draws.box]
        size, beta = self.main.setup.size, self.claims.beta_of_boxes()
        if beta is not None:
            return fit_boxes(share, beta, size)
        return [nearest_box_law(share, size)]

    @property
    def trials(self) -> dict[str, Trial]:
        """Every series in the method's own dtype that came through."""
        odd = {f"batch of {n}": t for n, t in self.batches.items() if isinstance(t, Trial)}
        couple = {} if self.couple is None else {"batch of 2": self.couple}
        return {"main": self.main, **self.sized, **couple, **odd}


class Gatherer:
    """Runs the series of one audit.

    Args:
        call: under audit.
        claims, effort: of the audit.
        form: of the call; its targets are recognized at the first call.
        classes: length of a soft label.
        channels: of an image; None for as many as samples.
    """

    def __init__(
        self,
        call: Callable[..., Any],
        claims: Claims,
        effort: Effort,
        form: Form,
        classes: int,
        channels: int | None,
    ) -> None:
        self.call, self.claims, self.effort = call, claims, effort
        self.classes, self.channels = classes, channels
        self.form = self._recognize(form)

    def setup(self, name: str, batch: int, size: Size, calls: int) -> Setup:
        channels = max(batch, self.effort.batch) if self.channels is None else self.channels
        return Setup(name, batch, size, calls, self.classes, channels, self.effort.texture)

    def _recognize(self, form: Form) -> Form:
        setup = self.setup("first", self.effort.batch, self.effort.size, 1)
        with global_rng.started(seed_of(self.effort.seed, "first")):
            result = self._one_call(form, setup, 0)
        return recognized(form, result, self.classes)

    def _one_call(self, form: Form, setup: Setup, seed: int) -> Any:
        images = one_hot_batch(setup, form, self.effort.seed)
        rng = generator(seed, "audit", "one call")
        args = feed(form, images, torch.arange(setup.batch), self.classes, rng).args
        return self.call(*args)

    def series(self, setup: Setup, rows: Any = None, form: Form | None = None) -> Trial:
        with global_rng.started(seed_of(self.effort.seed, setup.name)):
            return collect(self.call, form or self.form, setup, self.effort.seed, rows)

    def attempt(self, setup: Setup, rows: Any = None, form: Form | None = None) -> Any:
        """The trial, or what it raised."""
        try:
            return self.series(setup, rows, form)
        except Exception as error:  # a foreign function may raise anything: that is a finding
            return error

    def evidence(self) -> Evidence:
        """All series.

        Raises:
            Exception: what the call raises at a plain square batch; there is nothing to audit then.
        """
        effort = self.effort
        pilot = self.series(self.setup("pilot", effort.batch, effort.size, PILOT))
        scope = scope_of(pilot)
        rows = separate_rows(scope, pilot)
        per_call = len(np.arange(effort.batch) if rows is None else rows(pilot.pixels[0]))
        calls = -(-effort.draws // per_call)
        quarter = max(calls // 4, 60)
        main = self.series(self.setup("main", effort.batch, effort.size, calls), rows)
        wide = effort.wide
        plans = {
            "small": (effort.small, calls),
            "wide": (wide, quarter),
            "tall": ((wide[1], wide[0]), quarter),
        }
        sized = {
            name: self.attempt(self.setup(name, effort.batch, size, n), rows)
            for name, (size, n) in plans.items()
        }
        errors = {name: got for name, got in sized.items() if isinstance(got, Exception)}
        return Evidence(
            claims=self.claims,
            effort=effort,
            form=self.form,
            classes=self.classes,
            scope=scope,
            pilot=pilot,
            main=main,
            sized={name: got for name, got in sized.items() if isinstance(got, Trial)},
            couple=self._couple(scope),
            batches=self._batches(),
            dtypes=self._dtypes(),
            errors=errors,
            randomness=self._randomness(),
            streams=self._streams(),
        )

    def _couple(self, scope: Scope) -> Trial | None:
        if self.effort.batch == 2 or scope == "batch":
            return None
        calls = max(self.effort.draws // 16, 100)
        got = self.attempt(self.setup("couple", 2, self.effort.size, calls))
        return got if isinstance(got, Trial) else None

    def _batches(self) -> dict[int, Trial | Exception]:
        limit = self.channels or self.effort.batch
        return {
            n: self.attempt(self.setup(f"batch of {n}", n, self.effort.size, FEW))
            for n in self.effort.odd
            if n <= min(limit, self.classes)
        }

    def _dtypes(self) -> dict[str, Trial | Exception]:
        others = [d for d in ("float16", "float64", "uint8") if d != self.form.dtype]
        if self.form.feed == "collate" and self.form.dtype == "uint8":
            others = []  # a collate function of bytes is asked for bytes
        setup = self.setup("dtypes", self.effort.batch, self.effort.size, FEW)
        return {d: self.attempt(setup, None, replace(self.form, dtype=d)) for d in others}

    def _some(self, seed: int, given: int, calls: int = 6) -> tuple[bytes, list[dict[str, Any]]]:
        """Images of a few calls and the global states after each: one seed is that of the global
        generators, the other that of a generator that is handed over."""
        setup = self.setup("few", self.effort.batch, self.effort.size, 1)
        global_rng.start(seed)
        seen, after = [], []
        for number in range(calls):
            result = self._one_call(self.form, setup, given * 100 + number)
            images = image_array(self.form, unpack(self.form, result, self.classes)[0])
            seen.append(images.tobytes())
            after.append(global_rng.states())
        return b"".join(seen), after

    def _randomness(self) -> Randomness:
        with global_rng.started(self.effort.seed):
            global_rng.start(1)
            before = global_rng.states()
            first, after = self._some(1, 1)
            again, _ = self._some(1, 1)
            other, others = self._some(2, 1)
        drawn = sorted({name for state in after for name in global_rng.changed(before, state)})
        same = [
            name
            for name in drawn
            if all(a[name] == b[name] for a, b in zip(after, others, strict=True))
        ]
        given = self.form.feed == "generator"
        needless = given and first == other
        return Randomness(tuple(drawn), tuple(same), first == again, needless)

    def _streams(self) -> Streams | None:
        if self.effort.workers < 2 or self.form.feed == "generator":
            return None
        setup = self.setup("workers", self.effort.batch, self.effort.size, 1)
        images = one_hot_batch(setup, self.form, self.effort.seed)
        with global_rng.started(seed_of(self.effort.seed, "workers")):
            return streams(self.call, self.form, images, self.classes, self.effort.workers)
