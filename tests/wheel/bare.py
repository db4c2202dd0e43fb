"""Runs an installed mixlib with torch, numpy and jaxtyping alone.

``python -I bare.py TARGET EXAMPLE ...``

TARGET is the folder that the wheel was installed into.  Whatever else the interpreter could import
is hidden, so that one environment shows what a bare one would do.  Then every method of the catalog
takes a training step; one line says which did, and what the others asked for.
"""

from __future__ import annotations

import json
import re
import runpy
import sys
from importlib import metadata
from itertools import pairwise

REQUIRED = ("torch", "numpy", "jaxtyping")


def top_levels() -> set[str]:
    """Modules of the required packages and of what these require themselves."""
    waiting, seen = list(REQUIRED), set()
    while waiting:
        name = re.split(r"[ ;<>=!~\[(]", waiting.pop())[0].lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        waiting += [entry for entry in needed if "extra ==" not in entry]
    owners = metadata.packages_distributions()
    return {
        module
        for module, names in owners.items()
        if {name.lower().replace("_", "-") for name in names} & seen
    }


class Hidden:
    """In the place of the interpreter's finders: finds what is required, and nothing else."""

    def __init__(self, allowed: set[str]) -> None:
        self.allowed = allowed | set(sys.stdlib_module_names) | {"mixlib"}
        self.finders = list(sys.meta_path)

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        top = name.partition(".")[0]
        if top not in self.allowed and not top.startswith("_sysconfigdata"):
            return None
        found = (finder.find_spec(name, path, target) for finder in self.finders)
        return next((spec for spec in found if spec is not None), None)

    def find_distributions(self, *words: object, **others: object) -> object:
        """Metadata of packages, which some of them read of themselves."""
        for finder in self.finders:
            if hasattr(finder, "find_distributions"):
                yield from finder.find_distributions(*words, **others)

    def invalidate_caches(self) -> None:
        for finder in self.finders:
            getattr(finder, "invalidate_caches", lambda: None)()


def steps() -> dict[str, str]:
    """Every method's first training step: "ok", or what it asked for."""
    import torch
    from torch import nn

    import mixlib

    def network() -> nn.Module:
        wide = (3, 8, 8, 8, 8)
        layers = [nn.Conv2d(i, o, 3, 2, 1) for i, o in pairwise(wide)]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))

    found = {}
    images, labels = torch.rand(4, 3, 64, 64), torch.arange(4)
    for name, row in mixlib.METHODS.items():
        words = {"teacher": network()} if row.needs == {"teacher"} else {}
        try:
            objective = mixlib.objective(name, network(), steps=2, **words)
            objective(images, labels).loss.backward()
            objective.update_teacher(0)
            found[name] = "ok"
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


if __name__ == "__main__":
    target, *examples = sys.argv[1:]
    sys.path.insert(0, target)
    sys.meta_path[:] = [Hidden(top_levels())]
    for example in examples:
        runpy.run_path(example, run_name="__main__")
    report = steps()
    module = sys.modules["mixlib"]
    import torch

    print(json.dumps({
        "torch": torch.__version__,
        "mixlib": [module.__version__, module.__file__],
        "steps": report,
        "hidden": sorted({"timm", "torchvision", "scipy", "lightning"} & set(sys.modules)),
    }))  # fmt: skip
