"""Occlusion of trained networks: curves, and example images with confidences (TokenMix, Figure
4)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from paper_tables.drawings.canvas import TOP1, Drawing, canvas, save, set_title
from paper_tables.drawings.colors import styles
from pipelines.execute.occlusion import SAMPLES

TITLES = {
    "random": "random patches",
    "salient": "most attended first",
    "nonsalient": "least attended first",
}


def curves(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """Accuracy over the share of dropped patches: a panel a choice of patches, a line a method."""
    plt = canvas(drawing.table.name)
    first = drawing.first_jobs()
    results = {row.label: drawing.store.read(first[row.label]) for row in drawing.table.rows}
    shown = next(iter(results.values()))["curves"]
    figure, axes = plt.subplots(
        1, len(shown), figsize=(3.4 * len(shown), 3.4), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    looks = styles(results)
    for axis, which in zip(axes[0], shown, strict=True):
        for label, result in results.items():
            own = float(result["curves"].index(which))
            rows = [row for row in result["history"] if row["curve"] == own]
            axis.plot(
                [100 * row["ratio"] for row in rows],
                [row["top1"] for row in rows],
                linestyle="-",
                **looks[label]._asdict(),
                markersize=4,
                label=label,
            )
        axis.set_title(TITLES[which], fontsize=10)
        axis.set_xlabel("patches dropped (%)", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel(TOP1, fontsize=9)
    highest = max(row["top1"] for result in results.values() for row in result["history"])
    axes[0, 0].set_ylim(0, 1.05 * highest + 1)
    axes[0, 0].legend(fontsize=8, frameon=False)
    set_title(figure, drawing.heading())
    save(figure, paths)
    plt.close(figure)


def examples(drawing: Drawing, paths: tuple[Path, ...]) -> None:
    """A few images at growing shares of dropped patches, and every method's confidence in the
    true class below."""
    plt = canvas(drawing.table.name)
    first = drawing.first_jobs()
    labels = [row.label for row in drawing.table.rows]
    looks = styles(labels)
    samples = [dict(np.load(drawing.store.kept_file(first[name], SAMPLES))) for name in labels]
    ratios, images = samples[0]["ratios"], samples[0]["images"]
    count = images.shape[1]
    figure, axes = plt.subplots(
        count,
        len(ratios),
        figsize=(1.6 * len(ratios), (1.6 + 0.16 * len(labels)) * count + 0.6),
        squeeze=False,
        layout="constrained",
    )
    for place, line in enumerate(axes):
        for step, axis in enumerate(line):
            axis.imshow(images[step, place])
            axis.set(xticks=[], yticks=[])
            for number, (label, sample) in enumerate(zip(labels, samples, strict=True)):
                axis.text(
                    0.5,
                    -0.02 - 0.12 * number,
                    f"{sample['confidence'][step, place]:.2f}",
                    color=looks[label].color,
                    transform=axis.transAxes,
                    ha="center",
                    va="top",
                    fontsize=9,
                )
            if place == 0:
                axis.set_title(f"{100 * ratios[step]:.0f} %", fontsize=9)
    handles = [plt.Line2D([], [], color=looks[label].color, label=label) for label in labels]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(labels), frameon=False)
    set_title(
        figure,
        f"{drawing.heading()}\npatches dropped, and the probability of the true class",
    )
    save(figure, paths)
    plt.close(figure)
