"""Training steps on a real GPU: the numbers of the CPU for given draws, no wait inside a step, and
memory as it was counted.  ``make gpu-test`` runs these and the benchmarks, in ten minutes."""

from __future__ import annotations

import pytest
import torch

from mixlib.catalog import build as builder
from mixlib.counting.activations import Activations
from mixlib.training.recipes import recipe
from tests.contracts.test_fake_device import READS
from tests.contracts.test_objectives import CASES, CLASSES, network, params

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.xdist_group("gpu"),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
WAITING = {name.split(".")[2] for name in READS}
"""Modules of the methods that wait for the device, for reasons that the list gives."""
# sums in another order; chaotic: a search or a transport turns with the last digit of a score
LOOSE = {"puzzlemix", "comixup", "supermix", "alignmix", "augmix"}


def waits(name):
    """Whether a method is on the list of those that read the device in a step."""
    from mixlib.catalog.methods import method

    module = method(name).path()
    return any(word in str(module) for word in WAITING) or "teacher" in method(name).needs


def step(name, released, device, precision="fp32"):
    """Loss and gradients of one step with given weights, images and draws."""
    torch.manual_seed(0)
    objective = builder.objective(
        name, network(name), params(name, released), recipe("imagenet_deit"), steps=4, seed=0
    )
    objective.to(device).train()
    data = torch.Generator().manual_seed(0)
    x, y = torch.randn(4, 3, 64, 64, generator=data), torch.arange(4) % CLASSES
    # dropout and stochastic depth have generators of their device: none here
    for module in objective.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "drop_prob"):
            module.drop_prob = 0.0
    with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
        done = objective(x.to(device), y.to(device), torch.Generator().manual_seed(2))
    done.loss.backward()
    grads = {n: p.grad.float().cpu() for n, p in objective.named_parameters() if p.grad is not None}
    return done.loss.detach().float().cpu(), grads


@pytest.fixture(autouse=True)
def exact_products():
    """Products of float32 in float32: TF32 has ten bits."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize(("name", "released"), CASES)
def test_a_step_is_that_of_the_cpu(name, released):
    (ours, first), (theirs, second) = (step(name, released, d) for d in ("cpu", "cuda"))
    torch.testing.assert_close(theirs, ours, rtol=5e-2 if name in LOOSE else 1e-4, atol=1e-5)
    assert first.keys() == second.keys()
    if name not in LOOSE:
        norm = sum(float(g.square().sum()) for g in first.values()) ** 0.5
        apart = sum(float((second[n] - g).square().sum()) for n, g in first.items()) ** 0.5
        assert apart < 1e-3 * norm


@pytest.mark.parametrize("name", ["vanilla", "cutmix", "fmix", "tokenmix", "automix"])
def test_a_step_in_bf16_is_near_that_of_the_cpu_in_fp32(name):
    (ours, _), (theirs, grads) = step(name, False, "cpu"), step(name, False, "cuda", "bf16")
    torch.testing.assert_close(theirs, ours, rtol=5e-2, atol=5e-2)
    assert all(g.isfinite().all() for g in grads.values())


@pytest.mark.parametrize("name", [n for n, released in CASES if not released and not waits(n)])
def test_a_step_makes_the_host_wait_for_nothing(name):
    chosen = recipe("imagenet_deit")
    objective = builder.objective(name, network(name), params(name, False), chosen, steps=4, seed=0)
    objective.to("cuda").train()
    x = torch.randn(4, 3, 64, 64, device="cuda")
    y = torch.zeros(4, dtype=torch.int64, device="cuda")
    for warm in (True, False):
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("default" if warm else "error")
        try:
            objective(x, y, torch.Generator().manual_seed(0)).loss.backward()
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", ["mixup", "automix"])
def test_memory_is_what_was_counted(name):
    """Activations of a step, by the allocator against the count that costs and checks rest on."""
    objective = builder.objective(
        name, builder.net("resnet18", 1000, 0), {"alpha": 1.0} if name == "mixup" else {},
        recipe("imagenet_pytorch"), steps=4, seed=0,
    )  # fmt: skip
    objective.to("cuda").train()
    x = torch.randn(16, 3, 224, 224, device="cuda")
    y = torch.zeros(16, dtype=torch.int64, device="cuda")
    objective(x, y, torch.Generator().manual_seed(0)).loss.backward()  # workspaces are there
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    with Activations([*objective.parameters(), *objective.buffers()]) as kept:
        loss = objective(x, y, torch.Generator().manual_seed(1)).loss
    loss.backward()
    used = torch.cuda.max_memory_allocated() - before
    print(f"{name}: {kept.peak / 2**20:.0f} MiB counted, {used / 2**20:.0f} MiB used")
    assert 0.8 * kept.peak < used < 2.0 * kept.peak + 2**28
