"""Mixed samples of trained methods: over lambda, over training, with a trained block (AutoMix,
Figures 4, 6, 7 and 12)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from paper_tables.drawings.canvas import TOP1, Drawing, canvas, save, set_title
from paper_tables.drawings.colors import styles
from paper_tables.drawings.mixed_pair import MixedImage
from paper_tables.drawings.trained_networks import (
    context_of,
    mix_images,
    picture,
    test_images,
)
from pipelines.execute.mixed import BINS
from pipelines.execute.train import OBJECTIVE, snapshot, trained_objective
from pipelines.plan.kinds.mixed import MixedJob
from pipelines.plan.kinds.train import TrainJob

# AutoMix, Figure 4, left
FIGURE_4 = (0.0, 0.3, 0.7, 1.0)
FIGURE_12 = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
MASKS = "masks: share of the first image (light: 1)"
FEWEST = 30
"""Samples without which a share has no point: their standard error may be nine percent."""


def trainings(drawing: Drawing) -> dict[str, TrainJob]:
    """Row label -> the training behind its first run."""
    found: dict[str, TrainJob] = {}
    for cell in drawing.cells:
        job = cell.jobs[0]
        job = job.parent if isinstance(job, MixedJob) else job
        if isinstance(job, TrainJob):
            found.setdefault(cell.row, job)
    return found


def over_lambda(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Figure 4: samples of every method at four lambdas, and how well both sources are seen."""
    plt = canvas(drawing.table.name)
    jobs = trainings(drawing)
    figure = plt.figure(figsize=(11, 1.15 * len(jobs) + 1.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.1, 1.2))
    axes = left.subplots(len(jobs), len(FIGURE_4) + 2, squeeze=False)
    for line, (label, job) in zip(axes, jobs.items(), strict=True):
        both = test_images(job, drawing.store, 2)
        objective = trained_objective(job, context_of(drawing.store), OBJECTIVE)
        for axis, image, title in ((line[0], both[0], "A"), (line[-1], both[1], "B")):
            _show(axis, picture(job, image), f"image {title}")
        for axis, lam in zip(line[1:-1], reversed(FIGURE_4), strict=True):
            mixed = mix_images(job, objective, both, lam)
            _show(axis, mixed.image.movedim(0, -1), rf"$\lambda$ = {lam:g}")
            axis.set_xlabel(fill("; ".join(mixed.notes), 20), fontsize=6)
        line[0].set_ylabel(label, fontsize=9)
    _accuracies(drawing, right.subplots(1, 2, sharex=True))
    set_title(figure, drawing.heading())
    save(figure, paths)
    plt.close(figure)


def _accuracies(drawing: Drawing, axes: Sequence[Any]) -> None:
    """Top-1 and top-2 of mixed data over the label share, one line per method, with binomial
    standard errors."""
    first = drawing.first_jobs()
    looks = styles(row.label for row in drawing.table.rows)
    for row in drawing.table.rows:
        history = drawing.store.read(first[row.label])["history"]
        for axis, key, count in zip(axes, ("top1", "top2"), ("n", "pairs"), strict=True):
            share, value, error = shares_seen(history, key, count)
            axis.errorbar(
                share, value, yerr=error, linestyle="-", **looks[row.label]._asdict(),
                markersize=4, linewidth=1.2, elinewidth=0.8, label=row.label,
            )  # fmt: skip
    for axis, rank in zip(axes, (1, 2), strict=True):
        axis.set_title(
            f"Top-{rank} of mixed data (%), bars: standard error,\n"
            f"shares of fewer than {FEWEST} samples left out",
            fontsize=8,
        )
        axis.set_xlabel("label share of the own image", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(fontsize=8, frameon=False)


def shares_seen(
    history: Sequence[Mapping[str, float]], key: str, count: str
) -> tuple[list[float], list[float], list[float]]:
    """The points of a line over the label share.

    Args:
        history: rows of a result; a share that no sample has is missing.
        key: the accuracy, in percent.
        count: of the samples behind it.

    Returns:
        Shares, accuracies and their binomial standard errors, one for every share between the
        first and the last of the result; not a number where fewer than ``FEWEST`` samples are, so
        that a line breaks there.
    """
    places = {round(row["share"] * BINS - 0.5): row for row in history}
    known = {place: row for place, row in places.items() if row[count] >= FEWEST}
    shares, values, errors = [], [], []
    for place in range(min(places), max(places) + 1):
        row = known.get(place, {key: math.nan, count: math.nan})
        share = row[key] / 100
        shares.append((place + 0.5) / BINS)
        values.append(row[key])
        errors.append(100 * math.sqrt(share * (1 - share) / row[count]))
    return shares, values, errors


def over_training(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Figure 7: one pair at lambda = 0.5, from the untrained block to the end, with its masks."""
    plt = canvas(drawing.table.name)
    jobs = trainings(drawing)
    titles, files = _moments(next(iter(jobs.values())))
    figure, axes = plt.subplots(
        2 * len(jobs), len(files) + 2, squeeze=False, layout="constrained",
        figsize=(1.3 * (len(files) + 2), 2.6 * len(jobs) + 0.6),
    )  # fmt: skip
    for i, (label, job) in enumerate(jobs.items()):
        both = test_images(job, drawing.store, 2)
        above, below = axes[2 * i], axes[2 * i + 1]
        for axis, image, title in zip(above, both, ("image A", "image B"), strict=False):
            _show(axis, picture(job, image), title)
        for title, file, top, bottom in zip(titles, files, above[2:], below[2:], strict=True):
            objective = trained_objective(job, context_of(drawing.store), file)
            _pair(top, bottom, mix_images(job, objective, both, 0.5), title)
        above[0].set_ylabel(label, fontsize=9)
        for axis in below[:2]:
            axis.set_visible(False)
    set_title(figure, f"{drawing.heading()}; {MASKS}")
    save(figure, paths)
    plt.close(figure)


def _moments(job: TrainJob) -> tuple[list[str], list[str]]:
    """Titles and files of the stored moments of a training, and its end."""
    named = ["before training" if e == 0 else f"epoch {e}" for e in job.snapshots]
    return [*named, "end"], [*map(snapshot, job.snapshots), OBJECTIVE]


def trivial_or_not(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Figure 6: accuracy over training, and each row's sample and mask at its end."""
    plt = canvas(drawing.table.name)
    jobs = trainings(drawing)
    figure = plt.figure(figsize=(8.2, 3.4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.3, 1))
    axis = left.subplots()
    panels = right.subplots(len(jobs), 2, squeeze=False)
    looks = styles(jobs)
    for i, (label, job) in enumerate(jobs.items()):
        rows = [row for row in drawing.store.read(job)["history"] if "top1" in row]
        axis.plot(
            [row["epoch"] for row in rows], [row["top1"] for row in rows],
            linestyle="-", **looks[label]._asdict(), markersize=4, label=label,
        )  # fmt: skip
        both = test_images(job, drawing.store, 2)
        mixed = mix_images(
            job, trained_objective(job, context_of(drawing.store), OBJECTIVE), both, 0.5
        )
        _pair(panels[i, 0], panels[i, 1], mixed, label)
    axis.set_xlabel("epoch")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_ylabel(TOP1)
    axis.legend(fontsize=8, frameon=False)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    set_title(figure, f"{drawing.heading()}; {MASKS}")
    save(figure, paths)
    plt.close(figure)


def of_a_trained_block(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Figure 12: pairs at lambda = 0.5 above, the first pair at other lambdas below."""
    plt = canvas(drawing.table.name)
    (job,) = trainings(drawing).values()
    objective = trained_objective(job, context_of(drawing.store), OBJECTIVE)
    images = test_images(job, drawing.store, 6)
    pairs = [images[i : i + 2] for i in (0, 2, 4) if len(images) >= i + 2]
    across = len(FIGURE_12)
    figure, axes = plt.subplots(
        4, across, squeeze=False, figsize=(1.4 * across, 6.2), layout="constrained"
    )
    for i, both in enumerate(pairs):
        for axis, image in zip(axes[0, 2 * i : 2 * i + 2], both, strict=True):
            _show(axis, picture(job, image), f"pair {i + 1}")
        half = mix_images(job, objective, both, 0.5)
        _pair(axes[1, 2 * i], axes[1, 2 * i + 1], half, r"$\lambda$ = 0.5")
    for i, lam in enumerate(FIGURE_12):
        mixed = mix_images(job, objective, pairs[0], lam)
        _pair(axes[2, i], axes[3, i], mixed, rf"$\lambda$ = {lam:g}")
    set_title(figure, f"{drawing.heading()}; {MASKS}")
    save(figure, paths)
    plt.close(figure)


def _show(axis: Any, image: Any, title: str) -> None:
    axis.imshow(image.numpy())
    axis.set_title(title, fontsize=8)
    axis.set_xticks([])
    axis.set_yticks([])


def _pair(above: Any, below: Any, mixed: MixedImage, title: str) -> None:
    """A mixed picture and its mask, with the mask's mean and its spread over pixels."""
    _show(above, mixed.image.movedim(0, -1), title)
    below.imshow(mixed.shares[0].numpy(), vmin=0, vmax=1, cmap="viridis")
    mean, spread = float(mixed.shares[0].mean()), float(mixed.shares[0].std())
    below.set_title(f"mean {mean:.2f}, sd {spread:.2f}", fontsize=7)
    below.set_xticks([])
    below.set_yticks([])
