"""GPU-hours of every job: ``python -m pipelines.cost SCALE [TABLE ...] [--gpu a100|h100|h200]``.

Counted operations (:mod:`pipelines.estimate`) over a share of the GPU's peak.  The share is an
assumption, the same for every network, and an option: a GPU that was measured may be told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import typer

from pipelines.command_line import OwnTables, Plugins, ScaleName, Tables, run_app
from pipelines.estimate import of_job
from pipelines.plan.build import plan
from pipelines.plan.job import Job

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Gpu(StrEnum):
    """A GPU by name."""

    a100 = "a100"
    h100 = "h100"
    h200 = "h200"


# dense tensor cores, operations a second: TF32 (torch's convolutions of float32) and bfloat16; the
# vendor's data sheets (SXM forms)
PEAK: Mapping[Gpu, Mapping[str, float]] = {
    Gpu.a100: {"32-true": 156e12, "bf16-mixed": 312e12},
    Gpu.h100: {"32-true": 494e12, "bf16-mixed": 989e12},
    Gpu.h200: {"32-true": 494e12, "bf16-mixed": 989e12},
}
SHARE = 0.13
"""Share of its peak that a GPU is taken to reach."""


def hours(job: Job, gpu: Gpu = Gpu.a100, share: float = SHARE) -> float:
    """GPU-hours of one job."""
    load = of_job(job)
    return load.operations / (PEAK[gpu][load.precision] * share) / 3600


@app.command()
def main(
    scale_name: ScaleName,
    tables: Tables = None,
    own: OwnTables = None,
    plugins: Plugins = None,
    gpu: Annotated[Gpu, typer.Option(help="which GPU")] = Gpu.a100,
    share: Annotated[float, typer.Option(help="share of the peak that it reaches")] = SHARE,
    jobs: Annotated[bool, typer.Option("--jobs", help="list every job, too")] = False,
) -> None:
    """GPU-hours of each table and of all, from counted operations."""
    found = plan(scale_name, own, plugins or ())
    names = found.chosen(tables)
    print(f"GPU-hours at scale {scale_name} on {gpu.upper()}, at {share:.0%} of its peak")
    print(f"{'table':16} {'jobs':>5} {'GPU-hours':>12} {'longest job':>12}")
    whole: dict[str, float] = {}
    for name in names:
        needed = found.closure(name)
        if not needed:
            continue
        for key, job in needed.items():
            if key not in whole:
                whole[key] = hours(job, gpu, share)
        each = [whole[key] for key in needed]
        # one line a table, as soon as it is counted
        print(f"{name:16} {len(each):5} {sum(each):12,.1f} {max(each):12,.1f}", flush=True)
        for times, of_all, one, text in grouped(needed, whole) if jobs else ():
            print(f"{'':16} {times:>5} {of_all:>12} {one:>12}  {text}")
    print(f"{'each job once':16} {len(whole):5} {sum(whole.values()):12,.1f}")


def grouped(
    needed: Mapping[str, Job], whole: Mapping[str, float]
) -> list[tuple[str, str, str, str]]:
    """Jobs that differ in their seed as one row: how many, all their hours, each one's, which."""
    alike: dict[str, list[float]] = {}
    for key, job in needed.items():
        text = re.sub(r",? ?seed \d+", "", job.describe())
        alike.setdefault(text, []).append(whole[key])
    return [
        (str(len(each)), f"{sum(each):,.1f}", f"{each[0]:,.1f}", text)
        for text, each in alike.items()
    ]


if __name__ == "__main__":
    run_app(app)
