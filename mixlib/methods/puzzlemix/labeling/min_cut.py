"""Exact labelings by a minimum cut, image by image, on the CPU.

Ishikawa, "Exact Optimization for Markov Random Fields with Convex Priors", PAMI 2003: one node per
cell and label step ("is the label above k?"); the squared jump of two cells splits into directed
edges between their layers.  Last resort for the images that the batched iteration leaves open.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from mixlib.methods.puzzlemix.labeling.costs import Costs

# scipy's flows are int32: all capacities of an image together stay below 2^31
CAPACITY = 1.0e9


def by_flow(costs: Costs) -> Int[Tensor, "B h w"]:
    """Labels of least energy, up to the rounding of costs to about 1e-9 of their sum.

    A Python loop over images, with every image copied to the CPU: about 1 ms each at 16 x 16.
    """
    unary, down, right = (t.detach().double().cpu().numpy() for t in _parts(costs))
    labels = [_cut(*image) for image in zip(unary, down, right, strict=True)]
    return torch.from_numpy(np.stack(labels)).to(costs.unary.device)


def _parts(costs: Costs) -> tuple[Tensor, Tensor, Tensor]:
    return costs.unary, costs.down, costs.right


def _cut(unary: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Labels [h, w] of one image."""
    # no part of the core's requirements: PuzzleMix asks for it when it is built
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    h, w, n = unary.shape
    layers = n - 1
    nodes = h * w * layers
    node = np.arange(nodes).reshape(h, w, layers)
    source, sink = nodes, nodes + 1
    slopes = np.diff(unary, axis=-1).ravel()
    tails: list[np.ndarray] = []
    heads: list[np.ndarray] = []
    caps: list[np.ndarray] = []

    def join(tail: np.ndarray, head: np.ndarray, cap: np.ndarray) -> None:
        shape = np.broadcast_shapes(tail.shape, head.shape, cap.shape)
        for into, value in ((tails, tail), (heads, head), (caps, cap)):
            into.append(np.broadcast_to(value, shape).ravel())

    # the source's side of the cut is "label above k": a positive slope must be paid there
    join(node.ravel(), np.array([sink]), slopes.clip(min=0))
    join(np.array([source]), node.ravel(), (-slopes).clip(min=0))
    for a, b, weight in (
        (node[:-1], node[1:], down[..., None, None]),
        (node[:, :-1], node[:, 1:], right[..., None, None]),
    ):
        # second difference of the squared jump: all of it above the diagonal, half of it on it
        share = np.tril(np.full((layers, layers), 2.0), -1) + np.eye(layers)
        weight = weight * share / layers**2
        join(a[..., :, None], b[..., None, :], weight)
        join(b[..., :, None], a[..., None, :], weight)
    cap = np.concatenate(caps)
    cap = np.rint(cap * (CAPACITY / max(cap.sum(), np.finfo(float).tiny))).astype(np.int32)
    if layers > 1:
        join(node[..., 1:], node[..., :-1], np.array([0]))
        order = np.full(sum(len(tail) for tail in tails) - len(cap), int(CAPACITY), dtype=np.int32)
        cap = np.concatenate([cap, order])
    edges = (np.concatenate(tails), np.concatenate(heads))
    graph = csr_array(coo_array((cap, edges), shape=(nodes + 2, nodes + 2)))
    flow = maximum_flow(graph, source, sink).flow
    residual = csr_array(graph - flow)
    residual.eliminate_zeros()
    above = np.zeros(nodes + 2, dtype=bool)
    above[breadth_first_order(residual, source, return_predecessors=False)] = True
    return above[:nodes].reshape(h, w, layers).sum(-1)
