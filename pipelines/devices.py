"""GPUs of one machine handed out to jobs: ``python -m pipelines.devices COUNT -- COMMAND ...``.

Takes COUNT GPUs that no other job holds, waiting for them if need be, names them in
CUDA_VISIBLE_DEVICES and becomes the command.  A GPU is held by a lock on a file that the command
inherits, so it is free again when the command has ended, however it did.  Under SLURM the scheduler
has handed them out, and its choice is taken.  Imports no torch.
"""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pipelines.start import visible_devices

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class TooFewDevicesError(RuntimeError):
    """A job wants more GPUs than there are."""


def lock_folder() -> Path:
    """Where this user's jobs lock the GPUs of this machine, from whatever folder they run."""
    return Path(tempfile.gettempdir()) / f"mixlib-gpus-{os.getuid()}"


def take(count: int, devices: Sequence[str], folder: Path, poll: float = 1.0) -> list[str]:
    """Locks ``count`` of the devices, waiting until as many are free; the locks stay open.

    Raises:
        TooFewDevicesError: there are not as many at all.

    Example:
        >>> take(2, ["0", "1", "2"], Path(tempfile.mkdtemp()))
        ['0', '1']
    """
    if count > len(devices):
        raise TooFewDevicesError(
            f"expected {count} GPUs, found {len(devices)} ({', '.join(devices) or 'none'}); ask "
            "for fewer with --set-resources, or name others in CUDA_VISIBLE_DEVICES"
        )
    folder.mkdir(parents=True, exist_ok=True)
    # who waits for several holds back who comes later, so that neither waits for the other
    queue = os.open(folder / "queue", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(queue, fcntl.LOCK_EX)
    held: dict[str, int] = {}
    said = False
    while True:
        for device in devices:
            if device not in held and len(held) < count:
                file = os.open(folder / f"gpu-{device}", os.O_RDWR | os.O_CREAT, 0o600)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(file)
                else:
                    os.set_inheritable(file, True)
                    held[device] = file
        if len(held) == count:
            os.close(queue)
            return list(held)
        if not said:
            print(f"waiting for {count} of {len(devices)} GPUs", file=sys.stderr, flush=True)
            said = True
        time.sleep(poll)


def main(words: Sequence[str]) -> None:
    """Becomes the command behind "--" on the GPUs that it was given."""
    try:
        count, dashes, *command = words
        if dashes != "--" or not command:
            raise ValueError
        number = int(count)
    except ValueError:
        sys.exit(f"usage: python -m pipelines.devices COUNT -- COMMAND ..., found {list(words)}")
    devices = visible_devices()
    try:
        if "SLURM_JOB_ID" in os.environ:
            chosen = granted(number, devices)
        else:
            chosen = take(number, devices, lock_folder())
    except TooFewDevicesError as error:
        sys.exit(f"error: {error}")
    # the cores are for processes that load images; threads would only fight for them
    environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}
    environment["CUDA_VISIBLE_DEVICES"] = ",".join(chosen)
    with suppress(FileNotFoundError):
        os.execvpe(command[0], command, environment)
    sys.exit(f"error: no program {command[0]!r}")


def granted(count: int, devices: Sequence[str]) -> list[str]:
    """The first ``count`` of the scheduler's devices.

    Raises:
        TooFewDevicesError: it granted fewer.
    """
    if count > len(devices):
        raise TooFewDevicesError(
            f"expected {count} GPUs of the scheduler, found {len(devices)} in CUDA_VISIBLE_DEVICES;"
            " look at the resources of this rule and at the cluster's gres"
        )
    return list(devices[:count])


if __name__ == "__main__":
    main(sys.argv[1:])
