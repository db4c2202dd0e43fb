"""Portable bits: the same numbers, to the last bit, on every x86 processor with AVX2, whatever the
number of its threads.

Sums of floating point numbers depend on their order, and libraries choose the order by instruction
set and threads.  Here both are fixed: AVX2 in PyTorch's own kernels, in oneDNN and in MKL (any one
of them alone does not suffice), and one thread a process.  Jobs run side by side in processes, so
one thread costs no time where there are as many jobs as cores.  The variables are read when the
libraries are loaded, so they are set before; imports no torch.

Scales say whether they want it (``portable: true``); ``python -m pipelines.selftest`` says whether
this machine gives the bits of the reference.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping

INSTRUCTION_SET = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "AVX2",
}
THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def pin(environment: MutableMapping[str, str] = os.environ) -> None:
    """Fixes instruction set and threads of this process.

    Raises:
        RuntimeError: torch is loaded already, and has read the variables.

    Example:
        >>> environment = {"OMP_NUM_THREADS": "4"}
        >>> pin(environment)
        >>> environment["OMP_NUM_THREADS"], environment["MKL_CBWR"]
        ('1', 'AVX2')
    """
    wanted = {**INSTRUCTION_SET, **THREADS}
    if pinned(environment):
        return
    if "torch" in sys.modules and environment is os.environ:
        raise RuntimeError("expected to fix the instruction set before torch is loaded; it is")
    environment.update(wanted)


def pinned(environment: MutableMapping[str, str] = os.environ) -> bool:
    """Whether the variables are as :func:`pin` sets them.

    Example:
        >>> environment: dict[str, str] = {}
        >>> pinned(environment)
        False
        >>> pin(environment)
        >>> pinned(environment)
        True
    """
    wanted = {**INSTRUCTION_SET, **THREADS}
    return all(environment.get(name) == value for name, value in wanted.items())
