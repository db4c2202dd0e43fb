"""The time of MaxBoxAcc against a direct loop over the 1,000 thresholds.

The maps are bicubic enlargements of random 14 x 14 and 7 x 7 ones, half of them smoothed like a
trained network's; one true box an image. Both evaluations alternate on the same maps, a block at a
time, on one thread each; the clock is the process's own CPU time, so that a busy machine slows
neither. The counts of both must agree.
"""

from __future__ import annotations

import platform
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from downstream.localization.boxes import overlap, trace
from downstream.localization.maps import gray_levels
from downstream.localization.max_box_acc import BoxAccuracy, evaluate, shares

GRID = 224
Case = tuple[list[NDArray[np.uint8]], list[NDArray[np.int64]]]


def cases(count: int, seed: int) -> Case:
    """Maps uint8 [224, 224] and true boxes int64 [1, 4]."""
    rng = np.random.default_rng(seed)
    maps, true = [], []
    for number in range(count):
        cam = rng.random((14, 14) if number % 2 else (7, 7), dtype=np.float32)
        maps.append(
            gray_levels(
                np.asarray(
                    cv2.GaussianBlur(cam, (0, 0), 1.0) if number % 4 < 2 else cam, np.float32
                ),
                GRID,
            )
        )
        low, side = rng.integers(0, GRID // 2, 2), rng.integers(20, GRID // 2, 2)
        true.append(np.concatenate([low, low + side])[None])
    return maps, true


def direct(maps: list[NDArray[np.uint8]], true: list[NDArray[np.int64]]) -> BoxAccuracy:
    """The definition, threshold by threshold."""
    steps = shares()
    every, largest = np.empty((len(maps), len(steps))), np.empty((len(maps), len(steps)))
    for number, (gray, boxes) in enumerate(zip(maps, true, strict=True)):
        for place, step in enumerate(steps):
            found, biggest = trace(gray, int(step * gray.max()))
            overlaps = overlap(np.array(found), boxes).max(1)
            every[number, place], largest[number, place] = overlaps.max(), overlaps[biggest]
    return BoxAccuracy(every, largest)


def compare(seed: int, count: int) -> tuple[float, float]:
    """CPU seconds of ours and of the direct loop on the same maps.

    Raises:
        AssertionError: an overlap differs.
    """
    cv2.setNumThreads(1)
    maps, true = cases(count, seed)
    began = time.process_time()
    ours = evaluate(maps, true)
    middle = time.process_time()
    theirs = direct(maps, true)
    ended = time.process_time()
    np.testing.assert_array_equal(ours.all, theirs.all)
    np.testing.assert_array_equal(ours.largest, theirs.largest)
    return middle - began, ended - middle


def whole(seed: int, count: int) -> float:
    """CPU seconds of ours alone."""
    cv2.setNumThreads(1)
    maps, true = cases(count, seed)
    began = time.process_time()
    evaluate(maps, true)
    return time.process_time() - began


def main(
    blocks: Annotated[int, typer.Option(help="Blocks of maps that both evaluate.")] = 5,
    size: Annotated[int, typer.Option(help="Maps a block.")] = 20,
    maps: Annotated[int, typer.Option(help="Maps for ours alone; CUB's test split.")] = 5794,
    processes: Annotated[int, typer.Option(help="Processes that share them.")] = 2,
) -> None:
    """Measures both, then ours on as many maps as CUB has test images."""
    seconds = np.array([compare(seed, size) for seed in range(blocks)])
    ours, theirs = 1e3 * np.median(seconds, 0) / size
    ratio = float(np.median(seconds[:, 1] / seconds[:, 0]))
    began = time.perf_counter()
    with ProcessPoolExecutor(processes) as pool:
        share = partial(whole, count=-(-maps // processes))
        spent = list(pool.map(share, range(100, 100 + processes)))
    wall = time.perf_counter() - began
    typer.echo(
        f"{GRID} px, 1,000 thresholds, n = {blocks} blocks of {size} maps; "
        f"{platform.processor() or platform.machine()}, OpenCV {cv2.__version__}\n\n"
        "| evaluation | CPU ms a map |\n|---|---:|\n"
        f"| ours | {ours:.1f} |\n| direct loop | {theirs:.1f} |\n\n"
        f"ratio {ratio:.1f} (median over blocks)\n"
        f"{maps} maps on {processes} processes: {max(spent):.1f} CPU s each, {wall:.1f} s wall"
    )


if __name__ == "__main__":
    typer.run(main)
