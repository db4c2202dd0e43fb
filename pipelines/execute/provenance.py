"""Provenance of a result: with what, and from which source, it was made.

The source is what was loaded when the work began, and what the work itself loaded after that:
commit, and a digest of the syntax tree of every module of the project in use (comments, docstrings
and formatting are no part of it).  Whatever changed until the end is named.  Which stored results
an edit touches follows from it (:mod:`pipelines.stale`).
"""

from __future__ import annotations

import ast
import hashlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipelines.data.files import file_digest
from pipelines.portable_bits import pinned

ROOT = Path(__file__).parents[2]
PACKAGES = ("mixlib", "downstream", "pipelines", "theory", "paper_tables")
DECIDED = ("pipelines.declare", "pipelines.plan", "paper_tables")
"""What these decide is in a job, and so in its digest; a result is not theirs."""
LOCK = "uv.lock"
CLOCK = 20_000_000
"""Nanoseconds by which a file system's clock may be late."""


def provenance() -> dict[str, Any]:
    """With what, and from which source, this process works now."""
    return Origin.now().body()


@dataclass(frozen=True)
class Origin:
    """What a process worked with when its work began.

    Attributes:
        git: commit, and whether files differ from it.
        sources: module -> digest of its file's bytes.
        trees: module -> digest of its syntax tree; the lock file's digest under its name.
        began: when, in nanoseconds since the epoch.

    Example:
        >>> origin = Origin.now()
        >>> origin.changed()
        []
    """

    git: dict[str, Any]
    sources: dict[str, str]
    trees: dict[str, str]
    began: int

    @classmethod
    def now(cls) -> Origin:
        """The origin of work that begins now."""
        files = loaded_files()
        return cls(
            git=dict(git_state()),
            sources={name: _bytes_digest(path) for name, path in files.items()},
            trees=tree_digests(files),
            began=time.time_ns(),
        )

    def changed(self) -> list[str]:
        """Modules whose files are no longer what was loaded.

        A module that the work itself loaded counts when its file is younger than the work.
        """
        files = loaded_files()
        edited = {
            name
            for name, digest in self.sources.items()
            if name not in files or _bytes_digest(files[name]) != digest
        }
        late = (name for name in files if name not in self.sources)
        began = self.began - CLOCK
        return sorted(edited | {name for name in late if _changed_at(files[name]) > began})

    def body(self) -> dict[str, Any]:
        """What a result stores, at the end of the work."""
        changed = self.changed()
        trees = dict(sorted({**tree_digests(loaded_files()), **self.trees}.items()))
        return {
            "versions": versions(),
            "git": {**self.git, "dirty": bool(self.git["dirty"] or changed)},
            "source": {
                "digest": closure_digest(trees),
                "modules": trees,
                "changed_during_run": changed,
            },
            "host": host(),
        }


def closure_digest(trees: Mapping[str, str]) -> str:
    """16 hex digits for all modules of a work together.

    Example:
        >>> closure_digest({"a": "1", "b": "2"}) == closure_digest({"b": "2", "a": "1"})
        True
    """
    text = "\n".join(f"{name} {digest}" for name, digest in sorted(trees.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def tree_digests(files: Mapping[str, Path]) -> dict[str, str]:
    """Module -> digest of its syntax tree, and the lock file's under its name.

    Args:
        files: module -> file; modules of :data:`DECIDED` packages are left out.
    """
    trees = {name: tree_digest(path) for name, path in files.items() if not _decided(name)}
    return {**trees, LOCK: _bytes_digest(ROOT / LOCK)}


def _decided(name: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in DECIDED)


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return sys.maxsize


def loaded_files() -> dict[str, Path]:
    """The files of this project's modules that are loaded."""
    found = {}
    for name, module in sys.modules.copy().items():  # other threads import
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in PACKAGES and file and file.endswith(".py"):
            found[name] = Path(file)
    return found


def tree_digest(path: Path) -> str:
    """Digest of a module's syntax tree; "" where the file is gone."""
    try:
        return _tree_digest(path, path.stat().st_mtime_ns)
    except OSError:
        return ""


@cache
def _tree_digest(path: Path, changed: int) -> str:
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


def _bytes_digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError:
        return ""


@cache
def git_state() -> dict[str, Any]:
    """The commit, and whether files differ from it, when this was first asked."""
    return {"commit": _git("rev-parse", "HEAD"), "dirty": bool(_git("status", "--porcelain"))}


@cache
def versions() -> dict[str, str | None]:
    """Versions of Python and of the libraries that numbers depend on."""
    names = ("torch", "torchvision", "timm", "lightning", "numpy", "mixlib")
    return {"python": platform.python_version(), **{name: _version(name) for name in names}}


def host() -> dict[str, Any]:
    """The machine: processor, instruction set, threads and device, on which bits depend."""
    found: dict[str, Any] = {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "portable_bits": pinned(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        # a training's numbers depend on how many processes shared its batches
        "world_size": int(os.environ.get("WORLD_SIZE", "1")),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        found["threads"] = torch.get_num_threads()
        found["instruction_set"] = torch.backends.cpu.get_cpu_capability()
        cuda = torch.cuda.is_available()
        found["device"] = torch.cuda.get_device_name() if cuda else "cpu"
        found["cuda"] = torch.version.cuda if cuda else None
    return found


@cache
def _processor() -> str:
    """The processor's model name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
