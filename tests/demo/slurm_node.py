"""A SLURM cluster of one node: the real daemons of the distribution's packages, with GPUs that are
only names.

Needs root and ``slurm-wlm`` and ``munge``; installs nothing.  The configuration lies where SLURM
looks for it without a word (a job's step gets no SLURM_CONF from Snakemake's plug-in), so a machine
that has one already is somebody's cluster and is left alone.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
FOLDER = Path("/etc/slurm")
CONF = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=5
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=600
KillWait=30
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=200000 Gres=gpu:{gpus} State=UNKNOWN
PartitionName=gpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Why no cluster can be started here; None: it can."""
    absent = [name for name in PROGRAMS if find(name) is None]
    if absent:
        return f"SLURM is not installed: no {', '.join(absent)} (Debian: slurm-wlm and munge)"
    if os.getuid():
        return "only root may start SLURM's daemons"
    if (FOLDER / "slurm.conf").exists():
        return f"{FOLDER / 'slurm.conf'} exists: this machine belongs to a cluster"
    return None


def find(name: str) -> str | None:
    """A program's path; daemons lie where a user's PATH need not lead."""
    return shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")


@contextmanager
def one_node(folder: Path, gpus: int = 2, cores: int = 16) -> Iterator[None]:
    """Inside, the cluster is there, with a partition "gpu"; afterwards neither daemons nor files.

    Args:
        folder: of the daemons' states and logs.
        gpus, cores: that the node is said to have.

    Raises:
        RuntimeError: the node was not ready in time; with the ends of the logs.
    """
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    host = socket.gethostname().partition(".")[0]
    # every GPU needs a file of its own; a device node that all may open stands for it
    lines = [f"Name=gpu File={folder}/gpu{i}\n" for i in range(gpus)]
    for i in range(gpus):
        (folder / f"gpu{i}").symlink_to("/dev/null")
    written = {
        FOLDER / "slurm.conf": CONF.format(host=host, folder=folder, gpus=gpus, cores=cores),
        FOLDER / "gres.conf": "".join(lines),
    }
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        for path, text in written.items():
            path.write_text(text)
        for words in (
            ["munged", "--foreground", "--force", f"--key-file={key}",
             f"--socket={folder}/munge.socket", f"--pid-file={folder}/munge.pid",
             f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed"],
            ["slurmctld", "-D", "-c"],
            ["slurmd", "-D", "-c"],
        ):  # fmt: skip
            path = str(find(words[0]))
            log = (folder / f"{words[0]}.out").open("wb")
            daemons.append(subprocess.Popen([path, *words[1:]], stdout=log, stderr=log))
            if words[0] == "munged":
                wait_for((folder / "munge.socket").exists, folder)
        wait_for(lambda: sinfo() == "idle", folder)
        yield
    finally:
        subprocess.run(["scancel", "--user=root"], check=False, capture_output=True)
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()
        for path in written:
            path.unlink(missing_ok=True)


def sinfo() -> str:
    """The node's state."""
    asked = subprocess.run(
        ["sinfo", "--noheader", "--format=%T"], check=False, capture_output=True, text=True
    )
    return asked.stdout.strip()


def wait_for(true: object, folder: Path, seconds: float = 60.0) -> None:
    """Waits until a condition holds.

    Raises:
        RuntimeError: it did not; with the ends of the daemons' logs.
    """
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            logs = [f"{p.name}:\n{p.read_text()[-1500:]}" for p in folder.glob("*.[lo]*[gt]")]
            raise RuntimeError(f"no cluster after {seconds:.0f} s\n" + "\n".join(logs))
        time.sleep(0.2)
