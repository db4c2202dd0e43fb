"""The start of a job: the command that the granted GPUs and cores make of it.

One GPU or none starts one process, several start torchrun; what is left of the cores loads images.
Nothing of this is part of a job: its numbers are those of its shards, whatever the number of
processes (:mod:`mixlib.training.shards`).  Imports no torch.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CORES_PER_GPU = 8
"""Cores that a job asks for with each GPU: one trains, the others decode images."""
SIGNALS = "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"
"""Signals that torchrun hands on to its processes; its own default lacks SIGUSR1."""


def processes(shards: int, most: int) -> int:
    """Processes of a job of so many shards on at most so many GPUs: the largest divisor.

    Example:
        >>> processes(8, 6), processes(8, 100), processes(1, 8), processes(8, 0)
        (4, 8, 1, 0)
    """
    return max((g for g in range(1, min(shards, most) + 1) if shards % g == 0), default=0)


@dataclass(frozen=True)
class Machine:
    """Where jobs run, as far as their start depends on it.

    Attributes:
        devices: GPUs of this machine that may be used, by the words of CUDA_VISIBLE_DEVICES.
        cluster: jobs run elsewhere, and ask for what they want.
    """

    devices: tuple[str, ...] = ()
    cluster: bool = False

    def gpus(self, shards: int) -> int:
        """GPUs that a job of so many shards asks for."""
        return shards if self.cluster else processes(shards, len(self.devices))

    def cores(self, gpus: int) -> int:
        """Cores that a job with so many GPUs asks for."""
        return max(1, CORES_PER_GPU * gpus)


def visible_devices(
    environment: Mapping[str, str] = os.environ, nodes: Path = Path("/dev")
) -> tuple[str, ...]:
    """GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, or all that there are.

    Example:
        >>> visible_devices({"CUDA_VISIBLE_DEVICES": "1,3"})
        ('1', '3')
    """
    named = environment.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(word.strip() for word in named.split(",") if word.strip())
    found = (path.name.removeprefix("nvidia") for path in nodes.glob("nvidia[0-9]*"))
    return tuple(sorted((name for name in found if name.isdigit()), key=int))


def workers(gpus: int, cores: int) -> int:
    """Data loading processes of each of a job's processes: one core of its share is its own.

    Example:
        >>> workers(8, 64), workers(1, 4), workers(0, 1)
        (7, 3, 0)
    """
    return max(0, cores // max(1, gpus) - 1)


def start_command(
    job_file: Path | str, shards: int, gpus: int, cores: int, more: Sequence[str] = ()
) -> str:
    """The shell command that does a planned job on what was granted.

    Args:
        job_file: see :mod:`pipelines.plan.job_file`.
        shards: of the job; a number of GPUs that does not divide them is not used up.
        gpus, cores: granted.
        more: arguments of the job's own process, see :mod:`pipelines.execute`.

    Example:
        >>> start_command("j.json", shards=8, gpus=0, cores=1).split()[1:]
        ['-m', 'pipelines.preloaded', 'pipelines.execute', 'j.json', '--workers', '0']
    """
    python, count = Path(sys.executable), processes(shards, gpus)
    work = ["pipelines.execute", str(job_file), "--workers", str(workers(count, cores))]
    work += more
    if count == 0:
        # libraries may be loaded already
        return shlex.join([str(python), "-m", "pipelines.preloaded", *work])
    work = ["-m", *work]
    devices = [str(python), "-m", "pipelines.devices", str(count), "--"]
    if count == 1:
        return shlex.join([*devices, str(python), *work])
    torchrun = [
        str(python.with_name("torchrun")),
        "--standalone",
        f"--nproc-per-node={count}",
        f"--signals-to-handle={SIGNALS}",
    ]
    return shlex.join([*devices, *torchrun, *work])
