"""What torch.compile makes of objectives, as one line of JSON: ``python -m
tests.mixlib.compiled_objectives``.

Graph breaks and graphs of every plain method, and losses of compiled objectives beside those of the
same ones as they are written.  A process of its own: the run-time checks of shapes that the tests
install are no part of the library and cannot be traced.
"""

from __future__ import annotations

import json

import torch
import torch._dynamo as dynamo

import mixlib
from tests.mixlib.test_objectives import PLAIN, QUICK, batch, made, network

WHOLE = ("cutmix", "ricap", "random_erasing")  # compiled in one graph
OTHERS = ("manifoldmix", "automix", "transmix")
WAYS = ("objective", "in place", "network")


def breaks(name: str) -> list[int]:
    """Graph breaks and graphs."""
    dynamo.reset()
    found = dynamo.explain(made(name))(*batch())
    return [found.graph_break_count, found.graph_count]


def losses(name: str, way: str) -> list[list[float]]:
    """Losses of three batches: compiled, and as written."""
    dynamo.reset()
    plain, objective = made(name), made(name)
    run = objective
    if way == "whole":
        run = torch.compile(objective, backend="aot_eager", fullgraph=True)
    elif way == "objective":
        run = torch.compile(objective, backend="aot_eager")
    elif way == "in place":
        objective.compile(backend="aot_eager")
    else:
        model = network(name)
        model.compile(backend="aot_eager")
        objective = run = mixlib.objective(name, model, steps=4, **QUICK.get(name, {}))
    found: list[list[float]] = [[], []]
    for i in range(3):
        for one, values in ((run, found[0]), (plain, found[1])):
            loss = one(*batch()).loss
            one.zero_grad()
            loss.backward()
            values.append(float(loss.detach()))
        with torch.no_grad():
            for one in (objective, plain):
                for p in one.groups()["net"]:
                    p.sub_(p.grad, alpha=0.1)
        objective.update_teacher(i)
        plain.update_teacher(i)
    return found


def refusal() -> str:
    """What a compiled objective answers who asks for the masks that it mixed with."""
    dynamo.reset()
    step = torch.compile(made("cutmix"), backend="aot_eager", fullgraph=True)(*batch())
    assert step.mix.source.shape == step.mix.weight.shape == (4, 2)
    try:
        step.mix.dense()
    except ValueError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    cases = [(name, "whole") for name in WHOLE] + [(n, way) for n in OTHERS for way in WAYS]
    print(json.dumps({
        "refusal": refusal(),
        "breaks": {name: breaks(name) for name in PLAIN},
        "losses": {f"{name}, {way}": losses(name, way) for name, way in cases},
    }))  # fmt: skip
