"""A backward pass that needs no device: the recorded graph, walked node by node in Python.

torch's own engine asks the driver for streams of the tensors' device, which a fake device does not
have.  Hooks on tensors are not run; what trains here has none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

Edge = tuple[Any, int]


@contextmanager
def backward_in_python() -> Iterator[None]:
    """Inside, ``Tensor.backward`` and ``torch.autograd.grad`` walk the graph here.

    Example:
        >>> x = torch.tensor([2.0, 3.0], requires_grad=True)
        >>> with backward_in_python():
        ...     (x**2).sum().backward()
        ...     torch.autograd.grad((x**3).sum(), x)[0].tolist(), x.grad.tolist()
        ([12.0, 27.0], [4.0, 6.0])
    """
    with patch("torch.autograd._engine_run_backward", run_backward):
        yield


def run_backward(
    outputs: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    _keep_graph: bool,
    create_graph: bool,
    inputs: Sequence[Any] = (),
    allow_unreachable: bool = True,
    accumulate_grad: bool = True,
) -> tuple[Tensor | None, ...]:
    """Gradients of outputs for inputs, or accumulated in the leaves; as torch's engine has it."""
    edges = [_edge(tensor) for tensor in outputs]
    targets = [_edge(tensor) for tensor in inputs]
    captured: dict[Edge, Tensor] = {}
    wanted = {node for node, _ in targets} if targets else None
    order, waiting = _reachable([node for node, _ in edges], wanted)
    arrived: dict[Any, dict[int, Tensor]] = {}
    for (node, place), value in zip(edges, gradients, strict=True):
        if value is not None and node in order:
            _add(arrived, (node, place), value)
    ready = deque(node for node in dict.fromkeys(n for n, _ in edges) if waiting.get(node) == 0)
    with torch.set_grad_enabled(create_graph):
        while ready:
            node = ready.popleft()
            got = arrived.pop(node, {})
            captured |= {(node, i): value for i, value in got.items() if (node, i) in targets}
            given = _call(node, got, accumulate_grad and not targets, order)
            for (after, place), value in zip(node.next_functions, given, strict=False):
                if after is None or after not in order:
                    continue
                if value is not None:
                    _add(arrived, (after, place), value)
                waiting[after] -= 1
                if waiting[after] == 0:
                    ready.append(after)
    if not allow_unreachable and any(edge not in captured for edge in targets):
        raise RuntimeError("one of the differentiated tensors was not used in the graph")
    found = [captured.get(edge) for edge in targets]
    if accumulate_grad:
        for tensor, value in zip(inputs, found, strict=True):
            _accumulate(tensor, value)
    return tuple(found)


def _edge(tensor: Any) -> Edge:
    edge = tensor if isinstance(tensor, tuple) else get_gradient_edge(tensor)
    return edge[0], edge[1]


def _reachable(roots: Sequence[Any], wanted: set[Any] | None) -> tuple[set[Any], dict[Any, int]]:
    """The nodes on a way to the wanted ones (None: all), and how many arrows lead to each."""
    seen: dict[Any, list[Any]] = {}
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen[node] = [after for after, _ in node.next_functions if after is not None]
            stack += seen[node]
    useful = set(seen) if wanted is None else _ancestors(seen, wanted)
    waiting = dict.fromkeys(useful, 0)
    for node in useful:
        for after in seen[node]:
            if after in useful:
                waiting[after] += 1
    return useful, waiting


def _ancestors(graph: dict[Any, list[Any]], wanted: set[Any]) -> set[Any]:
    before: dict[Any, list[Any]] = {}
    for node, after in graph.items():
        for other in after:
            before.setdefault(other, []).append(node)
    found, stack = set(), [node for node in wanted if node in graph]
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack += before.get(node, [])
    return found


def _call(node: Any, got: dict[int, Tensor], accumulate: bool, order: set[Any]) -> Sequence[Any]:
    """A node's gradients for its inputs; a leaf keeps its own."""
    if hasattr(node, "variable"):
        if accumulate:
            _accumulate(node.variable, got.get(0))
        return ()
    # behind a target nothing is asked for
    if not any(after in order for after, _ in node.next_functions if after is not None):
        return ()
    # functions written in Python are applied, not called
    run = node if callable(node) else node.apply
    given = run(*(got.get(i) for i in range(len(node._input_metadata))))
    return given if isinstance(given, tuple) else (given,)


def _accumulate(leaf: Tensor, value: Tensor | None) -> None:
    if value is not None:
        leaf.grad = value.detach() if leaf.grad is None else leaf.grad + value.detach()


def _add(arrived: dict[Any, dict[int, Tensor]], edge: Edge, value: Tensor) -> None:
    """Adds a gradient to what has arrived; a broadcast one is summed to the tensor's shape."""
    known = edge[0].variable if hasattr(edge[0], "variable") else edge[0]._input_metadata[edge[1]]
    if value.shape != known.shape:
        value = value.sum_to_size(known.shape)
    place = arrived.setdefault(edge[0], {})
    place[edge[1]] = place[edge[1]] + value if edge[1] in place else value
